//! Users: passwords are hashed, an e-mail address is one user's, everybody is a developer.

use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use evergate_model::{Properties, Resource, Secrets};
use evergate_store::{Edit, IfMatch};

use super::Prepared;
use crate::engine::{Context, Draft};
use crate::error::{ApiError, internal};

/// The administrator that every service has.
const BUILT_IN: &str = "1";

/// Hashes the password that was sent, off the async threads.
pub(super) async fn hash(given: &Properties) -> Result<Prepared, ApiError> {
    let Some(password) = given.get("password").and_then(|value| value.as_str()).map(str::to_owned) else {
        return Ok(Prepared::default());
    };
    let hashed = tokio::task::spawn_blocking(move || {
        Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string())
    })
    .await
    .map_err(|error| internal(&error))?;
    Ok(Prepared { password: Some(hashed.map_err(|error| internal(&error))?), ..Prepared::default() })
}

pub(super) async fn prepare(
    context: &Context<'_>,
    draft: &mut Draft<'_>,
    prepared: &Prepared,
) -> Result<(), ApiError> {
    match (&prepared.password, draft.existing) {
        (Some(hash), _) => {
            draft.secrets.0.insert("password".to_owned(), hash.as_str().into());
        }
        (None, Some(existing)) => match existing.secrets.0.get("password") {
            Some(hash) => {
                draft.secrets.0.insert("password".to_owned(), hash.clone());
            }
            None => {
                draft.secrets.0.shift_remove("password");
            }
        },
        (None, None) => {}
    }
    let email = draft.text("email").unwrap_or_default().to_owned();
    let unchanged = |existing: &Resource| {
        existing
            .properties
            .get("email")
            .and_then(|old| old.as_str())
            .is_some_and(|old| old.eq_ignore_ascii_case(&email))
    };
    if !draft.existing.is_some_and(unchanged) {
        draft.exclusive = true;
        let others = context.all("users").await?;
        if others.iter().any(|user| user.path != draft.located.stored && unchanged(user)) {
            return Err(ApiError::invalid(
                "email",
                "'email' is not valid: another user has this e-mail address.",
            ));
        }
    }
    draft.default("identities", serde_json::json!([{"provider": "Basic", "id": email}]));
    if draft.existing.is_none() {
        draft.set("registrationDate", context.app().now().to_string());
        let path = evergate_model::ResourcePath::parse(&format!(
            "/groups/developers/users/{}",
            draft.located.stored.name()
        ))?;
        if context.resource(&evergate_model::ResourcePath::parse("/groups/developers")?).await?.is_some() {
            draft.after.push(Edit::Put {
                path,
                properties: Properties::new(),
                secrets: Secrets::default(),
                if_match: IfMatch::None,
            });
        }
    }
    Ok(())
}

pub(super) fn delete(existing: &Resource) -> Result<(), ApiError> {
    if existing.path.name() == BUILT_IN {
        return Err(ApiError::bad_request(
            "ValidationError",
            "The built-in administrator cannot be deleted.",
        ));
    }
    Ok(())
}
