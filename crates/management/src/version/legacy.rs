//! What older api-versions call things, translated on the way in and on the way out.
//!
//! | before | was | is |
//! | --- | --- | --- |
//! | 2019-12-01 | collection `properties` | `namedValues` |
//! | 2019-12-01 | keys and secret values in every answer | `listSecrets`, `listValue` |
//! | 2019-01-01 | `policyContent`, `contentFormat` | `value`, `format` |
//! | 2019-01-01 | `contentValue`, `contentFormat` of an API | `value`, `format` |
//! | 2019-01-01 | `productId`, `userId` of a subscription | `scope`, `ownerId` |
//! | 2020-06-01 | `PATCH` answers 204 | 200 with the resource |

use std::borrow::Cow;

use evergate_model::Properties;
use evergate_model::kind::{Effect, Kind};
use serde_json::Value;

use super::ApiVersion;

impl ApiVersion {
    /// The collection that this version calls `segment`.
    pub(crate) fn collection(self, segment: &str, top: bool) -> Cow<'_, str> {
        if top && self.before("2019-12-01") && segment.eq_ignore_ascii_case("properties") {
            Cow::Borrowed("namedValues")
        } else {
            Cow::Borrowed(segment)
        }
    }

    /// A path or type as this version writes it.
    pub(crate) fn written(self, text: &str) -> Cow<'_, str> {
        if self.before("2019-12-01") && text.contains("namedValues") {
            Cow::Owned(text.replacen("namedValues", "properties", 1))
        } else {
            Cow::Borrowed(text)
        }
    }

    /// Whether answers carry secrets that later have an action of their own.
    pub(crate) fn shows_secrets(self) -> bool {
        self.before("2019-12-01")
    }

    /// Whether a `PATCH` answers with the resource.
    pub(crate) fn patch_answers(self) -> bool {
        !self.before("2020-06-01")
    }

    /// Renames what a client of this version sent.
    pub(crate) fn properties_in(self, kind: &Kind, given: &mut Properties) {
        if kind.effect == Effect::Subscription {
            // Later versions dropped these names, but clients went on sending them.
            rename(given, "productId", "scope");
            rename(given, "userId", "ownerId");
        }
        if !self.before("2019-01-01") {
            return;
        }
        match kind.effect {
            Effect::Policy => {
                rename(given, "policyContent", "value");
                rename(given, "contentFormat", "format");
            }
            Effect::Api => {
                rename(given, "contentValue", "value");
                rename(given, "contentFormat", "format");
            }
            _ => {}
        }
    }

    /// Renames what a client of this version expects.
    pub(crate) fn properties_out(self, kind: &Kind, shown: &mut Properties) {
        if !self.before("2019-01-01") {
            return;
        }
        match kind.effect {
            Effect::Policy => {
                rename(shown, "value", "policyContent");
                rename(shown, "format", "contentFormat");
            }
            Effect::Subscription => {
                let product = shown
                    .get("scope")
                    .filter(|scope| scope.as_str().is_some_and(|scope| scope.contains("/products/")))
                    .cloned();
                shown.insert("productId".to_owned(), product.unwrap_or(Value::Null));
                rename(shown, "ownerId", "userId");
            }
            _ => {}
        }
    }
}

fn rename(properties: &mut Properties, from: &str, to: &str) {
    let Some(key) = properties.keys().find(|key| key.eq_ignore_ascii_case(from)).cloned() else { return };
    if let Some(value) = properties.shift_remove(&key)
        && !properties.contains_key(to)
    {
        properties.insert(to.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use evergate_model::kind;
    use serde_json::json;

    use super::*;

    fn check(version: &str, resource_type: &str, given: Value) -> (Value, Value) {
        let version = ApiVersion::parse(Some(version), "service").unwrap();
        let kind = kind::find(resource_type).unwrap();
        let Value::Object(mut properties) = given else { panic!("an object") };
        version.properties_in(kind, &mut properties);
        let canonical = Value::Object(properties.clone());
        version.properties_out(kind, &mut properties);
        (canonical, Value::Object(properties))
    }

    #[test]
    fn the_oldest_version_speaks_its_own_words() {
        let old = json!({"policyContent": "<policies/>", "contentFormat": "xml"});
        let new = json!({"value": "<policies/>", "format": "xml"});
        assert_eq!(check("2018-06-01-preview", "policies", old.clone()), (new.clone(), old));
        assert_eq!(check("2019-01-01", "policies", new.clone()), (new.clone(), new));
        let (canonical, shown) = check(
            "2018-06-01-preview",
            "subscriptions",
            json!({"productId": "/products/p", "userId": "/users/u"}),
        );
        assert_eq!(canonical, json!({"scope": "/products/p", "ownerId": "/users/u"}));
        assert_eq!(shown["productId"], "/products/p");
        assert_eq!(shown["userId"], "/users/u");
        let (canonical, _) =
            check("2018-06-01-preview", "apis", json!({"contentValue": "x", "contentFormat": "openapi"}));
        assert_eq!(canonical, json!({"value": "x", "format": "openapi"}));
    }

    #[test]
    fn named_values_were_properties() {
        let old = ApiVersion::parse(Some("2019-01-01"), "service").unwrap();
        let new = ApiVersion::parse(Some("2022-08-01"), "service").unwrap();
        assert_eq!(old.collection("Properties", true), "namedValues");
        assert_eq!(new.collection("properties", true), "properties");
        assert_eq!(old.written("/namedValues/x"), "/properties/x");
        assert_eq!(new.written("/namedValues/x"), "/namedValues/x");
    }
}
