//! What particular kinds do beyond being stored: one module each, called at fixed points of the engine.

pub(crate) mod api;
mod group;
pub(crate) mod named_value;
mod operation;
mod policy;
mod product;
mod release;
pub(crate) mod subscription;
mod user;

use axum::response::Response;
use evergate_model::kind::{Effect, Kind};
use evergate_model::{Properties, Resource};
use evergate_store::Edit;

use crate::engine::{Context, Draft, Located};
use crate::error::ApiError;
use crate::import::ImportedApi;

/// What was made once before planning, because planning may happen again and again.
#[derive(Default)]
pub(crate) struct Prepared {
    /// The API description that the request carried or linked to.
    pub(crate) imported: Option<ImportedApi>,
    /// The GraphQL schema that it carried or linked to.
    pub(crate) graphql: Option<String>,
    /// The hash of the password that it carried.
    pub(crate) password: Option<String>,
}

/// Whether a resource may be called that.
pub(crate) fn check_name(located: &Located) -> Result<(), ApiError> {
    let name = located.shown.name();
    let checked = match located.kind.effect {
        Effect::Api => api::check_name(located.kind, name),
        _ => located.kind.name.check(name),
    };
    checked.map_err(|rule| {
        ApiError::invalid(
            "name",
            format!("The name '{name}' of the {} is not valid: {rule}.", located.kind.title),
        )
    })
}

/// Fetches what the request links to and does what takes long.
pub(crate) async fn fetch(
    context: &Context<'_>,
    located: &Located,
    given: &mut Properties,
) -> Result<Prepared, ApiError> {
    match located.kind.effect {
        Effect::Api => api::import::fetch(context, given).await,
        Effect::Policy => {
            policy::fetch(context, given).await?;
            Ok(Prepared::default())
        }
        Effect::User => user::hash(given).await,
        _ => Ok(Prepared::default()),
    }
}

/// Fills in what the client may leave out, before anything is checked.
pub(crate) async fn complete(
    context: &Context<'_>,
    located: &Located,
    existing: Option<&Resource>,
    prepared: &Prepared,
    whole: &mut Properties,
) -> Result<(), ApiError> {
    match located.kind.effect {
        Effect::Api => api::complete(context, located, existing, prepared, whole).await,
        Effect::NamedValue => {
            named_value::complete(whole);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The last say before a commit.
pub(crate) async fn prepare(
    context: &Context<'_>,
    draft: &mut Draft<'_>,
    prepared: &Prepared,
) -> Result<(), ApiError> {
    match draft.located.kind.effect {
        Effect::None => Ok(()),
        Effect::Api => api::prepare(context, draft, prepared).await,
        Effect::Operation => operation::prepare(context, draft).await,
        Effect::Release => release::prepare(context, draft).await,
        Effect::Policy => policy::prepare(draft),
        Effect::Product => product::prepare(draft),
        Effect::Subscription => subscription::prepare(context, draft).await,
        Effect::User => user::prepare(context, draft, prepared).await,
        Effect::Group => group::prepare(draft),
        Effect::NamedValue => named_value::prepare(context, draft).await,
    }
}

/// Changes what is shown of a resource.
pub(crate) async fn present(
    context: &Context<'_>,
    kind: &Kind,
    resource: &Resource,
    properties: &mut Properties,
) -> Result<(), ApiError> {
    match kind.effect {
        Effect::Api => api::present(context, properties).await,
        Effect::Release => {
            release::present(context, properties);
            Ok(())
        }
        Effect::Policy => {
            policy::present(context, properties);
            Ok(())
        }
        Effect::Subscription => subscription::present(context, resource, properties).await,
        Effect::NamedValue => named_value::present(context, resource, properties).await,
        _ => Ok(()),
    }
}

/// Another answer to `GET` than the resource itself.
pub(crate) async fn get(
    context: &Context<'_>,
    located: &Located,
    resource: &Resource,
) -> Result<Option<Response>, ApiError> {
    match located.kind.effect {
        Effect::Api if context.call.query.flag("export") => {
            api::export::export(context, located, resource).await.map(Some)
        }
        _ => Ok(None),
    }
}

/// Refuses a deletion, or says what else it changes.
pub(crate) async fn delete(
    context: &Context<'_>,
    located: &Located,
    existing: &Resource,
) -> Result<Vec<Edit>, ApiError> {
    match located.kind.effect {
        Effect::Api => api::delete(context, located).await,
        Effect::Group => group::delete(existing).map(|()| Vec::new()),
        Effect::User => user::delete(existing).map(|()| Vec::new()),
        Effect::Subscription => subscription::delete(existing).map(|()| Vec::new()),
        Effect::NamedValue => named_value::delete(context, existing).await.map(|()| Vec::new()),
        _ => Ok(Vec::new()),
    }
}
