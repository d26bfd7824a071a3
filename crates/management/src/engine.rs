//! The one engine behind every kind of configuration: it reads the kind table, checks, commits and shows.
//!
//! What a kind does beyond that is in [`crate::effect`]. A write is planned against what is stored and
//! committed with preconditions; when others were faster it is planned again.

mod action;
mod context;
mod delete;
mod draft;
mod list;
mod locate;
mod present;
mod read;
mod reference;
mod tree;
mod write;

use axum::response::Response;
use evergate_model::ServiceId;
use http::Method;

pub(crate) use context::Context;
pub(crate) use draft::Draft;
pub(crate) use locate::{Located, split_revision};
pub(crate) use reference::relative;
pub(crate) use tree::{moved, subtree};

use crate::call::Call;
use crate::error::ApiError;
use crate::service;
use crate::version::ApiVersion;
use locate::Target;

/// How often a write is planned again when others were faster. Each time somebody else got ahead, so this
/// many means the service is written to without pause.
pub(crate) const ATTEMPTS: usize = 50;

/// Answers a request for the configuration of a service.
pub(crate) async fn answer(
    call: &Call,
    id: ServiceId,
    version: ApiVersion,
    segments: &[String],
) -> Result<Response, ApiError> {
    let named = locate::read(segments, version)?;
    let verb = match (&call.method, &named) {
        (&Method::GET | &Method::HEAD, _) => "read".to_owned(),
        (&Method::PUT | &Method::PATCH, _) => "write".to_owned(),
        (&Method::DELETE, _) => "delete".to_owned(),
        (&Method::POST, locate::Named::Action(_, _, word)) => format!("{word}/action"),
        _ => return Err(call.method_not_allowed()),
    };
    let action = format!("Microsoft.ApiManagement/service/{}/{verb}", named.resource_type());
    let scope = format!("{id}{}", named.path());
    call.caller.may(&action, &scope).await?;
    let service = service::require(&call.app, &id).await?;
    let context = Context { call, service, version };
    match (&call.method, context.locate(named).await?) {
        (&Method::GET, Target::Resource(located)) => read::get(&context, &located).await,
        (&Method::HEAD, Target::Resource(located)) => read::head(&context, &located).await,
        (&Method::PUT, Target::Resource(located)) => write::put(context, &located).await,
        (&Method::PATCH, Target::Resource(located)) => write::patch(context, &located).await,
        (&Method::DELETE, Target::Resource(located)) => delete::delete(context, &located).await,
        (&Method::GET, Target::Collection(collection)) => list::kind(&context, &collection).await,
        (&Method::GET, Target::View(view, parent, None)) => list::view(&context, view, &parent).await,
        (&Method::GET, Target::View(view, parent, Some(name))) => {
            list::of_view(&context, view, &parent, &name).await
        }
        (method, Target::Action(located, word)) => action::run(&context, method, &located, &word).await,
        _ => Err(call.method_not_allowed()),
    }
}
