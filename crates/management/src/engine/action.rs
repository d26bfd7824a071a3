//! What can be done to a resource beside reading and writing it.

use axum::response::Response;
use evergate_model::kind::{Effect, Kind};
use http::Method;

use super::{Context, Located, read};
use crate::effect::{api, named_value, subscription};
use crate::error::ApiError;

/// The action that a kind calls `word`, as it is written in the names of rights.
pub(super) fn known(kind: &Kind, word: &str) -> Option<&'static str> {
    let words: &[&'static str] = match kind.effect {
        Effect::Subscription => &["listSecrets", "regeneratePrimaryKey", "regenerateSecondaryKey"],
        Effect::NamedValue => &["listValue"],
        Effect::Api => &["revisions"],
        _ => &[],
    };
    words.iter().copied().find(|known| known.eq_ignore_ascii_case(word))
}

/// Runs it.
pub(super) async fn run(
    context: &Context<'_>,
    method: &Method,
    located: &Located,
    word: &str,
) -> Result<Response, ApiError> {
    let resource = read::find(context, located).await?;
    match (word, method) {
        ("listSecrets", &Method::POST) => Ok(subscription::list_secrets(&resource)),
        ("regeneratePrimaryKey", &Method::POST) => {
            subscription::regenerate(context, &resource, "primaryKey").await
        }
        ("regenerateSecondaryKey", &Method::POST) => {
            subscription::regenerate(context, &resource, "secondaryKey").await
        }
        ("listValue", &Method::POST) => Ok(named_value::list_value(&resource)),
        ("revisions", &Method::GET) => api::revision::list(context, &resource).await,
        _ => Err(context.call.method_not_allowed()),
    }
}
