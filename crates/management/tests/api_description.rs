//! The fuzz target's body on stable: random texts, and random trees of the words that descriptions use.

#[path = "../../../fuzz/bodies/api_description.rs"]
mod api_description;

use proptest::prelude::*;
use serde_json::Value;

const WORDS: [&str; 38] = [
    "$ref",
    "#/paths",
    "#/components/schemas/A",
    "#/definitions/A",
    "components",
    "definitions",
    "schemas",
    "paths",
    "get",
    "post",
    "/a",
    "/{b}",
    "/a/{b}/{c}",
    "parameters",
    "in",
    "path",
    "query",
    "header",
    "formData",
    "body",
    "name",
    "b",
    "schema",
    "A",
    "responses",
    "200",
    "default",
    "content",
    "application/json",
    "application/x-www-form-urlencoded",
    "requestBody",
    "examples",
    "value",
    "type",
    "object",
    "properties",
    "required",
    "headers",
];

fn any_tree() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(WORDS.to_vec());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        words.clone().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(7, 96, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((words.clone(), inner), 0..6).prop_map(|pairs| {
                Value::Object(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            }),
        ]
    })
}

/// A tree with the shape of operations, so that most of it is read.
fn any_paths() -> impl Strategy<Value = Value> {
    let operation = prop::collection::btree_map(
        prop::sample::select(vec![
            "operationId",
            "parameters",
            "requestBody",
            "responses",
            "consumes",
            "produces",
        ]),
        any_tree(),
        0..4,
    );
    let item =
        prop::collection::btree_map(prop::sample::select(vec!["get", "put", "parameters"]), operation, 0..3);
    prop::collection::btree_map(prop::sample::select(vec!["/a", "/a/{b}", "/{c}/d"]), item, 0..3)
        .prop_map(|paths| serde_json::json!(paths))
}

proptest! {
    #[test]
    fn random_bytes(data in prop::collection::vec(any::<u8>(), 0..512)) {
        api_description::body(&data);
    }

    #[test]
    fn random_trees(tree in any_tree()) {
        api_description::body(tree.to_string().as_bytes());
    }

    #[test]
    fn random_operations(paths in any_paths(), definitions in any_tree()) {
        let tree = serde_json::json!({"paths": paths, "definitions": definitions});
        api_description::body(tree.to_string().as_bytes());
    }
}
