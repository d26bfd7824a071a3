//! Groups: the three built-in ones stay as they are.

use evergate_model::Resource;
use serde_json::Value;

use crate::engine::Draft;
use crate::error::ApiError;

fn built_in(resource: &Resource) -> bool {
    resource.properties.get("builtIn").and_then(Value::as_bool).unwrap_or(false)
}

pub(super) fn prepare(draft: &mut Draft<'_>) -> Result<(), ApiError> {
    if draft.existing.is_some_and(built_in) {
        return Err(ApiError::bad_request("ValidationError", "System groups cannot be changed."));
    }
    if draft.text("type") == Some("system") {
        return Err(ApiError::invalid("type", "'type' is not valid: system groups are built in."));
    }
    if draft.text("type") == Some("external") && draft.text("externalId").is_none() {
        return Err(ApiError::invalid(
            "externalId",
            "Required property 'externalId' was not given: a group of type external needs it.",
        ));
    }
    draft.set("builtIn", false);
    Ok(())
}

pub(super) fn delete(existing: &Resource) -> Result<(), ApiError> {
    if built_in(existing) {
        return Err(ApiError::bad_request("ValidationError", "System groups cannot be deleted."));
    }
    Ok(())
}
