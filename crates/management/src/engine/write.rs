//! `PUT` and `PATCH`: check, complete, let the kind have its say, commit.

use axum::response::Response;
use evergate_model::kind::{Access, Body, Kind, accept};
use evergate_model::{ETag, Properties, Resource, ResourcePath, Secrets};
use evergate_store::{Commit, Edit, IfMatch, Precondition, StoreError};
use http::StatusCode;
use http::header::IF_NONE_MATCH;
use serde_json::Value;

use super::present::Shown;
use super::{ATTEMPTS, Context, Draft, Located, read};
use crate::call::{self, empty, with_etag};
use crate::effect::{self, Prepared};
use crate::error::ApiError;
use crate::merge::merge;

/// Creates or replaces a resource.
pub(super) async fn put(context: Context<'_>, located: &Located) -> Result<Response, ApiError> {
    effect::check_name(located)?;
    let mut given = match located.kind.body {
        Body::Properties(_) => properties_of(context.call.object()?)?,
        // Clients send links without a body, or with one that says nothing.
        Body::Link(_) => Properties::new(),
    };
    context.version.properties_in(located.kind, &mut given);
    // `If-Match: *` on a create is what az sends for named values.
    let if_match = match context.call.if_match() {
        IfMatch::Exists => IfMatch::None,
        other => other,
    };
    let only_create = context.call.headers.get(IF_NONE_MATCH).is_some_and(|value| value == "*");
    let (created, shown) = write(context, located, given, if_match, Mode::Put { only_create }).await?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(with_etag(call::json(status, &shown.1), &shown.0))
}

/// Changes what the body names and keeps the rest.
pub(super) async fn patch(context: Context<'_>, located: &Located) -> Result<Response, ApiError> {
    if matches!(located.kind.body, Body::Link(_)) {
        return Err(context.call.method_not_allowed());
    }
    let mut given = properties_of(context.call.object()?)?;
    context.version.properties_in(located.kind, &mut given);
    let if_match = context.call.if_match();
    let answers = context.version.patch_answers();
    let (_, (etag, value)) = write(context, located, given, if_match, Mode::Patch).await?;
    let answer = if answers { call::json(StatusCode::OK, &value) } else { empty(StatusCode::NO_CONTENT) };
    Ok(with_etag(answer, &etag))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Put { only_create: bool },
    Patch,
}

fn properties_of(mut body: Properties) -> Result<Properties, ApiError> {
    match body.remove("properties") {
        Some(Value::Object(properties)) => Ok(properties),
        None | Some(Value::Null) => Ok(Properties::new()),
        Some(_) => Err(ApiError::invalid("properties", "'properties' is not valid: it is an object.")),
    }
}

