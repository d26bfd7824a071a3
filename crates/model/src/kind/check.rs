//! Checks what a client sends against a kind's properties.

use serde_json::Value;

use super::{Access, Property, Shape};
use crate::{Properties, Secrets};

/// One thing wrong with what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The property, with dots between levels and indexes in brackets.
    pub target: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// What a client sent, checked and sorted.
#[derive(Debug, Clone, Default)]
pub struct Accepted {
    /// What is stored openly.
    pub properties: Properties,
    /// What is sealed.
    pub secrets: Secrets,
    /// What only this request needs ([`Access::Request`]).
    pub request: Properties,
}

/// Sorts, checks and completes properties. Nulls count as not given, unknown properties are dropped,
/// as are those that only the server sets.
pub fn accept(declared: &[Property], mut given: Properties) -> Result<Accepted, Vec<Violation>> {
    let mut accepted = Accepted::default();
    let mut violations = Vec::new();
    for property in declared {
        if matches!(property.access, Access::ReadOnly | Access::Internal) {
            continue;
        }
        let value = match take(&mut given, property.name).filter(|value| !value.is_null()) {
            Some(value) => property.shape.check(value, property.name, &mut violations),
            None => property.default.map(super::Default::value),
        };
        match value {
            Some(value) => {
                let place = match property.access {
                    Access::Secret | Access::Sealed => &mut accepted.secrets.0,
                    Access::Request => &mut accepted.request,
                    _ => &mut accepted.properties,
                };
                place.insert(property.name.to_owned(), value);
            }
            None if property.required && !violations.iter().any(|v| v.target == property.name) => {
                violations.push(Violation {
                    target: property.name.to_owned(),
                    message: format!("Required property '{}' was not given.", property.name),
                });
            }
            None => {}
        }
    }
    if violations.is_empty() { Ok(accepted) } else { Err(violations) }
}

/// Takes a property by its exact name or, failing that, whatever its case.
fn take(given: &mut Properties, name: &str) -> Option<Value> {
    if let Some(value) = given.shift_remove(name) {
        return Some(value);
    }
    let key = given.keys().find(|key| key.eq_ignore_ascii_case(name))?.clone();
    given.shift_remove(&key)
}

impl Shape {
    /// The value in its canonical form, or nothing and the reason in `violations`.
    pub fn check(&self, value: Value, target: &str, violations: &mut Vec<Violation>) -> Option<Value> {
        match (self, value) {
            (Self::Any, value) | (Self::Boolean, value @ Value::Bool(_)) => Some(value),
            (Self::Text { min, max, pattern }, Value::String(text)) => {
                let length = text.chars().count();
                if length < *min || length > *max {
                    return refuse(violations, target, &length_rule(*min, *max, length));
                }
                match pattern {
                    Some(pattern) if !(pattern.matches)(&text) => refuse(violations, target, pattern.rule),
                    _ => Some(text.into()),
                }
            }
            (Self::Integer { min, max }, Value::Number(number)) => match number.as_i64() {
                Some(whole) if (*min..=*max).contains(&whole) => Some(whole.into()),
                _ => refuse(violations, target, &format!("it is a whole number from {min} to {max}")),
            },
            (Self::Time, Value::String(text)) => match text.parse::<jiff::Timestamp>() {
                Ok(_) => Some(text.into()),
                Err(_) => refuse(violations, target, "it is a time such as 2026-01-31T12:00:00Z"),
            },
            (Self::Choice(words), Value::String(text)) => {
                match words.iter().find(|word| word.eq_ignore_ascii_case(&text)) {
                    Some(word) => Some((*word).into()),
                    None => refuse(violations, target, &format!("it is one of {}", words.join(", "))),
                }
            }
            (Self::List(_, max), Value::Array(items)) if items.len() > *max => {
                refuse(violations, target, &format!("it has at most {max} members, not {}", items.len()))
            }
            (Self::List(shape, _), Value::Array(items)) => Some(
                items
                    .into_iter()
                    .enumerate()
                    .filter_map(|(index, item)| shape.check(item, &format!("{target}[{index}]"), violations))
                    .collect(),
            ),
            (Self::Map(shape), Value::Object(map)) => Some(Value::Object(
                map.into_iter()
                    .filter_map(|(key, item)| {
                        let target = format!("{target}.{key}");
                        Some((key, shape.check(item, &target, violations)?))
                    })
                    .collect(),
            )),
            (Self::Object(properties), Value::Object(map)) => {
                Some(object(properties, map, target, violations))
            }
            (shape, _) => refuse(violations, target, &format!("it is {}", shape.in_words())),
        }
    }

    fn in_words(&self) -> &'static str {
        match self {
            Self::Text { .. } | Self::Time | Self::Choice(_) => "a text",
            Self::Integer { .. } => "a whole number",
            Self::Boolean => "true or false",
            Self::List(..) => "a list",
            Self::Map(_) | Self::Object(_) => "an object",
            Self::Any => "any value",
        }
    }
}

