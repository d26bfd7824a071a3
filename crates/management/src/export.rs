//! Writes an API's canonical resources back as an `OpenAPI` 3.0 description, in JSON or YAML.

use evergate_model::Properties;
use serde_json::{Value, json};

/// The description of an API: its properties, its operations and schema resources by name, and the
/// URL at which the gateway answers for it.
pub fn openapi(
    api: &Properties,
    operations: &[(String, Properties)],
    schemas: &[(String, Properties)],
    server: &str,
) -> Value {
    let mut info = Properties::new();
    info.insert("title".to_owned(), text(api, "displayName").unwrap_or("API").into());
    if let Some(description) = text(api, "description") {
        info.insert("description".to_owned(), description.into());
    }
    if let Some(terms) = text(api, "termsOfServiceUrl") {
        info.insert("termsOfService".to_owned(), terms.into());
    }
    for section in ["contact", "license"] {
        if let Some(section_value @ Value::Object(_)) = api.get(section) {
            info.insert(section.to_owned(), section_value.clone());
        }
    }
    let version = text(api, "apiVersion").or_else(|| text(api, "apiRevision")).unwrap_or("1");
    info.insert("version".to_owned(), version.into());

    let mut paths = Properties::new();
    for (id, operation) in operations {
        let (Some(template), Some(method)) = (text(operation, "urlTemplate"), text(operation, "method"))
        else {
            continue;
        };
        // What follows a question mark are required query parameters, which templates may hold too.
        let path = template.split('?').next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let item = paths.entry(path).or_insert_with(|| Value::Object(Properties::new()));
        if let Value::Object(item) = item {
            item.insert(method.to_ascii_lowercase(), self::operation(id, template, operation));
        }
    }
    json!({
        "openapi": "3.0.1",
        "info": info,
        "servers": [{"url": server}],
        "paths": paths,
        "components": {"schemas": definitions(schemas)},
    })
}

/// A description as YAML text.
pub fn yaml(description: &Value) -> Result<String, serde_saphyr::SerializeError> {
    serde_saphyr::to_string(description)
}

fn operation(id: &str, template: &str, operation: &Properties) -> Value {
    let mut out = Properties::new();
    if let Some(name) = text(operation, "displayName") {
        out.insert("summary".to_owned(), name.into());
    }
    if let Some(description) = text(operation, "description") {
        out.insert("description".to_owned(), description.into());
    }
    out.insert("operationId".to_owned(), id.into());
    let (path, query) = template.split_once('?').unwrap_or((template, ""));
    let request = operation.get("request").and_then(Value::as_object);
    let mut parameters = Vec::new();
    for contract in list(Some(operation), "templateParameters") {
        let name = contract.get("name").and_then(Value::as_str).unwrap_or_default();
        let placeholder = [format!("{{{name}}}"), format!("{{*{name}}}")];
        let within = |part: &str| placeholder.iter().any(|placeholder| part.contains(placeholder));
        if within(path) {
            parameters.push(parameter(contract, Some("path")));
        } else if within(query) {
            parameters.push(parameter(contract, Some("query")));
        }
    }
    for (key, place) in [("queryParameters", "query"), ("headers", "header")] {
        parameters.extend(list(request, key).map(|contract| parameter(contract, Some(place))));
    }
    if !parameters.is_empty() {
        out.insert("parameters".to_owned(), parameters.into());
    }
    if let Some(content) = content(request) {
        let mut body = Properties::new();
        if let Some(description) = request.and_then(|request| text(request, "description")) {
            body.insert("description".to_owned(), description.into());
        }
        body.insert("content".to_owned(), content);
        out.insert("requestBody".to_owned(), Value::Object(body));
    }
    out.insert("responses".to_owned(), responses(operation));
    Value::Object(out)
}

fn responses(operation: &Properties) -> Value {
    let mut out = Properties::new();
    for response in list(Some(operation), "responses") {
        let Some(status) = response.get("statusCode").and_then(Value::as_u64) else { continue };
        let response = response.as_object();
        let mut kept = Properties::new();
        let description = response.and_then(|response| text(response, "description")).unwrap_or_default();
        kept.insert("description".to_owned(), description.into());
        let headers: Properties = list(response, "headers")
            .filter_map(|header| Some((header.get("name")?.as_str()?.to_owned(), parameter(header, None))))
            .collect();
        if !headers.is_empty() {
            kept.insert("headers".to_owned(), Value::Object(headers));
        }
        if let Some(content) = content(response) {
            kept.insert("content".to_owned(), content);
        }
        out.insert(status.to_string(), Value::Object(kept));
    }
    if out.is_empty() {
        // The language asks for at least one response.
        out.insert("200".to_owned(), json!({"description": ""}));
    }
    Value::Object(out)
}

