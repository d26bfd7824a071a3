//! The language of `$filter`: what it selects, what it refuses, and that nothing panics.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn check(filter: &str) -> Result<bool, String> {
    let resource = json!({
        "name": "Pets", "displayName": "It's a Petstore", "count": 3, "isCurrent": true,
        "createdDate": "2026-01-02T03:04:05Z", "properties/state": "active",
    });
    let lookup = |name: &str| resource.get(name);
    parse(filter).map(|filter| filter.passes(&lookup)).map_err(|error| error.to_string())
}

#[test]
fn filters_choose() {
    for (filter, passes) in [
        ("name eq 'pets'", true),
        ("name ne 'pets'", false),
        ("name gt 'a' and name lt 'z'", true),
        ("count ge 3 and count le 3", true),
        ("count gt 3", false),
        ("isCurrent", true),
        ("not isCurrent or count eq 3", true),
        ("not (isCurrent or count eq 3)", false),
        ("isCurrent eq false", false),
        ("missing eq null", true),
        ("missing ne 'x'", true),
        ("contains(displayName,'PETSTORE')", true),
        ("startswith( displayName , 'It''s' )", true),
        ("endswith(displayName,'x') eq false", true),
        ("substringof('store',displayName)", true),
        ("createdDate gt 2025-12-31T00:00:00Z", true),
        ("createdDate lt '2025-12-31T00:00:00Z'", false),
        ("properties/state eq 'active'", true),
        ("name eq 'x' or name eq 'pets' and count eq 3", true),
    ] {
        assert_eq!(check(filter), Ok(passes), "{filter}");
    }
}

#[test]
fn refusals_say_where() {
    let refused = [
        "",
        "name",
        "name eq",
        "name eq pets",
        "name is 'x'",
        "(name eq 'x'",
        "name eq 'x",
        "name eq 'x' name",
        "length(name,'x')",
        "contains('x',name)",
        "contains(name 'x')",
    ]
    .map(|filter| {
        format!("{filter:20} {}", check(filter).map_or_else(|error| error, |passes| passes.to_string()))
    })
    .join("\n");
    insta::assert_snapshot!(refused, @r#"
                             $filter is not valid at character 1: the name of a property is expected
        name                 false
        name eq              $filter is not valid at character 8: a text in single quotes, a number, true, false or null is expected
        name eq pets         $filter is not valid at character 9: a text in single quotes, a number, true, false or null is expected
        name is 'x'          $filter is not valid at character 6: one of eq, ne, gt, ge, lt, le is expected
        (name eq 'x'         $filter is not valid at character 13: ')' is expected
        name eq 'x           $filter is not valid at character 9: the text that begins here has no closing quote
        name eq 'x' name     $filter is not valid at character 13: 'and', 'or' or the end is expected
        length(name,'x')     $filter is not valid at character 8: there is no function 'length'; there are contains, startswith, endswith and substringof
        contains('x',name)   $filter is not valid at character 10: the name of a property is expected
        contains(name 'x')   $filter is not valid at character 15: ',' is expected
        "#);
    assert!(check(&"not ".repeat(100)).unwrap_err().contains("nested"));
    assert!(check(&"(".repeat(100_000)).unwrap_err().contains("nested"));
}

fn written(filter: &Filter) -> String {
    match filter {
        Filter::And(all) => joined(all, " and "),
        Filter::Or(any) => joined(any, " or "),
        Filter::Not(inner) => format!("not ({})", written(inner)),
        Filter::Is(name) => name.clone(),
        Filter::Compare(name, operator, literal) => {
            let literal = match literal {
                Literal::Text(text) => format!("'{}'", text.replace('\'', "''")),
                Literal::Number(number) => number.to_string(),
                Literal::Boolean(boolean) => boolean.to_string(),
                Literal::Null => "null".to_owned(),
            };
            format!("{name} {} {literal}", format!("{operator:?}").to_lowercase())
        }
        Filter::Text(function, name, text) => {
            format!("{}({name},'{}')", format!("{function:?}").to_lowercase(), text.replace('\'', "''"))
        }
    }
}

fn joined(filters: &[Filter], word: &str) -> String {
    filters.iter().map(|filter| format!("({})", written(filter))).collect::<Vec<_>>().join(word)
}

fn any_filter() -> impl Strategy<Value = Filter> {
    let name = "p[a-zA-Z0-9_/.]{0,8}";
    let literal = prop_oneof![
        "[^\\p{Cc}]{0,8}".prop_map(Literal::Text),
        (-1000_i32..1000).prop_map(|number| Literal::Number(f64::from(number))),
        any::<bool>().prop_map(Literal::Boolean),
        Just(Literal::Null),
    ];
    let operator = prop::sample::select(vec![
        Operator::Eq,
        Operator::Ne,
        Operator::Gt,
        Operator::Ge,
        Operator::Lt,
        Operator::Le,
    ]);
    let function = prop::sample::select(vec![Function::Contains, Function::StartsWith, Function::EndsWith]);
    let leaf = prop_oneof![
        name.prop_map(Filter::Is),
        (name, operator, literal)
            .prop_map(|(name, operator, literal)| Filter::Compare(name, operator, literal)),
        (function, name, "[^\\p{Cc}]{0,8}")
            .prop_map(|(function, name, text)| Filter::Text(function, name, text)),
    ];
    leaf.prop_recursive(4, 32, 2, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
            inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(filter in any_filter()) {
        prop_assert_eq!(parse(&written(&filter)), Ok(filter));
    }

    #[test]
    fn no_text_panics(text in "\\PC*") {
        let resource = Value::Null;
        if let Ok(filter) = parse(&text) {
            filter.passes(&|name| resource.get(name));
        }
    }
}
