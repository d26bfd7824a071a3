//! What requests and responses carry: representations with their types and examples.

use evergate_model::Properties;
use serde_json::{Value, json};

use super::document::{Document, as_object, reference};
use super::location::At;
use super::parameter::contract;
use super::schema::Schemas;
use super::{ImportError, text_of};

/// Reads a `content` map of `OpenAPI` 3.
pub(super) fn representations(
    document: &Document,
    schemas: &mut Schemas,
    content: Option<&Value>,
    owner: &str,
    at: At<'_>,
) -> Result<Vec<Value>, ImportError> {
    let Some(content) = content else { return Ok(Vec::new()) };
    let at = at.key("content");
    let mut found = Vec::new();
    for (content_type, media) in as_object(content, at)? {
        let at = at.key(content_type);
        let media = as_object(document.resolve(media, at)?, at)?;
        let mut representation = Properties::new();
        representation.insert("contentType".to_owned(), content_type.as_str().into());
        if let Some(schema) = media.get("schema") {
            let at = at.key("schema");
            let fields = if is_form(content_type) { form_fields(document, schema, at)? } else { Vec::new() };
            if fields.is_empty() {
                let suggestion = || format!("{owner}{}", type_suffix(content_type));
                name_type(schemas, schema, suggestion, &mut representation, at)?;
            } else {
                representation.insert("formParameters".to_owned(), fields.into());
            }
        }
        let examples = examples(document, media, at)?;
        if !examples.is_empty() {
            representation.insert("examples".to_owned(), Value::Object(examples));
        }
        found.push(Value::Object(representation));
    }
    Ok(found)
}

/// Adds `schemaId` and `typeName` to a representation.
pub(super) fn name_type(
    schemas: &mut Schemas,
    schema: &Value,
    suggestion: impl FnOnce() -> String,
    representation: &mut Properties,
    at: At<'_>,
) -> Result<(), ImportError> {
    if let Some(name) = schemas.type_name(schema, suggestion, at)? {
        representation.insert("schemaId".to_owned(), schemas.id().into());
        representation.insert("typeName".to_owned(), name.into());
    }
    Ok(())
}

/// Reads a `headers` map of a response.
pub(super) fn headers(
    document: &Document,
    headers: Option<&Value>,
    at: At<'_>,
) -> Result<Vec<Value>, ImportError> {
    let Some(Value::Object(headers)) = headers else { return Ok(Vec::new()) };
    let at = at.key("headers");
    let mut found = Vec::new();
    for (name, header) in headers {
        let at = at.key(name);
        let header = as_object(document.resolve(header, at)?, at)?;
        found.push(Value::Object(contract(document, name, header, at)?));
    }
    Ok(found)
}

/// `example`, `examples`, or the schema's own example, each under its name.
fn examples(document: &Document, media: &Properties, at: At<'_>) -> Result<Properties, ImportError> {
    let mut found = Properties::new();
    if let Some(Value::Object(examples)) = media.get("examples") {
        let at = at.key("examples");
        for (name, example) in examples {
            let at = at.key(name);
            let example = as_object(document.resolve(example, at)?, at)?;
            let mut kept = Properties::new();
            for field in ["summary", "description", "value", "externalValue"] {
                if let Some(value) = example.get(field) {
                    kept.insert(field.to_owned(), value.clone());
                }
            }
            found.insert(name.clone(), Value::Object(kept));
        }
    } else if let Some(example) = media.get("example") {
        found.insert("default".to_owned(), json!({"value": example}));
    } else if let Some(Value::Object(schema)) = media.get("schema")
        && let Some(example) = schema.get("example")
    {
        found.insert("default".to_owned(), json!({"value": example}));
    }
    Ok(found)
}

fn is_form(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        || essence.eq_ignore_ascii_case("multipart/form-data")
}

fn form_fields(document: &Document, schema: &Value, at: At<'_>) -> Result<Vec<Value>, ImportError> {
    let Value::Object(schema) = document.resolve(schema, at)? else { return Ok(Vec::new()) };
    let Some(Value::Object(properties)) = schema.get("properties") else { return Ok(Vec::new()) };
    let required: Vec<&str> = match schema.get("required") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let at = at.key("properties");
    let mut fields = Vec::new();
    for (name, property) in properties {
        let at = at.key(name);
        let Value::Object(property) = document.resolve(property, at)? else { continue };
        let mut field = contract(document, name, property, at)?;
        field.insert("required".to_owned(), required.contains(&name.as_str()).into());
        fields.push(Value::Object(field));
    }
    Ok(fields)
}

/// `application/vnd.pets+json` → `ApplicationVndPetsJson`.
fn type_suffix(content_type: &str) -> String {
    let mut suffix = String::new();
    let essence = content_type.split(';').next().unwrap_or_default();
    for word in essence.split(|c: char| !c.is_ascii_alphanumeric()) {
        let mut letters = word.chars();
        if let Some(first) = letters.next() {
            suffix.push(first.to_ascii_uppercase());
            suffix.push_str(letters.as_str());
        }
    }
    suffix
}

/// The representations of Swagger 2: one schema for every content type, examples by content type.
pub(super) fn swagger_representations(
    schemas: &mut Schemas,
    (schema, examples): (Option<&Value>, Option<&Value>),
    content_types: &[String],
    owner: &str,
    at: At<'_>,
) -> Result<Vec<Value>, ImportError> {
    let Some(schema) = schema else { return Ok(Vec::new()) };
    let mut named = Properties::new();
    name_type(schemas, schema, || owner.to_owned(), &mut named, at.key("schema"))?;
    let default = ["application/json".to_owned()];
    let content_types = if content_types.is_empty() { &default } else { content_types };
    let mut found = Vec::new();
    for content_type in content_types {
        let mut representation = Properties::new();
        representation.insert("contentType".to_owned(), content_type.as_str().into());
        representation.extend(named.clone());
        let example = examples
            .and_then(|examples| examples.get(content_type))
            .or_else(|| schema.get("example").filter(|_| reference(schema).is_none()));
        if let Some(example) = example {
            representation.insert("examples".to_owned(), json!({"default": {"value": example}}));
        }
        found.push(Value::Object(representation));
    }
    Ok(found)
}

/// `consumes` or `produces`: the operation's own, else the document's.
pub(super) fn content_types(document: &Document, operation: &Properties, key: &str) -> Vec<String> {
    let list = operation.get(key).or_else(|| document.root().get(key));
    let Some(Value::Array(list)) = list else { return Vec::new() };
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The description of something, when it has one.
pub(super) fn describe(from: &Properties, to: &mut Properties) {
    if let Some(description) = text_of(from, "description") {
        to.insert("description".to_owned(), description.into());
    }
}
