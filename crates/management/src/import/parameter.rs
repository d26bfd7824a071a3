//! Parameters and headers as the resource model describes them: name, type, required, values.

use evergate_model::Properties;
use serde_json::Value;

use super::document::{Document, as_object, invalid};
use super::location::At;
use super::{ImportError, text_of};

/// Where a parameter stands in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    Header,
    Cookie,
    Body,
    Form,
}

/// A parameter of an operation or of its path.
pub(super) struct Parameter<'a> {
    pub(super) place: Place,
    pub(super) name: &'a str,
    /// The resolved object, for bodies.
    pub(super) object: &'a Properties,
    pub(super) contract: Properties,
}

/// Reads the parameters of a path and of an operation; the operation's replace the path's.
pub(super) fn read_all<'a>(
    document: &'a Document,
    path_item: &'a Properties,
    operation: &'a Properties,
    (path_at, operation_at): (At<'_>, At<'_>),
) -> Result<Vec<Parameter<'a>>, ImportError> {
    let mut parameters: Vec<Parameter<'a>> = Vec::new();
    for (holder, at) in [(path_item, path_at), (operation, operation_at)] {
        let at = at.key("parameters");
        let Some(list) = holder.get("parameters") else { continue };
        let list = list.as_array().ok_or_else(|| invalid(at, "a list of parameters is expected"))?;
        for (index, parameter) in list.iter().enumerate() {
            let parameter = read(document, parameter, at.index(index))?;
            let same = |other: &Parameter<'_>| other.place == parameter.place && other.name == parameter.name;
            match parameters.iter().position(same) {
                Some(known) => parameters[known] = parameter,
                None => parameters.push(parameter),
            }
        }
    }
    Ok(parameters)
}

fn read<'a>(document: &'a Document, parameter: &'a Value, at: At<'_>) -> Result<Parameter<'a>, ImportError> {
    let object = as_object(document.resolve(parameter, at)?, at)?;
    let name = text_of(object, "name").ok_or_else(|| invalid(at, "a parameter needs a 'name'"))?;
    let place = match text_of(object, "in") {
        Some("path") => Place::Path,
        Some("query") => Place::Query,
        Some("header") => Place::Header,
        Some("cookie") => Place::Cookie,
        Some("body") => Place::Body,
        Some("formData") => Place::Form,
        _ => {
            let problem = format!("parameter '{name}': 'in' must be path, query, header or cookie");
            return Err(invalid(at, problem));
        }
    };
    let mut contract = contract(document, name, object, at)?;
    if place == Place::Path {
        contract.insert("required".to_owned(), true.into());
    }
    Ok(Parameter { place, name, object, contract })
}

/// What the resource model says of a parameter, header or form field.
pub(super) fn contract(
    document: &Document,
    name: &str,
    object: &Properties,
    at: At<'_>,
) -> Result<Properties, ImportError> {
    let schema = match schema_of(object) {
        Some(schema) => document.resolve(schema, at)?.as_object(),
        None => None,
    };
    let schema = schema.unwrap_or(object);
    let mut contract = Properties::new();
    contract.insert("name".to_owned(), name.into());
    if let Some(description) = text_of(object, "description").or_else(|| text_of(schema, "description")) {
        contract.insert("description".to_owned(), description.into());
    }
    contract.insert("type".to_owned(), type_of(document, schema, at).into());
    let required = object.get("required").and_then(Value::as_bool).unwrap_or(false);
    contract.insert("required".to_owned(), required.into());
    if let Some(Value::Array(values)) = schema.get("enum") {
        let values: Vec<Value> = values.iter().map(|value| plain(value).into()).collect();
        contract.insert("values".to_owned(), values.into());
    }
    if let Some(default) = schema.get("default").filter(|default| !default.is_null()) {
        contract.insert("defaultValue".to_owned(), plain(default).into());
    }
    Ok(contract)
}

/// A parameter has a schema, or a single content with one (`OpenAPI` 3), or is one itself (Swagger 2).
fn schema_of(object: &Properties) -> Option<&Value> {
    object.get("schema").or_else(|| object.get("content")?.as_object()?.values().next()?.get("schema"))
}

fn type_of(document: &Document, schema: &Properties, at: At<'_>) -> String {
    match schema.get("type") {
        Some(Value::String(name)) => return name.clone(),
        // 3.1 lists the alternatives; `null` only says that the value may be left out.
        Some(Value::Array(names)) => {
            let mut names = names.iter().filter_map(Value::as_str);
            if let Some(name) = names.find(|name| *name != "null") {
                return name.to_owned();
            }
        }
        _ => {}
    }
    for combination in ["oneOf", "anyOf", "allOf"] {
        let Some(Value::Array(schemas)) = schema.get(combination) else { continue };
        for schema in schemas {
            let Ok(Value::Object(schema)) = document.resolve(schema, at) else { continue };
            if let Some(Value::String(name)) = schema.get("type") {
                return name.clone();
            }
        }
    }
    let first = schema.get("enum").and_then(|values| values.get(0));
    match first {
        Some(Value::Number(number)) if number.is_f64() => "number",
        Some(Value::Number(_)) => "integer",
        Some(Value::Bool(_)) => "boolean",
        _ if schema.contains_key("properties") => "object",
        _ if schema.contains_key("items") => "array",
        _ => "string",
    }
    .to_owned()
}

/// A value as the text that a request would carry.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
