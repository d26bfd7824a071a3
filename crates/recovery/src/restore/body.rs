//! Which of a service's own settings a restore brings, and which stay with the target.
//!
//! What ties a service to its place stays: identity, network, host names and their certificates.
//! Active and standby share a custom host name, so traffic moves with one DNS change.

use evergate_archive::Manifest;
use evergate_model::{GenerationId, Properties, Revision, Service};
use evergate_store::{SharedStore, StoreError};
use serde_json::{Value, json};

use super::record;

const FORMERS: &str = "former-generations";

/// Settings whose names begin so stay with the target.
const KEPT_PREFIXES: [&str; 9] = [
    "hostname",
    "virtualnetwork",
    "publicip",
    "publicnetwork",
    "privateip",
    "privateendpoint",
    "outboundpublicip",
    "natgateway",
    "configurationapi",
];

/// Other settings that stay: places, addresses, and what the server itself says about the service.
const KEPT: [&str; 14] = [
    "additionallocations",
    "certificates",
    "createdatutc",
    "developerportalurl",
    "disablegateway",
    "gatewayregionalurl",
    "gatewayurl",
    "managementapiurl",
    "platformversion",
    "portalurl",
    "provisioningstate",
    "restore",
    "scmurl",
    "targetprovisioningstate",
];

fn stays(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    KEPT.contains(&name.as_str()) || KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// The body a service has after a restore.
pub(super) fn restored(current: &Properties, manifest: &Manifest) -> Properties {
    match manifest.service_body.get("body").and_then(Value::as_object) {
        Some(backed_up) => merged(current, backed_up),
        None => current.clone(),
    }
}

/// `current`, with those properties of `other` that do not tie it to its place.
pub(crate) fn merged(current: &Properties, other: &Properties) -> Properties {
    let empty = Properties::new();
    let of = |body| Properties::get(body, "properties").and_then(Value::as_object).unwrap_or(&empty);
    let mut properties: Properties =
        of(other).iter().filter(|(name, _)| !stays(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
    properties
        .extend(of(current).iter().filter(|(name, _)| stays(name)).map(|(n, v)| (n.clone(), v.clone())));
    let mut body = current.clone();
    body.insert("properties".to_owned(), Value::Object(properties));
    body
}

/// What is noted about a generation when it stops being live.
pub(crate) struct Former {
    /// The service's body then.
    pub(crate) body: Option<Properties>,
    /// The last commit it served; the swap took the next.
    pub(crate) last: Revision,
}

/// Notes the body that belongs to the generation that is about to be replaced, for an undo.
pub(crate) async fn keep_former(store: &SharedStore, service: &Service) -> Result<(), StoreError> {
    let note = json!({ "body": service.body, "last": service.revision.0 });
    store.put_record(record(FORMERS, service.generation.to_string(), &note)).await
}

/// What was noted about a former generation.
pub(crate) async fn former(
    store: &SharedStore,
    generation: GenerationId,
) -> Result<Option<Former>, StoreError> {
    let record = store.record(FORMERS, &generation.to_string()).await?;
    let note: Option<Value> = record.and_then(|record| serde_json::from_slice(&record.value).ok());
    Ok(note.map(|note| Former {
        body: note["body"].as_object().cloned(),
        last: Revision(note["last"].as_u64().unwrap_or_default()),
    }))
}

/// Forgets what was noted about a generation.
pub(crate) async fn forget_former(store: &SharedStore, generation: GenerationId) -> Result<(), StoreError> {
    store.take_record(FORMERS, &generation.to_string()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Properties {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_ties_a_service_to_its_place_stays() {
        let current = object(json!({
            "identity": {"type": "SystemAssigned"},
            "properties": {
                "publisherName": "West",
                "hostnameConfigurations": [{"hostName": "api.example.com"}],
                "virtualNetworkType": "Internal",
                "publicIpAddressId": "/ip/west",
                "publicNetworkAccess": "Enabled",
                "additionalLocations": [],
                "notificationSenderEmail": "west@example.com",
                "onlyHere": 1,
            },
        }));
        let backup = object(json!({
            "identity": {"type": "UserAssigned"},
            "zones": ["1"],
            "properties": {
                "publisherName": "East",
                "hostnameConfigurations": [{"hostName": "east.example.com"}],
                "virtualNetworkConfiguration": {"subnetResourceId": "/east"},
                "natGatewayState": "Enabled",
                "certificates": [{}],
                "notificationSenderEmail": "east@example.com",
                "customProperties": {"tls10": "false"},
            },
        }));
        assert_eq!(
            merged(&current, &backup),
            object(json!({
                "identity": {"type": "SystemAssigned"},
                "properties": {
                    "publisherName": "East",
                    "notificationSenderEmail": "east@example.com",
                    "customProperties": {"tls10": "false"},
                    "hostnameConfigurations": [{"hostName": "api.example.com"}],
                    "virtualNetworkType": "Internal",
                    "publicIpAddressId": "/ip/west",
                    "publicNetworkAccess": "Enabled",
                    "additionalLocations": [],
                },
            }))
        );
    }
}
