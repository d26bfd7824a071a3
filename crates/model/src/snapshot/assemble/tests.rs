//! From canonical resources to what the gateway needs of them.

use serde_json::json;

use super::*;
use crate::snapshot::SubscriptionScope;
use crate::{ETag, GenerationId, Revision, ServiceId, Sku};

fn service() -> Service {
    Service {
        id: ServiceId {
            subscription: crate::SubscriptionId::new("00000000-0000-0000-0000-000000000001").unwrap(),
            resource_group: crate::ResourceGroupName::new("rg").unwrap(),
            name: crate::ServiceName::new("Contoso").unwrap(),
        },
        location: "westeurope".to_owned(),
        sku: Sku { name: "Developer".to_owned(), capacity: 1 },
        tags: Properties::new(),
        body: object(&json!({"properties": {"hostnameConfigurations": [
            {"type": "Proxy", "hostName": "API.example.com"},
            {"type": "Management", "hostName": "m.example.com"},
        ]}})),
        etag: ETag("1".to_owned()),
        created_at: jiff::Timestamp::UNIX_EPOCH,
        revision: Revision(7),
        generation: GenerationId(3),
    }
}

fn object(value: &serde_json::Value) -> Properties {
    value.as_object().unwrap().clone()
}

fn put(
    configuration: &mut ServiceConfiguration,
    path: &str,
    properties: &serde_json::Value,
    secrets: &serde_json::Value,
) {
    let secrets = secrets.to_string();
    configuration.put_text(path, &properties.to_string(), Some(&secrets)).unwrap();
}

#[test]
fn rows_come_in_any_order() {
    let mut configuration = ServiceConfiguration::new(&service());
    assert_eq!(configuration.hostnames, ["api.example.com"]);
    let none = json!({});
    put(
        &mut configuration,
        "/apis/Pets/operations/get/policies/policy",
        &json!({"value": "<policies/>"}),
        &none,
    );
    put(&mut configuration, "/products/Starter/apis/Pets;rev=2", &none, &none);
    let operation = json!({"method": "get", "urlTemplate": "/pets/{id}", "responses": [
        {"statusCode": 200, "representations": [
            {"contentType": "application/json", "examples": {"default": {"value": {"id": 1}}}}
        ]}
    ]});
    put(&mut configuration, "/apis/pets/operations/Get", &operation, &none);
    assert!(!configuration.apis["pets"].declared);
    put(
        &mut configuration,
        "/apis/pets",
        &json!({"path": "/pets/", "apiVersionSetId": "/apiVersionSets/V"}),
        &none,
    );
    put(&mut configuration, "/apis/pets/schemas/x", &none, &none);

    let api = &configuration.apis["pets"];
    assert!(api.declared && api.is_current && api.subscription_required);
    assert_eq!((api.path.as_str(), api.version_set.as_deref()), ("pets", Some("v")));
    let operation = &api.operations["get"];
    assert_eq!((operation.method.as_str(), operation.policy.as_deref()), ("GET", Some("<policies/>")));
    assert_eq!(&*operation.responses[0].representations[0].examples[0], r#"{"id":1}"#);
    assert!(configuration.products["starter"].apis.contains("pets"));
}

#[test]
fn an_edit_shares_what_it_leaves_alone() {
    let mut first = ServiceConfiguration::new(&service());
    let none = json!({});
    put(&mut first, "/apis/a", &json!({"path": "a"}), &none);
    put(&mut first, "/apis/b", &json!({"path": "b"}), &none);
    put(&mut first, "/users/u", &json!({"state": "active"}), &none);
    let mut second = first.clone();
    put(&mut second, "/apis/a/operations/o", &json!({"method": "GET", "urlTemplate": "/"}), &none);
    assert!(!Arc::ptr_eq(&first.apis["a"], &second.apis["a"]));
    assert!(Arc::ptr_eq(&first.apis["b"], &second.apis["b"]));
    assert!(Arc::ptr_eq(&first.products, &second.products));
    assert!(Arc::ptr_eq(&first.blocked_users, &second.blocked_users));
    second.remove(&ResourcePath::parse("/APIS/A").unwrap());
    assert!(second.apis.len() == 1 && first.apis.len() == 2);
}

#[test]
fn subscriptions_keep_their_keys_and_scope() {
    let check = |scope: &str, expected: SubscriptionScope| {
        let mut configuration = ServiceConfiguration::new(&service());
        let properties = json!({"scope": scope, "state": "active", "ownerId": "/users/Ann"});
        put(
            &mut configuration,
            "/subscriptions/s",
            &properties,
            &json!({"primaryKey": "k1", "secondaryKey": "k2"}),
        );
        let subscription = configuration.subscriptions["s"].clone();
        assert_eq!(subscription.scope, expected, "{scope}");
        assert!(subscription.active && subscription.owner.as_deref() == Some("ann"));
        assert!(!format!("{subscription:?}").contains("k1"));
        let text = serde_json::to_string(&configuration).unwrap();
        let back: ServiceConfiguration = serde_json::from_str(&text).unwrap();
        assert_eq!(back.subscriptions["s"].keys, subscription.keys);
    };
    check("/products/Starter", SubscriptionScope::Product("starter".to_owned()));
    check("/apis/Pets;rev=3", SubscriptionScope::Api("pets".to_owned()));
    check("/apis", SubscriptionScope::AllApis);
    check("/", SubscriptionScope::AllApis);
    check("/subscriptions/x/service/s1/apis", SubscriptionScope::AllApis);
    check("/nonsense/x", SubscriptionScope::Product(String::new()));
}

#[test]
fn a_subscription_without_a_scope_opens_nothing() {
    for properties in [json!({"state": "active"}), json!({"state": "active", "scope": 1})] {
        let mut configuration = ServiceConfiguration::new(&service());
        put(&mut configuration, "/subscriptions/s", &properties, &json!({"primaryKey": "k"}));
        assert_eq!(configuration.subscriptions["s"].scope, SubscriptionScope::Product(String::new()));
    }
}
