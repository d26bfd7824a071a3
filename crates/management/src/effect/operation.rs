//! Operations: one for each method and URL template of an API, its template parameters all described.

use evergate_model::Resource;
use serde_json::Value;

use crate::engine::{Context, Draft};
use crate::error::ApiError;

pub(super) async fn prepare(context: &Context<'_>, draft: &mut Draft<'_>) -> Result<(), ApiError> {
    let template = draft.text("urlTemplate").unwrap_or_default().to_owned();
    let described: Vec<&str> = draft
        .properties
        .get("templateParameters")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|parameter| parameter.get("name")?.as_str())
        .collect();
    for name in parameters(&template)? {
        if !described.iter().any(|described| described.trim_start_matches('*') == name) {
            return Err(ApiError::invalid(
                "templateParameters",
                format!(
                    "All template parameters used in the UriTemplate must be defined in the Operation: '{name}' is not."
                ),
            ));
        }
    }
    let method = draft.text("method").unwrap_or_default().to_ascii_uppercase();
    draft.set("method", method.as_str());
    let same = |resource: &Resource| {
        let text = |name: &str| resource.properties.get(name).and_then(Value::as_str).unwrap_or_default();
        text("method").eq_ignore_ascii_case(&method) && shape(text("urlTemplate")) == shape(&template)
    };
    if draft.existing.is_some_and(same) {
        return Ok(());
    }
    draft.exclusive = true;
    let others = context.members(draft.located.stored.collection()).await?;
    match others.iter().find(|other| other.path != draft.located.stored && same(other)) {
        None => Ok(()),
        Some(other) => Err(ApiError::conflict(
            "ValidationError",
            format!(
                "The operation '{}' of this API has the same method {method} and the same URL template '{template}'.",
                other.path.name()
            ),
        )),
    }
}

/// The names between braces.
fn parameters(template: &str) -> Result<Vec<&str>, ApiError> {
    let broken = |problem: &str| {
        ApiError::invalid("urlTemplate", format!("'urlTemplate' is not valid: {problem} in '{template}'."))
    };
    let mut names = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find(['{', '}']) {
        if rest[open..].starts_with('}') {
            return Err(broken("a '}' has no '{'"));
        }
        let inside = &rest[open + 1..];
        let close = inside.find(['{', '}']).filter(|close| inside[*close..].starts_with('}'));
        let close = close.ok_or_else(|| broken("a '{' has no '}'"))?;
        let name = inside[..close].trim_start_matches('*');
        if name.is_empty() {
            return Err(broken("a parameter has no name"));
        }
        names.push(name);
        rest = &inside[close + 1..];
    }
    Ok(names)
}

/// The template without the names of its parameters: `/pets/{id}` and `/pets/{name}` match the same requests.
fn shape(template: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for character in template.trim_end_matches('/').chars() {
        match character {
            '{' => {
                inside = true;
                out.push('{');
            }
            '}' => inside = false,
            '*' if inside => out.push('*'),
            _ if inside => {}
            other => out.extend(other.to_lowercase()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn templates_are_read() {
        assert_eq!(parameters("/a/{b}/{*c}?d={e}").unwrap(), ["b", "c", "e"]);
        for broken in ["/{", "/}", "/{}", "/{a{b}}", "/{a}}"] {
            assert!(parameters(broken).is_err(), "{broken}");
        }
        assert_eq!(shape("/Pets/{id}/"), shape("/pets/{name}"));
        assert_ne!(shape("/pets/{id}"), shape("/pets/{*rest}"));
    }

    proptest! {
        #[test]
        fn no_template_panics(template in "\\PC*") {
            let _ = parameters(&template);
            shape(&template);
        }
    }
}
