//! Importing an API description with the `PUT` that creates or updates its API.

use std::collections::HashSet;

use evergate_model::{Properties, Secrets};
use evergate_store::{Edit, IfMatch};
use serde_json::{Value, json};

use super::Prepared;
use crate::engine::{Context, Draft};
use crate::error::{ApiError, internal};
use crate::import::{self, ImportedApi};

/// Reads the description that the request carries or links to. `format` and `value` are taken out.
pub(in crate::effect) async fn fetch(
    context: &Context<'_>,
    given: &mut Properties,
) -> Result<Prepared, ApiError> {
    let format = match given.shift_remove("format") {
        None | Some(Value::Null) => {
            given.shift_remove("value");
            return Ok(Prepared::default());
        }
        Some(Value::String(format)) => format.to_ascii_lowercase(),
        Some(_) => return Err(ApiError::invalid("format", "'format' is not valid: it is a text.")),
    };
    let Some(Value::String(value)) = given.shift_remove("value") else {
        return Err(ApiError::invalid(
            "value",
            "Required property 'value' was not given: 'format' needs it.",
        ));
    };
    let link = is_link(&format).then(|| value.trim().to_owned());
    let text = match &link {
        Some(url) => context.app().instance.fetch.fetch(url).await.map_err(|problem| {
            ApiError::invalid("value", format!("The API description at '{url}' cannot be used: {problem}."))
        })?,
        None => value.into_bytes(),
    };
    if format.starts_with("graphql") {
        let schema = String::from_utf8(text)
            .map_err(|_| ApiError::invalid("value", "The GraphQL schema is not UTF-8."))?;
        return Ok(Prepared { graphql: Some(schema), ..Prepared::default() });
    }
    let parsed = tokio::task::spawn_blocking(move || import::parse(&format, &text));
    let mut imported = parsed
        .await
        .map_err(|error| internal(&error))?
        .map_err(|error| ApiError::invalid("value", format!("The API cannot be imported: {error}.")))?;
    if let Some(link) = link {
        import::resolve_against(&mut imported, &link);
    }
    for warning in &imported.warnings {
        tracing::info!(%warning, "an API description was imported in part");
    }
    Ok(Prepared { imported: Some(imported), ..Prepared::default() })
}

/// `openapi-link`, `openapi+json-link`, `swagger-link-json`, `graphql-link`, …
fn is_link(format: &str) -> bool {
    format.split(['-', '+']).any(|word| word == "link")
}

/// Fills in what the description says and the request does not.
pub(super) fn complete(prepared: &Prepared, whole: &mut Properties) {
    if prepared.graphql.is_some() {
        whole.entry("type").or_insert("graphql".into());
    }
    let Some(imported) = &prepared.imported else { return };
    let mut fill = |name: &str, value: Value| {
        let entry = whole.entry(name).or_insert(Value::Null);
        if entry.is_null() {
            *entry = value;
        }
    };
    fill("displayName", imported.display_name.as_str().into());
    if let Some(description) = &imported.description {
        fill("description", description.as_str().into());
    }
    if let Some(url) = imported.service_urls.iter().find(|url| url.contains("://")) {
        fill("serviceUrl", url.as_str().into());
    }
    fill("protocols", imported.protocols.clone().into());
    for (name, value) in &imported.details {
        fill(name, value.clone());
    }
}

/// Writes what was imported below the API. Operations that the description still has keep their policies;
/// the others go.
pub(super) async fn edits(
    context: &Context<'_>,
    draft: &mut Draft<'_>,
    prepared: &Prepared,
    make_current: bool,
) -> Result<(), ApiError> {
    if make_current && (prepared.imported.is_some() || prepared.graphql.is_some()) {
        return Err(ApiError::invalid(
            "isCurrent",
            "'isCurrent' is not valid: import into the revision first, then make it current.",
        ));
    }
    if let Some(schema) = &prepared.graphql {
        let document = json!({"value": schema});
        let mut properties = Properties::new();
        properties.insert("contentType".to_owned(), "application/vnd.ms-azure-apim.graphql.schema".into());
        properties.insert("document".to_owned(), document);
        let path = draft.located.stored.child("schemas", "graphql")?;
        draft.after.push(put(path, properties));
    }
    let Some(ImportedApi { operations, schemas, .. }) = &prepared.imported else { return Ok(()) };
    if draft.existing.is_some() {
        draft.exclusive = true;
    }
    for (collection, members) in [("operations", operations), ("schemas", schemas)] {
        let kept: HashSet<String> = members.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        if draft.existing.is_some() {
            for old in context.members(&format!("{}/{collection}", draft.located.stored)).await? {
                if !kept.contains(&old.path.name().to_ascii_lowercase()) {
                    draft.after.push(Edit::Delete { path: old.path, if_match: IfMatch::None });
                }
            }
        }
        for (name, properties) in members {
            let path = draft.located.stored.child(collection, name)?;
            draft.after.push(put(path, properties.clone()));
        }
    }
    Ok(())
}

fn put(path: evergate_model::ResourcePath, properties: Properties) -> Edit {
    Edit::Put { path, properties, secrets: Secrets::default(), if_match: IfMatch::None }
}
