//! Revisions of an API: which there are, and how another becomes the current one.
//!
//! The current revision is stored under the API's own name, so making another one current moves both
//! with everything below them, in the commit that says so.

use axum::response::Response;
use evergate_model::{Properties, Resource, ResourcePath, Secrets};
use evergate_store::{Edit, IfMatch};
use serde_json::{Value, json};

use crate::arm;
use crate::engine::{Context, moved, split_revision, subtree};
use crate::error::ApiError;

/// The revisions of an API that are not current.
pub(super) async fn others(context: &Context<'_>, base: &str) -> Result<Vec<Resource>, ApiError> {
    let mut all = context.all("apis").await?;
    all.retain(|api| {
        split_revision(api.path.name()).is_some_and(|(name, _)| name.eq_ignore_ascii_case(base))
    });
    Ok(all)
}

/// `GET …/apis/{api}/revisions`
pub(crate) async fn list(context: &Context<'_>, api: &Resource) -> Result<Response, ApiError> {
    let name = api.path.name();
    let base = split_revision(name).map_or(name, |(base, _)| base).to_owned();
    let mut all: Vec<Resource> =
        context.resource(&ResourcePath::top("apis", &base)?).await?.into_iter().collect();
    all.extend(others(context, &base).await?);
    Ok(arm::list(all.iter().map(|revision| {
        let field = |name: &str| revision.properties.get(name).cloned().unwrap_or_default();
        let number = revision.properties.get("apiRevision").and_then(Value::as_str).unwrap_or("1");
        let path = revision.properties.get("path").and_then(Value::as_str).unwrap_or_default();
        json!({
            "apiId": format!("/apis/{base};rev={number}"),
            "apiRevision": number,
            "createdDateTime": field("createdDateTime"),
            "updatedDateTime": field("updatedDateTime"),
            "description": field("apiRevisionDescription"),
            "privateUrl": format!("/{path};rev={number}"),
            "isOnline": true,
            "isCurrent": split_revision(revision.path.name()).is_none(),
        })
    })))
}

/// The edits that make the revision stored at `revision` the current one, with these properties.
///
/// What stands below it is read from the store, or given with the path it was read from when the revision
/// is only being made.
pub(crate) async fn make_current(
    context: &Context<'_>,
    revision: &ResourcePath,
    mut properties: Properties,
    below: Option<(&[Resource], &ResourcePath)>,
) -> Result<Vec<Edit>, ApiError> {
    let name = revision.name();
    let base = ResourcePath::top("apis", split_revision(name).map_or(name, |(base, _)| base))?;
    let current = context.resource(&base).await?.ok_or_else(|| ApiError::not_found("API", base.name()))?;
    let number = current.properties.get("apiRevision").and_then(Value::as_str).unwrap_or("1");
    let former = ResourcePath::top("apis", &format!("{};rev={number}", base.name()))?;
    let releases = context.members(&format!("{base}/releases")).await?;
    let below_current = subtree(context, &base, &["apis/releases"]).await?;
    let read;
    let (below_new, from) = if let Some(given) = below {
        given
    } else {
        read = subtree(context, revision, &["apis/releases"]).await?;
        (read.as_slice(), revision)
    };
    let now = context.app().now().to_string();
    let mut old = current.properties.clone();
    old.insert("isCurrent".to_owned(), false.into());
    old.insert("updatedDateTime".to_owned(), now.as_str().into());
    properties.insert("isCurrent".to_owned(), true.into());
    properties.insert("updatedDateTime".to_owned(), now.into());
    let mut edits = vec![
        Edit::Delete { path: revision.clone(), if_match: IfMatch::None },
        Edit::Delete { path: base.clone(), if_match: IfMatch::None },
        put(former.clone(), old),
    ];
    edits.extend(moved(&below_current, &base, &former)?);
    edits.push(put(base.clone(), properties));
    edits.extend(moved(below_new, from, &base)?);
    edits.extend(moved(&releases, &base, &base)?);
    Ok(edits)
}

fn put(path: ResourcePath, properties: Properties) -> Edit {
    Edit::Put { path, properties, secrets: Secrets::default(), if_match: IfMatch::None }
}
