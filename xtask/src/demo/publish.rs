//! The service that the demo loses and recovers: an API of a port, published to pilots.

use anyhow::ensure;
use evergate_tests::Management;
use serde_json::{Value, json};

/// The service's name.
pub(super) const SERVICE: &str = "harbour";
/// A call of its API as clients make it.
pub(super) const CALL: &str = "/port/berths/A7/arrivals?from=2026-01-01";

/// A description of the shape of a real one, written for this demo.
const DESCRIPTION: &str = include_str!("../../demo/harbour.yaml");
const SECRET: &str = "tide-4711";

/// Creates and publishes everything, and returns the subscription's key.
pub(super) async fn publish(management: &Management, upstream: &str) -> anyhow::Result<String> {
    management.create_service(SERVICE, "westeurope", "Developer").await?;
    let service = management.service(SERVICE);
    let policy = "<policies><inbound><base /><set-header name=\"X-Pilot-Token\" exists-action=\"override\">\
         <value>{{pilot-token}}</value></set-header></inbound><backend><base /></backend>\
         <outbound><base /></outbound><on-error><base /></on-error></policies>";
    let resources = [
        (
            "/apis/port",
            json!({
                "path": "port", "format": "openapi", "value": DESCRIPTION,
                "serviceUrl": upstream, "protocols": ["http", "https"],
            }),
        ),
        ("/namedValues/pilot-token", json!({"displayName": "pilot-token", "value": SECRET, "secret": true})),
        ("/apis/port/policies/policy", json!({"format": "xml", "value": policy})),
        (
            "/products/pilots",
            json!({
                "displayName": "Pilots", "subscriptionRequired": true, "state": "published",
            }),
        ),
        ("/products/pilots/apis/port", json!({})),
        (
            "/subscriptions/pilot-station",
            json!({
                "displayName": "Pilot station", "scope": "/products/pilots", "state": "active",
            }),
        ),
    ];
    for (path, properties) in resources {
        management.put(&format!("{service}{path}"), &json!({"properties": properties})).await?;
    }
    management.subscription_key(SERVICE, "pilot-station").await
}

/// Whether the back end saw what it should.
pub(super) fn check_answer(answer: &Value) -> anyhow::Result<()> {
    ensure!(answer["path"] == "/berths/A7/arrivals", "the back end saw another path: {answer}");
    ensure!(answer["headers"]["x-pilot-token"] == SECRET, "the policy's header is missing: {answer}");
    Ok(())
}