/// A nested object: all of it stays together, so only its shape matters here.
fn object(
    properties: &[Property],
    mut map: Properties,
    target: &str,
    violations: &mut Vec<Violation>,
) -> Value {
    let mut out = Properties::new();
    for property in properties {
        let target = format!("{target}.{}", property.name);
        match take(&mut map, property.name).filter(|value| !value.is_null()) {
            Some(value) => {
                if let Some(value) = property.shape.check(value, &target, violations) {
                    out.insert(property.name.to_owned(), value);
                }
            }
            None => match property.default {
                Some(default) => {
                    out.insert(property.name.to_owned(), default.value());
                }
                None if property.required => {
                    let message = format!("Required property '{}' was not given.", property.name);
                    violations.push(Violation { target, message });
                }
                None => {}
            },
        }
    }
    Value::Object(out)
}

fn length_rule(min: usize, max: usize, length: usize) -> String {
    match (min, max) {
        (0, max) => format!("it has at most {max} characters, not {length}"),
        (min, usize::MAX) => format!("it has at least {min} characters, not {length}"),
        (min, max) => format!("it has {min} to {max} characters, not {length}"),
    }
}

fn refuse(violations: &mut Vec<Violation>, target: &str, rule: &str) -> Option<Value> {
    violations
        .push(Violation { target: target.to_owned(), message: format!("'{target}' is not valid: {rule}.") });
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::property::text;
    use super::*;

    const INNER: &[Property] =
        &[Property::new("header", text(1, 5)).required(), Property::new("query", Shape::Boolean)];
    const DECLARED: &[Property] = &[
        Property::new("displayName", text(1, 10)).required(),
        Property::new("state", Shape::Choice(&["published", "notPublished"]))
            .default(super::super::Default::Text("notPublished")),
        Property::new("limit", Shape::Integer { min: 0, max: 9 }),
        Property::new("names", Shape::Object(INNER)),
        Property::new("tags", Shape::List(&text(1, 3), 2)),
        Property::new("createdDate", Shape::Time).access(Access::ReadOnly),
        Property::new("key", text(1, 9)).access(Access::Secret),
    ];

    fn check(given: Value) -> String {
        let Value::Object(given) = given else { panic!("an object is given") };
        match accept(DECLARED, given) {
            Ok(accepted) => {
                format!("{} {}", Value::Object(accepted.properties), Value::Object(accepted.secrets.0))
            }
            Err(violations) => violations
                .iter()
                .map(|v| format!("{}: {}", v.target, v.message))
                .collect::<Vec<_>>()
                .join("\n"),
        }
    }

    #[test]
    fn what_fits_is_completed_and_sorted() {
        insta::assert_snapshot!(
            check(json!({"DisplayName": "a", "state": "Published", "createdDate": 1, "other": [], "key": "k", "limit": null})),
            @r#"{"displayName":"a","state":"published"} {"key":"k"}"#
        );
    }

    #[test]
    fn what_does_not_fit_is_named() {
        insta::assert_snapshot!(
            check(json!({"state": "x", "limit": 1.5, "names": {"query": 1}, "tags": ["a", "long"], "key": ""})),
            @r"
        displayName: Required property 'displayName' was not given.
        state: 'state' is not valid: it is one of published, notPublished.
        limit: 'limit' is not valid: it is a whole number from 0 to 9.
        names.header: Required property 'header' was not given.
        names.query: 'names.query' is not valid: it is true or false.
        tags[1]: 'tags[1]' is not valid: it has 1 to 3 characters, not 4.
        key: 'key' is not valid: it has 1 to 9 characters, not 0.
        "
        );
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-zA-Z0-9/@. ]{0,12}".prop_map(Value::from),
            Just(Value::from("2026-01-31T12:00:00Z")),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let keys =
                prop::sample::select(vec!["name", "type", "value", "header", "query", "contentType", "x"]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((keys, inner), 0..4).prop_map(|pairs| Value::Object(
                    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
                )),
            ]
        })
    }

    proptest! {
        /// Whatever is sent as whatever kind, it is refused or taken, and what was taken is taken again unchanged.
        #[test]
        fn what_is_accepted_is_canonical(
            kind in prop::sample::select(super::super::all()),
            values in prop::collection::vec(any_json(), 30),
        ) {
            let names = kind.properties().iter().map(|property| property.name.to_owned());
            let given: Properties = names.zip(values).collect();
            if let Ok(once) = accept(kind.properties(), given) {
                let mut again = once.properties.clone();
                again.extend(once.secrets.0.clone());
                again.extend(once.request.clone());
                let twice = accept(kind.properties(), again).unwrap();
                prop_assert_eq!(&twice.properties, &once.properties);
                prop_assert_eq!(twice.secrets, once.secrets);
                prop_assert_eq!(twice.request, once.request);
            }
        }
    }
}
