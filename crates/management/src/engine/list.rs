//! Lists: filter, page, count, and the link to the next page.

use axum::response::Response;
use evergate_model::kind::{self, Body, View, ViewBy};
use evergate_model::{Properties, Resource, ResourcePath};
use http::StatusCode;
use serde_json::{Value, json};

use super::Context;
use super::locate::Collection;
use super::present::Shown;
use crate::call;
use crate::error::ApiError;
use crate::filter::{self, Filter};

/// How many resources a page has when the client does not say.
const PAGE: usize = 100;
/// How many a client may ask for.
const LARGEST_PAGE: usize = 1000;

/// The members of a collection.
pub(super) async fn kind(context: &Context<'_>, collection: &Collection) -> Result<Response, ApiError> {
    if let Some(parent) = &collection.parent {
        require_parent(context, parent).await?;
    }
    let members = context.members(&collection.stored).await?;
    let mut shown = Vec::with_capacity(members.len());
    for resource in members {
        let path = ResourcePath::parse(&format!("{}/{}", collection.shown, resource.path.name()))?;
        shown.push(Shown { kind: collection.kind, path, resource });
    }
    page(context, shown).await
}

async fn require_parent(context: &Context<'_>, parent: &ResourcePath) -> Result<(), ApiError> {
    if context.resource(parent).await?.is_some() {
        return Ok(());
    }
    let title = kind::of(parent).map_or("resource", |kind| kind.title);
    Err(ApiError::not_found(title, parent.name()))
}

/// What a view shows below `parent`.
async fn members_of_view(
    context: &Context<'_>,
    view: &'static View,
    parent: &ResourcePath,
) -> Result<Vec<Shown>, ApiError> {
    require_parent(context, parent).await?;
    let kind = kind::find(view.of).ok_or_else(|| ApiError::unknown_type(view.of))?;
    let found: Vec<Resource> = match view.by {
        ViewBy::Property(name) => {
            let names_parent = |resource: &Resource| {
                resource
                    .properties
                    .get(name)
                    .and_then(Value::as_str)
                    .is_some_and(|path| path.eq_ignore_ascii_case(parent.as_str()))
            };
            context.all(view.of).await?.into_iter().filter(names_parent).collect()
        }
        ViewBy::Link(link) => {
            let mut found = Vec::new();
            for link in context.all(link).await? {
                if link.path.name().eq_ignore_ascii_case(parent.name())
                    && let Some(owner) = link.path.parent()
                {
                    found.extend(context.resource(&owner).await?);
                }
            }
            found
        }
    };
    Ok(found.into_iter().map(|resource| Shown { kind, path: resource.path.clone(), resource }).collect())
}

/// A list of a view.
pub(super) async fn view(
    context: &Context<'_>,
    view: &'static View,
    parent: &ResourcePath,
) -> Result<Response, ApiError> {
    let shown = members_of_view(context, view, parent).await?;
    page(context, shown).await
}

/// One member of a view.
pub(super) async fn of_view(
    context: &Context<'_>,
    view: &'static View,
    parent: &ResourcePath,
    name: &str,
) -> Result<Response, ApiError> {
    let found = members_of_view(context, view, parent).await?;
    let found = found.into_iter().find(|shown| shown.path.name().eq_ignore_ascii_case(name));
    let found = found.ok_or_else(|| ApiError::not_found("resource", name))?;
    let etag = found.resource.etag.clone();
    Ok(call::with_etag(call::json(StatusCode::OK, &context.present(&found).await?), &etag))
}

async fn page(context: &Context<'_>, mut all: Vec<Shown>) -> Result<Response, ApiError> {
    let query = &context.call.query;
    if let Some(text) = query.get("$filter").filter(|text| !text.trim().is_empty()) {
        let filter = filter::parse(text)
            .map_err(|error| ApiError::bad_request("InvalidFilter", format!("{error}.")))?;
        for shown in &mut all {
            // A link is filtered by what it names, as it is shown.
            if let Body::Link(to) = shown.kind.body {
                let named = ResourcePath::top(to, shown.path.name())?;
                if let Some(found) = context.resource(&named).await? {
                    shown.resource.properties = found.properties;
                }
            }
        }
        all.retain(|shown| passes(&filter, shown));
    }
    let total = all.len();
    let top = query.number("$top", 1)?.unwrap_or(PAGE).min(LARGEST_PAGE);
    let skip = query.number("$skip", 0)?.unwrap_or(0);
    let mut value = Vec::new();
    for shown in all.iter().skip(skip).take(top) {
        value.push(context.present(shown).await?);
    }
    let mut body = Properties::new();
    let end = skip.saturating_add(value.len());
    body.insert("value".to_owned(), Value::Array(value));
    body.insert("count".to_owned(), total.into());
    if end < total && end > skip {
        body.insert("nextLink".to_owned(), context.call.link(&query.with("$skip", &end.to_string())).into());
    }
    Ok(call::json(StatusCode::OK, &json!(body)))
}

/// Filters see the properties, as `displayName` or `properties/displayName`, and `name`.
fn passes(filter: &Filter, shown: &Shown) -> bool {
    let name = Value::from(shown.path.name());
    let lookup = |wanted: &str| {
        let mut levels = wanted.split(['/', '.']).peekable();
        if levels.peek().is_some_and(|first| first.eq_ignore_ascii_case("properties")) {
            levels.next();
        } else if wanted.eq_ignore_ascii_case("name") || wanted.eq_ignore_ascii_case("id") {
            return Some(&name);
        }
        let mut found = field(&shown.resource.properties, levels.next()?)?;
        for level in levels {
            found = field(found.as_object()?, level)?;
        }
        Some(found)
    };
    filter.passes(&lookup)
}

fn field<'v>(properties: &'v Properties, name: &str) -> Option<&'v Value> {
    properties
        .get(name)
        .or_else(|| properties.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}
