//! `DELETE`: what refers to the resource decides whether it may go, and what goes with it.

use axum::response::Response;
use evergate_model::kind::{self, Body, Effect, Kind, OnDelete};
use evergate_model::{Resource, ResourcePath};
use evergate_store::{Commit, Edit, IfMatch, Precondition, StoreError};
use http::StatusCode;
use serde_json::Value;

use super::{ATTEMPTS, Context, Located};
use crate::call::empty;
use crate::effect;
use crate::error::ApiError;

/// Deletes a resource with what belongs to it; 204 when there is none.
pub(super) async fn delete(mut context: Context<'_>, located: &Located) -> Result<Response, ApiError> {
    let if_match = match context.call.if_match() {
        IfMatch::Is(etag) => IfMatch::Is(etag),
        IfMatch::None | IfMatch::Exists => IfMatch::None,
    };
    for _ in 0..ATTEMPTS {
        let stored = context.stored(&located.shown).await?;
        let located = Located { stored, ..located.clone() };
        let Some(existing) = context.resource(&located.stored).await? else {
            return Ok(empty(StatusCode::NO_CONTENT));
        };
        if let IfMatch::Is(etag) = &if_match
            && *etag != existing.etag
        {
            return Err(ApiError::precondition(
                "The resource was changed by somebody else: its ETag is not the one in If-Match. Read it again.",
            ));
        }
        let mut edits = effect::delete(&context, &located, &existing).await?;
        let referrers = referrers(&context, &located).await?;
        let exclusive = looks_elsewhere(&located) || !edits.is_empty();
        edits.extend(referrers.into_iter().map(|path| Edit::Delete { path, if_match: IfMatch::None }));
        edits.push(Edit::Delete { path: located.stored.clone(), if_match: if_match.clone() });
        let preconditions =
            if exclusive { vec![Precondition::Revision(context.service.revision)] } else { Vec::new() };
        match context.store().commit(&context.service.id, Commit { preconditions, edits }).await {
            Ok(_) => return Ok(empty(deleted(located.kind))),
            Err(StoreError::Stale) => context.refresh().await?,
            Err(StoreError::NotFound(_)) => return Ok(empty(StatusCode::NO_CONTENT)),
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Stale.into())
}

/// Newer clients take only 202 and 204 for APIs and users, older ones only 200 and 204.
fn deleted(kind: &Kind) -> StatusCode {
    if matches!(kind.effect, Effect::Api | Effect::User) { StatusCode::NO_CONTENT } else { StatusCode::OK }
}

/// Whether any kind can refer to this one.
fn looks_elsewhere(located: &Located) -> bool {
    kind::all().iter().any(|kind| match kind.body {
        Body::Link(to) => to == located.kind.path,
        Body::Properties(properties) => properties
            .iter()
            .any(|property| property.references.iter().any(|reference| reference.to == located.kind.path)),
    })
}

/// What must be deleted with the resource; an error when something that refers to it must stay.
async fn referrers(context: &Context<'_>, located: &Located) -> Result<Vec<ResourcePath>, ApiError> {
    let mut doomed = Vec::new();
    let own = &located.stored;
    for kind in kind::all() {
        if let Body::Link(to) = kind.body {
            if to == located.kind.path {
                let links = context.all(kind.path).await?;
                let named =
                    links.into_iter().filter(|link| link.path.name().eq_ignore_ascii_case(own.name()));
                doomed.extend(named.map(|link| link.path));
            }
            continue;
        }
        for property in kind.properties() {
            for reference in property.references.iter().filter(|reference| reference.to == located.kind.path)
            {
                let refers = |resource: &Resource| {
                    resource
                        .properties
                        .get(property.name)
                        .and_then(Value::as_str)
                        .is_some_and(|path| path.eq_ignore_ascii_case(own.as_str()))
                };
                let found: Vec<Resource> = context.all(kind.path).await?.into_iter().filter(refers).collect();
                let Some(first) = found.first() else { continue };
                let refuse = |cure: &str| {
                    let title = located.kind.title;
                    ApiError::bad_request(
                        "ValidationError",
                        format!(
                            "The {title} '{}' cannot be deleted: {} {}{} refer to it, for example '{}'. {cure}",
                            own.name(),
                            found.len(),
                            kind.title,
                            if found.len() == 1 { "" } else { "s" },
                            first.path.name()
                        ),
                    )
                };
                match reference.on_delete {
                    OnDelete::Keep => {}
                    OnDelete::Refuse => return Err(refuse("Change or delete them first.")),
                    OnDelete::RefuseUnless(flag) if !context.call.query.flag(flag) => {
                        return Err(refuse(&format!("Delete them first, or add {flag}=true.")));
                    }
                    OnDelete::RefuseUnless(_) | OnDelete::Delete => {
                        doomed.extend(found.iter().map(|resource| resource.path.clone()));
                    }
                }
            }
        }
    }
    Ok(doomed)
}
