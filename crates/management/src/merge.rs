//! JSON merge patch (RFC 7396), on objects.

use evergate_model::Properties;
use serde_json::Value;

/// Applies `patch` to `target`: objects merge, null removes, everything else replaces.
pub(crate) fn merge(target: &mut Properties, patch: Properties) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                target.shift_remove(&name);
            }
            Value::Object(patch) => {
                let entry = target.entry(name).or_insert(Value::Null);
                if !entry.is_object() {
                    *entry = Value::Object(Properties::new());
                }
                if let Value::Object(inner) = entry {
                    merge(inner, patch);
                }
            }
            value => {
                target.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_merge_and_null_removes() {
        let (Value::Object(mut target), Value::Object(patch)) = (
            json!({"a": {"b": 1, "c": 2}, "d": 3, "e": [1]}),
            json!({"a": {"b": null, "x": {"y": null, "z": 1}}, "d": {"f": 4}, "e": [2]}),
        ) else {
            panic!("objects")
        };
        merge(&mut target, patch);
        assert_eq!(Value::Object(target), json!({"a": {"c": 2, "x": {"z": 1}}, "d": {"f": 4}, "e": [2]}));
    }
}
