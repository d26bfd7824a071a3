//! Exporting an API as OpenAPI: in the answer, or behind a link that lives five minutes.

use axum::response::Response;
use evergate_model::{Properties, Resource};
use http::StatusCode;
use serde_json::{Value, json};

use crate::call;
use crate::engine::{Context, Located};
use crate::error::{ApiError, internal};
use crate::{export, export_link};

/// `GET …/apis/{api}?export=true&format=openapi-link`
pub(in crate::effect) async fn export(
    context: &Context<'_>,
    located: &Located,
    api: &Resource,
) -> Result<Response, ApiError> {
    let asked = context.call.query.get("format").unwrap_or("openapi-link").to_ascii_lowercase();
    // The plus of `openapi+json-link` arrives as a space when a client does not encode it.
    let format = asked.replace(' ', "+");
    let known = ["openapi", "openapi-link", "openapi+json", "openapi+json-link"];
    if !known.contains(&format.as_str()) {
        return Err(ApiError::invalid(
            "format",
            format!("'format' is not valid: an API is exported as one of {}.", known.join(", ")),
        ));
    }
    let named = |members: Vec<Resource>| -> Vec<(String, Properties)> {
        members.into_iter().map(|member| (member.path.name().to_owned(), member.properties)).collect()
    };
    let operations = named(context.members(&format!("{}/operations", api.path)).await?);
    let schemas = named(context.members(&format!("{}/schemas", api.path)).await?);
    let gateway = (context.app().instance.gateway_url)(&context.service.id.name);
    let path = api.properties.get("path").and_then(Value::as_str).unwrap_or_default();
    let server = format!("{}/{path}", gateway.trim_end_matches('/'));
    let description = export::openapi(&api.properties, &operations, &schemas, server.trim_end_matches('/'));
    let (text, content_type) = if format.contains("json") {
        (description.to_string(), "application/json")
    } else {
        (export::yaml(&description).map_err(|error| internal(&error))?, "application/yaml")
    };
    let value = if format.ends_with("-link") {
        json!({"link": export_link::create(context.app(), content_type, &text).await?})
    } else {
        text.into()
    };
    // The specifications put format and value at the top; the original answers with them under
    // `properties`, and az reads that.
    let mut body = json!({
        "id": context.id(located.shown.as_str()),
        "type": "Microsoft.ApiManagement/service/apis",
        "name": located.shown.name(),
        "format": format,
        "value": value,
        "properties": {"format": format, "value": value},
    });
    if context.version.before("2019-01-01") {
        body["link"] = value["link"].clone();
    }
    Ok(call::json(StatusCode::OK, &body))
}