/// Plans and commits until nobody else was faster. Returns whether the resource is new, and how it is shown.
async fn write(
    mut context: Context<'_>,
    located: &Located,
    given: Properties,
    if_match: IfMatch,
    mode: Mode,
) -> Result<(bool, (ETag, Value)), ApiError> {
    let mut given = given;
    let prepared = effect::fetch(&context, located, &mut given).await?;
    for _ in 0..ATTEMPTS {
        // Another revision may have become current meanwhile.
        let stored = context.stored(&located.shown).await?;
        let located = canonical(&context, Located { stored, ..located.clone() }).await?;
        let existing = context.resource(&located.stored).await?;
        check_conditions(&located, existing.as_ref(), &if_match, mode)?;
        let draft = plan(&context, &located, existing.as_ref(), &given, &prepared, mode).await?;
        let (commit, own) = commit_of(&context, draft, if_match.clone());
        match context.store().commit(&context.service.id, commit).await {
            Ok(committed) => {
                let created = !committed.existed.get(own).copied().unwrap_or(false);
                return Ok((created, shown(&context, &located).await?));
            }
            Err(StoreError::Stale) => context.refresh().await?,
            // What was there when this was planned went away, or what was not came: plan again, and say so then.
            Err(StoreError::Precondition { expected, .. }) if existing.is_some() || !expected => {
                context.refresh().await?;
            }
            Err(StoreError::ETagMismatch { .. } | StoreError::NotFound(_))
                if !matches!(if_match, IfMatch::Is(_)) =>
            {
                context.refresh().await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Stale.into())
}

/// A link is called exactly what it names, whatever the case the client wrote.
async fn canonical(context: &Context<'_>, located: Located) -> Result<Located, ApiError> {
    let Body::Link(to) = located.kind.body else { return Ok(located) };
    let named = ResourcePath::top(to, located.stored.name())?;
    let named = context.resource(&named).await?.map_or(named, |found| found.path);
    let stored = ResourcePath::parse(&format!("{}/{}", located.stored.collection(), named.name()))?;
    Ok(Located { stored, ..located })
}

fn check_conditions(
    located: &Located,
    existing: Option<&Resource>,
    if_match: &IfMatch,
    mode: Mode,
) -> Result<(), ApiError> {
    match (existing, if_match) {
        (None, _) if mode == Mode::Patch => {
            Err(ApiError::not_found(located.kind.title, located.shown.name()))
        }
        (None, IfMatch::Is(_)) => Err(ApiError::precondition(
            "If-Match names a version, but the resource does not exist. Leave it out to create the resource.",
        )),
        (Some(existing), IfMatch::Is(etag)) if existing.etag != *etag => Err(ApiError::precondition(
            "The resource was changed by somebody else: its ETag is not the one in If-Match. Read it again.",
        )),
        (Some(_), _) if mode == (Mode::Put { only_create: true }) => Err(ApiError::precondition(
            "The resource exists already, and If-None-Match asks that it does not.",
        )),
        _ => Ok(()),
    }
}

async fn plan<'a>(
    context: &Context<'_>,
    located: &'a Located,
    existing: Option<&'a Resource>,
    given: &'a Properties,
    prepared: &Prepared,
    mode: Mode,
) -> Result<Draft<'a>, ApiError> {
    let kind = located.kind;
    let mut whole = match (mode, existing) {
        (Mode::Patch, Some(existing)) => {
            let mut whole = existing.properties.clone();
            whole.extend(existing.secrets.0.clone());
            merge(&mut whole, given.clone());
            whole
        }
        _ => given.clone(),
    };
    effect::complete(context, located, existing, prepared, &mut whole).await?;
    let mut preconditions = parent_exists(located);
    require(context, &preconditions).await?;
    preconditions.extend(context.resolve_references(kind, &mut whole).await?);
    if let Body::Link(to) = kind.body {
        let named = ResourcePath::top(to, located.stored.name())?;
        if context.resource(&named).await?.is_none() {
            let title = evergate_model::kind::find(to).map_or("resource", |kind| kind.title);
            return Err(ApiError::not_found(title, named.name()));
        }
        preconditions.push(Precondition::Exists(named));
    }
    let accepted = accept(kind.properties(), whole).map_err(ApiError::validation)?;
    let mut draft = Draft {
        located,
        existing,
        given,
        properties: accepted.properties,
        secrets: accepted.secrets,
        request: accepted.request,
        before: Vec::new(),
        after: Vec::new(),
        preconditions,
        exclusive: false,
    };
    if let Some(existing) = existing {
        carry(kind, existing, &mut draft.properties, &mut draft.secrets);
    }
    effect::prepare(context, &mut draft, prepared).await?;
    Ok(draft)
}

/// What a client does not send back stays: what only the server sets, and secrets, which it cannot read.
fn carry(kind: &Kind, existing: &Resource, properties: &mut Properties, secrets: &mut Secrets) {
    for property in kind.properties() {
        match property.access {
            Access::ReadOnly | Access::Internal => {
                if let Some(value) = existing.properties.get(property.name) {
                    properties.insert(property.name.to_owned(), value.clone());
                }
            }
            Access::Secret => {
                if let Some(value) = existing.secrets.0.get(property.name) {
                    secrets.0.entry(property.name).or_insert_with(|| value.clone());
                }
            }
            _ => {}
        }
    }
}

fn parent_exists(located: &Located) -> Vec<Precondition> {
    located.stored.parent().map(Precondition::Exists).into_iter().collect()
}

async fn require(context: &Context<'_>, preconditions: &[Precondition]) -> Result<(), ApiError> {
    for precondition in preconditions {
        if let Precondition::Exists(path) = precondition
            && context.resource(path).await?.is_none()
        {
            let title = evergate_model::kind::of(path).map_or("resource", |kind| kind.title);
            return Err(ApiError::not_found(title, path.name()));
        }
    }
    Ok(())
}

/// The commit of a draft, and which of its edits is the resource's own.
fn commit_of(context: &Context<'_>, draft: Draft<'_>, if_match: IfMatch) -> (Commit, usize) {
    let own = draft.before.len();
    let mut edits = draft.before;
    let mut preconditions = draft.preconditions;
    // What is kept of the resource, its keys above all, was read before: a restore, or somebody else, may
    // have written others since.
    let if_match = match draft.existing {
        _ if draft.exclusive => {
            preconditions.push(Precondition::Revision(context.service.revision));
            if_match
        }
        Some(existing) => IfMatch::Is(existing.etag.clone()),
        None => {
            preconditions.push(Precondition::Absent(draft.located.stored.clone()));
            if_match
        }
    };
    edits.push(Edit::Put {
        path: draft.located.stored.clone(),
        properties: draft.properties,
        secrets: draft.secrets,
        if_match,
    });
    edits.extend(draft.after);
    (Commit { preconditions, edits }, own)
}

/// The resource as it is after the commit, which may have moved it (a revision became current).
async fn shown(context: &Context<'_>, located: &Located) -> Result<(ETag, Value), ApiError> {
    let stored = context.stored(&located.shown).await?;
    let located = Located { stored, ..located.clone() };
    let resource = read::find(context, &located).await?;
    let etag = resource.etag.clone();
    let shown = Shown { kind: located.kind, path: located.shown, resource };
    Ok((etag, context.present(&shown).await?))
}
