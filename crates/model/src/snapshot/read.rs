//! Reads single canonical bodies. Whatever is missing or of another type reads as its default:
//! the management API validates, the gateway must not stop serving over one odd body.

use std::sync::Arc;

use serde_json::Value;

use super::{
    Api, Backend, Credential, MockRepresentation, MockResponse, NamedValue, Operation, Product, Subscription,
    SubscriptionScope, VersionSet,
};
use crate::{Properties, Secret, Secrets, Service};

pub(super) fn key(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// An API's name without its revision.
pub(super) fn api_key(name: &str) -> String {
    key(name.split_once(";rev=").map_or(name, |(api, _)| api))
}

fn text<'a>(properties: &'a Properties, name: &str) -> Option<&'a str> {
    properties.get(name)?.as_str()
}

fn filled(properties: &Properties, name: &str) -> Option<String> {
    text(properties, name).filter(|value| !value.is_empty()).map(str::to_owned)
}

fn owned(properties: &Properties, name: &str) -> String {
    text(properties, name).unwrap_or_default().to_owned()
}

fn flag(properties: &Properties, name: &str, default: bool) -> bool {
    properties.get(name).and_then(Value::as_bool).unwrap_or(default)
}

fn list<'a>(properties: &'a Properties, name: &str) -> &'a [Value] {
    properties.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn hostnames(service: &Service) -> Vec<String> {
    let Some(properties) = service.body.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    list(properties, "hostnameConfigurations")
        .iter()
        .filter_map(Value::as_object)
        .filter(|entry| text(entry, "type") == Some("Proxy"))
        .filter_map(|entry| filled(entry, "hostName"))
        .map(|name| name.to_ascii_lowercase())
        .collect()
}

pub(super) fn policy(properties: &Properties) -> Option<Arc<str>> {
    text(properties, "value").map(Arc::from)
}

pub(super) fn api(api: &mut Api, name: &str, properties: &Properties) {
    let names = properties.get("subscriptionKeyParameterNames").and_then(Value::as_object);
    let named_revision = name.split_once(";rev=").map(|(_, revision)| revision);
    api.declared = true;
    name.clone_into(&mut api.id);
    api.display_name = owned(properties, "displayName");
    text(properties, "path").unwrap_or_default().trim_matches('/').clone_into(&mut api.path);
    api.service_url = filled(properties, "serviceUrl");
    api.kind = filled(properties, "type").or_else(|| filled(properties, "apiType")).unwrap_or_default();
    api.subscription_required = flag(properties, "subscriptionRequired", true);
    api.key_header = names.and_then(|names| filled(names, "header"));
    api.key_query = names.and_then(|names| filled(names, "query"));
    api.revision = filled(properties, "apiRevision")
        .or_else(|| named_revision.map(str::to_owned))
        .unwrap_or_else(|| "1".to_owned());
    api.is_current = named_revision.is_none() || flag(properties, "isCurrent", false);
    api.version = filled(properties, "apiVersion");
    api.version_set = text(properties, "apiVersionSetId")
        .and_then(|id| id.rsplit('/').next())
        .map(key)
        .filter(|n| !n.is_empty());
}

pub(super) fn operation(operation: &mut Operation, name: &str, properties: &Properties) {
    operation.declared = true;
    name.clone_into(&mut operation.id);
    operation.display_name = owned(properties, "displayName");
    operation.method = owned(properties, "method").to_ascii_uppercase();
    operation.url_template = owned(properties, "urlTemplate");
    operation.responses =
        list(properties, "responses").iter().filter_map(Value::as_object).filter_map(response).collect();
}

fn response(response: &Properties) -> Option<MockResponse> {
    let status = response.get("statusCode")?;
    let status = status.as_u64().or_else(|| status.as_str()?.parse().ok())?;
    let representations =
        list(response, "representations").iter().filter_map(Value::as_object).map(representation).collect();
    Some(MockResponse { status: u16::try_from(status).ok()?, representations })
}

fn representation(representation: &Properties) -> MockRepresentation {
    let body =
        |value: &Value| -> Arc<str> { value.as_str().map_or_else(|| value.to_string().into(), Arc::from) };
    let mut examples = Vec::new();
    if let Some(named) = representation.get("examples").and_then(Value::as_object) {
        examples.extend(named.values().filter_map(|example| example.get("value")).map(body));
    }
    examples.extend(representation.get("sample").filter(|sample| !sample.is_null()).map(body));
    MockRepresentation { content_type: owned(representation, "contentType"), examples }
}

pub(super) fn product(product: &mut Product, name: &str, properties: &Properties) {
    product.declared = true;
    name.clone_into(&mut product.id);
    product.display_name = owned(properties, "displayName");
    product.published =
        text(properties, "state").is_some_and(|state| state.eq_ignore_ascii_case("published"));
    product.subscription_required = flag(properties, "subscriptionRequired", true);
}

