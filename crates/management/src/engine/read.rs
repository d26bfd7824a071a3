//! `GET` and `HEAD` of one resource.

use axum::response::Response;
use evergate_model::Resource;
use evergate_model::kind::Body;
use http::StatusCode;

use super::present::Shown;
use super::{Context, Located};
use crate::call::{self, empty, with_etag};
use crate::dispatch::yes;
use crate::effect;
use crate::error::ApiError;

/// The stored resource, or 404 in the client's words.
pub(super) async fn find(context: &Context<'_>, located: &Located) -> Result<Resource, ApiError> {
    context
        .resource(&located.stored)
        .await?
        .ok_or_else(|| ApiError::not_found(located.kind.title, located.shown.name()))
}

pub(super) async fn get(context: &Context<'_>, located: &Located) -> Result<Response, ApiError> {
    let resource = find(context, located).await?;
    if let Some(answer) = effect::get(context, located, &resource).await? {
        return Ok(answer);
    }
    let etag = resource.etag.clone();
    if context.call.if_none_match(&etag) {
        return Ok(with_etag(empty(StatusCode::NOT_MODIFIED), &etag));
    }
    let shown = Shown { kind: located.kind, path: located.shown.clone(), resource };
    Ok(with_etag(call::json(StatusCode::OK, &context.present(&shown).await?), &etag))
}

/// Whether it is there: a link answers 204, as the clients' `check` commands expect, anything else 200.
pub(super) async fn head(context: &Context<'_>, located: &Located) -> Result<Response, ApiError> {
    let resource = find(context, located).await?;
    let answer = match located.kind.body {
        Body::Link(_) => yes(),
        Body::Properties(_) => empty(StatusCode::OK),
    };
    Ok(with_etag(answer, &resource.etag))
}
