//! Policies: kept as well-formed XML, whatever form they came in.

mod raw;

use evergate_model::Properties;
use serde_json::Value;

use crate::engine::{Context, Draft};
use crate::error::ApiError;

/// Fetches a document that was linked to.
pub(super) async fn fetch(context: &Context<'_>, given: &mut Properties) -> Result<(), ApiError> {
    let format = given.get("format").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let Some(inline) = format.strip_suffix("-link") else { return Ok(()) };
    let url = given.get("value").and_then(Value::as_str).unwrap_or_default().to_owned();
    let document = context.app().instance.fetch.fetch(&url).await;
    let text = document.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()));
    let text = text.map_err(|problem| {
        ApiError::invalid("value", format!("The policy at '{url}' cannot be used: {problem}."))
    })?;
    given.insert("format".to_owned(), inline.into());
    given.insert("value".to_owned(), text.into());
    Ok(())
}

pub(super) fn prepare(draft: &mut Draft<'_>) -> Result<(), ApiError> {
    let text = draft.text("value").unwrap_or_default();
    let text = text.trim_start_matches('\u{feff}');
    let xml = if draft.text("format") == Some("rawxml") { raw::to_xml(text) } else { text.to_owned() };
    // A resolver's document is its data source; it is only checked to be XML.
    let resolver = draft.located.kind.path == "apis/resolvers/policies";
    let checked = if resolver { format!("<fragment>{xml}</fragment>") } else { xml.clone() };
    evergate_policy::check(&checked).map_err(|error| {
        let mut refusal = ApiError::invalid("value", error.to_string());
        refusal.message = format!("Error in the policy document: {error}.");
        refusal
    })?;
    draft.set("format", "xml");
    draft.set("value", xml);
    Ok(())
}

/// Shows the document in the form that `?format=` asks for.
pub(super) fn present(context: &Context<'_>, properties: &mut Properties) {
    let format = context.call.query.get("format").unwrap_or_default();
    if format.eq_ignore_ascii_case("rawxml")
        && let Some(text) = properties.get("value").and_then(Value::as_str).map(raw::from_xml)
    {
        properties.insert("value".to_owned(), text.into());
        properties.insert("format".to_owned(), "rawxml".into());
    }
}