pub(super) fn subscription(name: &str, properties: &Properties, secrets: &Secrets) -> Subscription {
    let keys = ["primaryKey", "secondaryKey"]
        .into_iter()
        .filter_map(|field| secrets.text(field).or_else(|| text(properties, field)))
        .filter(|value| !value.is_empty())
        .map(Secret::new)
        .collect();
    Subscription {
        id: name.to_owned(),
        display_name: owned(properties, "displayName"),
        // No scope at all is not the scope of everything.
        scope: text(properties, "scope").map_or(SubscriptionScope::Product(String::new()), scope),
        owner: text(properties, "ownerId").and_then(|id| id.rsplit('/').next()).map(key),
        active: text(properties, "state").is_some_and(|state| state.eq_ignore_ascii_case("active")),
        keys,
    }
}

/// Reads `/products/x`, `/apis/x`, `/apis` and `/`, also at the end of an absolute id. A scope of an
/// unknown form opens nothing.
fn scope(text: &str) -> SubscriptionScope {
    let segments: Vec<&str> = text.split('/').filter(|segment| !segment.is_empty()).collect();
    let named = |collection: &str, at: usize| {
        segments
            .len()
            .checked_sub(at)
            .and_then(|i| segments.get(i))
            .is_some_and(|s| s.eq_ignore_ascii_case(collection))
    };
    let last = segments.last().copied().unwrap_or_default();
    if named("products", 2) {
        SubscriptionScope::Product(key(last))
    } else if named("apis", 2) {
        SubscriptionScope::Api(api_key(last))
    } else if segments.is_empty() || named("apis", 1) || named("service", 2) {
        SubscriptionScope::AllApis
    } else {
        SubscriptionScope::Product(String::new())
    }
}

pub(super) fn user_is_blocked(properties: &Properties) -> bool {
    text(properties, "state")
        .is_some_and(|state| state.eq_ignore_ascii_case("blocked") || state.eq_ignore_ascii_case("deleted"))
}

pub(super) fn named_value(name: &str, properties: &Properties, secrets: &Secrets) -> NamedValue {
    let value = secrets.text("value").or_else(|| text(properties, "value"));
    NamedValue {
        display_name: filled(properties, "displayName").unwrap_or_else(|| name.to_owned()),
        value: value.map(Secret::new).into_iter().collect(),
    }
}

pub(super) fn backend(name: &str, properties: &Properties, secrets: &Secrets) -> Backend {
    let mut backend = Backend {
        id: name.to_owned(),
        url: owned(properties, "url"),
        kind: filled(properties, "type").unwrap_or_else(|| "Single".to_owned()),
        validate_chain: true,
        validate_name: true,
        ..Backend::default()
    };
    if let Some(tls) = properties.get("tls").and_then(Value::as_object) {
        backend.validate_chain = flag(tls, "validateCertificateChain", true);
        backend.validate_name = flag(tls, "validateCertificateName", true);
    }
    for source in [properties.get("credentials"), secrets.0.get("credentials")] {
        let Some(credentials) = source.and_then(Value::as_object) else { continue };
        backend.headers.extend(credential_list(credentials.get("header")));
        backend.query.extend(credential_list(credentials.get("query")));
        if let Some(authorization) = credentials.get("authorization").and_then(Value::as_object) {
            let value = format!("{} {}", owned(authorization, "scheme"), owned(authorization, "parameter"));
            let values = vec![Secret::new(value.trim())];
            backend.headers.push(Credential { name: "authorization".to_owned(), values });
        }
    }
    backend
}

fn credential_list(value: Option<&Value>) -> Vec<Credential> {
    let Some(map) = value.and_then(Value::as_object) else { return Vec::new() };
    let values = |value: &Value| match value {
        Value::Array(values) => values.iter().filter_map(Value::as_str).map(Secret::new).collect(),
        Value::String(value) => vec![Secret::new(value.as_str())],
        _ => Vec::new(),
    };
    map.iter().map(|(name, value)| Credential { name: name.clone(), values: values(value) }).collect()
}

pub(super) fn version_set(properties: &Properties) -> VersionSet {
    match text(properties, "versioningScheme").unwrap_or_default().to_ascii_lowercase().as_str() {
        "query" => VersionSet::Query(
            filled(properties, "versionQueryName").unwrap_or_else(|| "api-version".to_owned()),
        ),
        "header" => VersionSet::Header(
            filled(properties, "versionHeaderName").unwrap_or_else(|| "Api-Version".to_owned()),
        ),
        _ => VersionSet::Segment,
    }
}
