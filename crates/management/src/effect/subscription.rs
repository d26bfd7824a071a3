//! Subscriptions: keys, states and dates.

use axum::response::Response;
use evergate_model::{Properties, Resource};
use evergate_store::{Commit, Edit, IfMatch, StoreError};
use http::StatusCode;
use serde_json::{Value, json};

use crate::call::{self, empty};
use crate::engine::{Context, Draft};
use crate::error::ApiError;

/// The all-access subscription that every service has.
const BUILT_IN: &str = "master";
const KEYS: [&str; 2] = ["primaryKey", "secondaryKey"];

pub(super) async fn prepare(context: &Context<'_>, draft: &mut Draft<'_>) -> Result<(), ApiError> {
    let now = context.app().now();
    for name in KEYS {
        if draft.given.get(name).is_some_and(Value::is_string) {
            check_key(context, draft, name).await?;
        } else {
            let key = (context.app().instance.key)();
            draft.secrets.0.entry(name).or_insert_with(|| key.expose().into());
        }
    }
    let name = draft.located.shown.name().to_owned();
    draft.default("displayName", name);
    draft.default("allowTracing", false);
    match draft.existing {
        None => {
            if !draft.properties.contains_key("ownerId") {
                draft.set("ownerId", "/users/1");
            }
            // As the original documents it: "if no value is given, it is created as submitted".
            draft.default("state", "submitted");
            draft.set("createdDate", now.to_string());
        }
        Some(existing) => {
            for kept in ["state", "ownerId"] {
                if let Some(value) = existing.properties.get(kept) {
                    draft.default(kept, value.clone());
                }
            }
        }
    }
    let was = draft.existing.and_then(|existing| existing.properties.get("state")).and_then(Value::as_str);
    let state = draft.text("state").unwrap_or_default().to_owned();
    if was != Some(&state) {
        match state.as_str() {
            "active" => draft.default("startDate", now.to_string()),
            "cancelled" | "expired" | "rejected" => draft.set("endDate", now.to_string()),
            _ => {}
        }
    }
    if draft.existing.is_some_and(|existing| existing.path.name() == BUILT_IN)
        && draft.text("scope") != Some("/")
    {
        return Err(ApiError::invalid("scope", "The scope of the built-in subscription cannot be changed."));
    }
    Ok(())
}

/// A key names one subscription: two with the same key could not be told apart.
async fn check_key(context: &Context<'_>, draft: &mut Draft<'_>, name: &str) -> Result<(), ApiError> {
    let key = draft.secrets.text(name).unwrap_or_default().to_owned();
    if draft.existing.is_some_and(|existing| existing.secrets.text(name) == Some(&key)) {
        return Ok(());
    }
    if key.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(ApiError::invalid(name, format!("'{name}' is not valid: it contains spaces.")));
    }
    draft.exclusive = true;
    let taken = context.all("subscriptions").await?.iter().any(|other| {
        other.path != draft.located.stored && KEYS.iter().any(|name| other.secrets.text(name) == Some(&key))
    });
    if taken {
        return Err(ApiError::invalid(
            name,
            format!("'{name}' is not valid: another subscription has this key."),
        ));
    }
    Ok(())
}

/// Older versions show the keys at once; then only to those who may ask for them.
pub(super) async fn present(
    context: &Context<'_>,
    resource: &Resource,
    properties: &mut Properties,
) -> Result<(), ApiError> {
    if context.version.shows_secrets() {
        let scope = context.id(resource.path.as_str());
        let action = "Microsoft.ApiManagement/service/subscriptions/listSecrets/action";
        if context.call.caller.may(action, &scope).await.is_ok() {
            for name in KEYS {
                if let Some(key) = resource.secrets.0.get(name) {
                    properties.insert(name.to_owned(), key.clone());
                }
            }
        }
    }
    Ok(())
}

pub(super) fn delete(existing: &Resource) -> Result<(), ApiError> {
    if existing.path.name() == BUILT_IN {
        return Err(ApiError::bad_request("ValidationError", "The built-in subscription cannot be deleted."));
    }
    Ok(())
}

/// `POST …/listSecrets`
pub(crate) fn list_secrets(resource: &Resource) -> Response {
    let key = |name: &str| resource.secrets.0.get(name).cloned().unwrap_or_default();
    call::with_etag(
        call::json(
            StatusCode::OK,
            &json!({"primaryKey": key("primaryKey"), "secondaryKey": key("secondaryKey")}),
        ),
        &resource.etag,
    )
}

/// `POST …/regeneratePrimaryKey` and `…/regenerateSecondaryKey`
pub(crate) async fn regenerate(
    context: &Context<'_>,
    resource: &Resource,
    name: &str,
) -> Result<Response, ApiError> {
    let mut resource = resource.clone();
    loop {
        let mut secrets = resource.secrets.clone();
        secrets.0.insert(name.to_owned(), (context.app().instance.key)().expose().into());
        let edit = Edit::Put {
            path: resource.path.clone(),
            properties: resource.properties.clone(),
            secrets,
            if_match: IfMatch::Is(resource.etag.clone()),
        };
        let commit = Commit { preconditions: Vec::new(), edits: vec![edit] };
        match context.store().commit(&context.service.id, commit).await {
            Ok(_) => return Ok(empty(StatusCode::NO_CONTENT)),
            Err(StoreError::ETagMismatch { .. }) => {
                let again = context.resource(&resource.path).await?;
                resource = again.ok_or_else(|| ApiError::not_found("subscription", resource.path.name()))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