fn content(owner: Option<&Properties>) -> Option<Value> {
    let mut out = Properties::new();
    for representation in list(owner, "representations").filter_map(Value::as_object) {
        let Some(content_type) = text(representation, "contentType") else { continue };
        let mut media = Properties::new();
        if let Some(name) = text(representation, "typeName") {
            let name = name.replace('~', "~0").replace('/', "~1");
            media.insert("schema".to_owned(), json!({"$ref": format!("#/components/schemas/{name}")}));
        } else if representation.contains_key("formParameters") {
            media.insert("schema".to_owned(), form(representation));
        }
        if let Some(Value::Object(examples)) = representation.get("examples") {
            let default = examples.get("default").and_then(Value::as_object);
            match default.and_then(|example| example.get("value")) {
                Some(value) if examples.len() == 1 && default.is_some_and(|only| only.len() == 1) => {
                    media.insert("example".to_owned(), value.clone())
                }
                _ => media.insert("examples".to_owned(), Value::Object(examples.clone())),
            };
        }
        out.insert(content_type.to_owned(), Value::Object(media));
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

fn form(representation: &Properties) -> Value {
    let mut properties = Properties::new();
    let mut required: Vec<Value> = Vec::new();
    for field in list(Some(representation), "formParameters") {
        let Some(name) = field.get("name").and_then(Value::as_str) else { continue };
        if field.get("required").and_then(Value::as_bool) == Some(true) {
            required.push(name.into());
        }
        properties.insert(name.to_owned(), schema(field));
    }
    let mut out = Properties::new();
    if !required.is_empty() {
        out.insert("required".to_owned(), required.into());
    }
    out.insert("type".to_owned(), "object".into());
    out.insert("properties".to_owned(), Value::Object(properties));
    Value::Object(out)
}

/// A parameter; a header of a response has no place of its own.
fn parameter(contract: &Value, place: Option<&str>) -> Value {
    let mut out = Properties::new();
    if let Some(place) = place {
        let name = contract.get("name").and_then(Value::as_str).unwrap_or_default();
        out.insert("name".to_owned(), name.into());
        out.insert("in".to_owned(), place.into());
    }
    if let Some(description) = contract.get("description").filter(|text| text.is_string()) {
        out.insert("description".to_owned(), description.clone());
    }
    let required = contract.get("required").and_then(Value::as_bool).unwrap_or(false);
    if required || place == Some("path") {
        out.insert("required".to_owned(), true.into());
    }
    out.insert("schema".to_owned(), schema(contract));
    Value::Object(out)
}

fn schema(contract: &Value) -> Value {
    let kind = contract.get("type").and_then(Value::as_str).unwrap_or("string");
    let mut out = Properties::new();
    if let Some(Value::Array(values)) = contract.get("values")
        && !values.is_empty()
    {
        let values: Vec<Value> = values.iter().map(|value| typed(kind, value)).collect();
        out.insert("enum".to_owned(), values.into());
    }
    out.insert("type".to_owned(), kind.into());
    if let Some(default) = contract.get("defaultValue").filter(|default| !default.is_null()) {
        out.insert("default".to_owned(), typed(kind, default));
    }
    if kind == "array" {
        out.insert("items".to_owned(), json!({}));
    }
    Value::Object(out)
}

/// The resource model keeps values as text; the description gives them their type back.
fn typed(kind: &str, value: &Value) -> Value {
    match (kind, value) {
        ("string", _) => value.clone(),
        (_, Value::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
        _ => value.clone(),
    }
}

/// The definitions of all schema resources, those of Swagger 2 with their references renamed.
fn definitions(schemas: &[(String, Properties)]) -> Properties {
    let mut out = Properties::new();
    for (_, resource) in schemas {
        let Some(document) = resource.get("document") else { continue };
        if let Some(Value::Object(found)) = document.pointer("/components/schemas") {
            out.extend(found.clone());
        }
        if let Some(Value::Object(found)) = document.get("definitions") {
            let mut found = found.clone();
            found.values_mut().for_each(rename_references);
            out.extend(found);
        }
    }
    out
}

fn rename_references(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(reference)) = object.get_mut("$ref")
                && let Some(name) = reference.strip_prefix("#/definitions/")
            {
                *reference = format!("#/components/schemas/{name}");
            }
            object.values_mut().for_each(rename_references);
        }
        Value::Array(values) => values.iter_mut().for_each(rename_references),
        _ => {}
    }
}

fn text<'a>(object: &'a Properties, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str().filter(|text| !text.is_empty())
}

fn list<'a>(object: Option<&'a Properties>, key: &str) -> impl Iterator<Item = &'a Value> {
    object.and_then(|object| object.get(key)).and_then(Value::as_array).into_iter().flatten()
}
