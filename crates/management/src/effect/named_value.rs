//! Named values: secret ones are sealed, and none goes while a policy mentions it.

use axum::response::Response;
use evergate_model::kind::{self, Effect};
use evergate_model::{Properties, Resource};
use http::StatusCode;
use serde_json::{Value, json};

use crate::call;
use crate::engine::{Context, Draft};
use crate::error::ApiError;

/// A value that is not text, such as the number that YAML made of it, is text here.
pub(super) fn complete(whole: &mut Properties) {
    if let Some(value) = whole.get_mut("value")
        && (value.is_number() || value.is_boolean())
    {
        *value = value.to_string().into();
    }
}

pub(super) async fn prepare(context: &Context<'_>, draft: &mut Draft<'_>) -> Result<(), ApiError> {
    let secret = draft.properties.get("secret").and_then(Value::as_bool).unwrap_or(false);
    let value_given = draft.given.get("value").is_some_and(|value| !value.is_null());
    let was_secret = draft.existing.and_then(|existing| existing.secrets.0.get("value"));
    if !value_given {
        match (was_secret, draft.existing.and_then(|existing| existing.properties.get("value"))) {
            // Made public, the old value would show what was sealed.
            (Some(_), _) if !secret => {
                return Err(ApiError::invalid(
                    "value",
                    "Required property 'value' was not given: a secret that becomes public needs a new value.",
                ));
            }
            (Some(old), _) | (None, Some(old)) => {
                let old = old.clone();
                draft.properties.insert("value".to_owned(), old);
            }
            (None, None) => {}
        }
    }
    match draft.properties.shift_remove("value") {
        Some(value) if secret => {
            draft.secrets.0.insert("value".to_owned(), value);
        }
        Some(value) => draft.set("value", value),
        None if draft.properties.contains_key("keyVault") => {
            return Err(ApiError::invalid(
                "keyVault",
                "Key vault references are not supported here: give 'value', with 'secret' true.",
            ));
        }
        None => return Err(ApiError::invalid("value", "Required property 'value' was not given.")),
    }
    unique(context, draft).await
}

async fn unique(context: &Context<'_>, draft: &mut Draft<'_>) -> Result<(), ApiError> {
    let name = draft.text("displayName").unwrap_or_default().to_owned();
    let same = |resource: &Resource| display_name(resource).eq_ignore_ascii_case(&name);
    if draft.existing.is_some_and(same) {
        return Ok(());
    }
    draft.exclusive = true;
    let others = context.all("namedValues").await?;
    if others.iter().any(|other| other.path != draft.located.stored && same(other)) {
        return Err(ApiError::invalid(
            "displayName",
            format!("'displayName' is not valid: another named value is called '{name}'."),
        ));
    }
    Ok(())
}

fn display_name(resource: &Resource) -> &str {
    resource.properties.get("displayName").and_then(Value::as_str).unwrap_or_default()
}

/// Older versions show secret values at once; then only to those who may ask for them.
pub(super) async fn present(
    context: &Context<'_>,
    resource: &Resource,
    properties: &mut Properties,
) -> Result<(), ApiError> {
    if context.version.shows_secrets()
        && let Some(value) = resource.secrets.0.get("value")
    {
        let action = "Microsoft.ApiManagement/service/namedValues/listValue/action";
        if context.call.caller.may(action, &context.id(resource.path.as_str())).await.is_ok() {
            properties.insert("value".to_owned(), value.clone());
        }
    }
    Ok(())
}

/// Refuses while a policy mentions the value: the gateway would have nothing to put there.
pub(super) async fn delete(context: &Context<'_>, existing: &Resource) -> Result<(), ApiError> {
    let name = display_name(existing).to_lowercase();
    for kind in kind::all().iter().filter(|kind| kind.effect == Effect::Policy) {
        for policy in context.all(kind.path).await? {
            let text = policy.properties.get("value").and_then(Value::as_str).unwrap_or_default();
            if mentions(text, &name) {
                return Err(ApiError::bad_request(
                    "ValidationError",
                    format!(
                        "The named value '{}' cannot be deleted: the policy at '{}' mentions it as {{{{{}}}}}.",
                        existing.path.name(),
                        policy.path,
                        display_name(existing)
                    ),
                ));
            }
        }
    }
    Ok(())
}

fn mentions(policy: &str, name: &str) -> bool {
    policy
        .split("{{")
        .skip(1)
        .any(|rest| rest.split_once("}}").is_some_and(|(inside, _)| inside.trim().to_lowercase() == name))
}

/// `POST …/listValue`
pub(crate) fn list_value(resource: &Resource) -> Response {
    let value = resource.secrets.0.get("value").or_else(|| resource.properties.get("value"));
    call::with_etag(
        call::json(StatusCode::OK, &json!({"value": value.cloned().unwrap_or_default()})),
        &resource.etag,
    )
}
