//! Releases: a note that a revision became the current one, which writing the note makes true.

use evergate_model::{Properties, ResourcePath};
use serde_json::Value;

use super::api::revision;
use crate::engine::{Context, Draft, relative};
use crate::error::ApiError;

pub(super) async fn prepare(context: &Context<'_>, draft: &mut Draft<'_>) -> Result<(), ApiError> {
    let now = context.app().now().to_string();
    draft.set("updatedDateTime", now.as_str());
    let api = draft.located.stored.parent().ok_or_else(|| ApiError::unknown_type("service/releases"))?;
    if draft.existing.is_some() {
        // A release happened once; only its notes change.
        let existing = draft.existing.and_then(|existing| existing.properties.get("apiId")).cloned();
        if let Some(api_id) = existing {
            draft.set("apiId", api_id);
        }
        return Ok(());
    }
    draft.set("createdDateTime", now.as_str());
    let given = draft.text("apiId").ok_or_else(|| {
        ApiError::invalid(
            "apiId",
            "Required property 'apiId' was not given: it names the revision to release.",
        )
    })?;
    let named = relative(&context.service.id, given).and_then(|path| ResourcePath::parse(&path).ok());
    let named = named.filter(|path| path.resource_type().eq_ignore_ascii_case("apis"));
    let named = named.ok_or_else(|| {
        ApiError::invalid("apiId", format!("'apiId' is not valid: '{given}' is not an API of this service."))
    })?;
    let base =
        |name: &str| crate::engine::split_revision(name).map_or(name, |(base, _)| base).to_ascii_lowercase();
    if base(named.name()) != base(api.name()) {
        return Err(ApiError::invalid(
            "apiId",
            format!(
                "'apiId' is not valid: '{}' is not a revision of the API '{}'.",
                named.name(),
                api.name()
            ),
        ));
    }
    let stored = context.stored(&ResourcePath::top("apis", named.name())?).await?;
    let revision =
        context.resource(&stored).await?.ok_or_else(|| ApiError::not_found("API", named.name()))?;
    let number = revision.properties.get("apiRevision").and_then(Value::as_str).unwrap_or("1").to_owned();
    draft.set("apiId", format!("/apis/{};rev={number}", base_of(api.name())));
    if crate::engine::split_revision(stored.name()).is_some() {
        draft.exclusive = true;
        let properties = revision.properties.clone();
        draft.before = revision::make_current(context, &stored, properties, None).await?;
    }
    Ok(())
}

fn base_of(name: &str) -> &str {
    crate::engine::split_revision(name).map_or(name, |(base, _)| base)
}

pub(super) fn present(context: &Context<'_>, properties: &mut Properties) {
    if let Some(Value::String(path)) = properties.get("apiId") {
        let id = context.id(path);
        properties.insert("apiId".to_owned(), id.into());
    }
}
