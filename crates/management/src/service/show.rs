//! A service as the resource manager shows it.

use evergate_model::{Properties, Service};
use serde_json::{Value, json};

use super::hostname;
use crate::parts::App;

/// The service with what clients never set: states, URLs, addresses.
pub(crate) fn show(app: &App, service: &Service) -> Value {
    let mut top = Properties::new();
    let mut set = |name: &str, value: Value| {
        top.insert(name.to_owned(), value);
    };
    set("id", service.id.to_string().into());
    set("name", service.id.name.as_str().into());
    set("type", "Microsoft.ApiManagement/service".into());
    set("tags", Value::Object(service.tags.clone()));
    set("location", service.location.as_str().into());
    set("etag", service.etag.0.as_str().into());
    set("properties", Value::Object(properties(app, service)));
    set("sku", json!({"name": service.sku.name, "capacity": service.sku.capacity}));
    for name in ["identity", "zones"] {
        set(name, service.body.get(name).cloned().unwrap_or_default());
    }
    let created = service.created_at.to_string();
    set(
        "systemData",
        json!({"createdAt": created, "createdByType": "Application", "lastModifiedAt": created}),
    );
    Value::Object(top)
}

fn properties(app: &App, service: &Service) -> Properties {
    let mut properties =
        service.body.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let gateway = (app.instance.gateway_url)(&service.id.name);
    hostname::complete(&mut properties, &gateway);
    let mut set = |name: &str, value: Value| {
        properties.insert(name.to_owned(), value);
    };
    set("provisioningState", "Succeeded".into());
    set("targetProvisioningState", "".into());
    set("createdAtUtc", service.created_at.to_string().into());
    set("gatewayUrl", gateway.as_str().into());
    set("gatewayRegionalUrl", gateway.into());
    set("managementApiUrl", app.instance.endpoint.as_str().into());
    for absent in [
        "portalUrl",
        "developerPortalUrl",
        "scmUrl",
        "publicIPAddresses",
        "privateIPAddresses",
        "outboundPublicIPAddresses",
        "privateEndpointConnections",
    ] {
        set(absent, Value::Null);
    }
    set("platformVersion", "stv2".into());
    properties
}
