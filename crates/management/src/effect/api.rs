//! APIs: revisions, versions, import, and a path of their own.

pub(crate) mod export;
pub(super) mod import;
pub(crate) mod revision;

use evergate_model::kind::Kind;
use evergate_model::{Properties, Resource, ResourcePath, Secrets};
use evergate_store::{Edit, IfMatch};
use serde_json::{Value, json};

use super::Prepared;
use crate::engine::{Context, Draft, Located, moved, relative, split_revision, subtree};
use crate::error::ApiError;

/// An API's name; `;rev=N` at its end names a revision.
pub(super) fn check_name(kind: &Kind, name: &str) -> Result<(), String> {
    let Some((base, revision)) = split_revision(name) else {
        return if name.contains(';') {
            Err("';' only begins a revision, as in pets;rev=2".to_owned())
        } else {
            kind.name.check(name)
        };
    };
    let number = (1..=100).contains(&revision.len()) && revision.bytes().all(|b| b.is_ascii_alphanumeric());
    if !number || base.contains(';') {
        return Err("a revision is a number, as in pets;rev=2".to_owned());
    }
    kind.name.check(base)
}

/// What a new revision or a clone takes from its source.
const TAKEN: &[&str] = &[
    "displayName",
    "description",
    "path",
    "protocols",
    "serviceUrl",
    "type",
    "subscriptionRequired",
    "subscriptionKeyParameterNames",
    "authenticationSettings",
    "termsOfServiceUrl",
    "contact",
    "license",
];
/// What only a revision takes: a clone is of another version.
const TAKEN_BY_REVISION: &[&str] = &["apiVersion", "apiVersionSetId", "apiVersionDescription"];

pub(super) async fn complete(
    context: &Context<'_>,
    located: &Located,
    existing: Option<&Resource>,
    prepared: &Prepared,
    whole: &mut Properties,
) -> Result<(), ApiError> {
    if let Some(kind) = whole.get("apiType").cloned() {
        whole.entry("type").or_insert(kind);
    }
    // A version set given whole or by id inside `apiVersionSet`.
    let id =
        whole.get("apiVersionSet").and_then(|set| set.get("id")).and_then(Value::as_str).map(str::to_owned);
    if let Some(id) = id.filter(|id| !id.is_empty()) {
        whole.entry("apiVersionSetId").or_insert(id.into());
    }
    import::complete(prepared, whole);
    if existing.is_some() {
        return Ok(());
    }
    let mut fill = |source: &Resource, names: &[&str]| {
        for name in names {
            if let Some(value) = source.properties.get(*name) {
                whole.entry(*name).or_insert_with(|| value.clone());
            }
        }
    };
    if let Some((base, _)) = split_revision(located.stored.name()) {
        let path = ResourcePath::top("apis", base)?;
        let base = context.resource(&path).await?.ok_or_else(|| ApiError::not_found("API", base))?;
        fill(&base, TAKEN);
        fill(&base, TAKEN_BY_REVISION);
    } else if let Some(source) = source(context, whole).await? {
        for name in TAKEN {
            if let Some(value) = source.properties.get(*name) {
                whole.entry(*name).or_insert_with(|| value.clone());
            }
        }
    }
    Ok(())
}

/// The API that `sourceApiId` names.
async fn source(context: &Context<'_>, given: &Properties) -> Result<Option<Resource>, ApiError> {
    let Some(id) = given.get("sourceApiId").and_then(Value::as_str).filter(|id| !id.is_empty()) else {
        return Ok(None);
    };
    let refuse = |problem: &str| {
        ApiError::invalid("sourceApiId", format!("'sourceApiId' is not valid: '{id}' {problem}."))
    };
    let path = relative(&context.service.id, id).and_then(|path| ResourcePath::parse(&path).ok());
    let path = path.filter(|path| path.resource_type().eq_ignore_ascii_case("apis"));
    let path = path.ok_or_else(|| refuse("is not an API of this service"))?;
    let stored = context.stored(&ResourcePath::top("apis", path.name())?).await?;
    context.resource(&stored).await?.map(Some).ok_or_else(|| refuse("does not exist"))
}

pub(super) async fn prepare(
    context: &Context<'_>,
    draft: &mut Draft<'_>,
    prepared: &Prepared,
) -> Result<(), ApiError> {
    let now = context.app().now().to_string();
    draft.set("updatedDateTime", now.as_str());
    draft.default("createdDateTime", now.as_str());
    let name = draft.located.stored.name().to_owned();
    let named = split_revision(&name).map(|(_, revision)| revision.to_owned());
    let kept = draft.existing.and_then(|existing| existing.properties.get("apiRevision")).cloned();
    let current = named.is_none();
    let revision = named.map(Value::from).or(kept);
    match revision {
        Some(revision) => draft.set("apiRevision", revision),
        None => draft.default("apiRevision", "1"),
    }
    let make_current = !current && draft.properties.get("isCurrent").and_then(Value::as_bool) == Some(true);
    draft.set("isCurrent", current);
    draft.set("isOnline", true);
    version_set(draft)?;
    if current {
        unique_path(context, draft).await?;
    } else {
        same_path(context, draft).await?;
    }
    let source = if draft.existing.is_none() { source(context, &draft.request).await? } else { None };
    let copied = match &source {
        Some(source) => {
            draft.exclusive = true;
            subtree(context, &source.path, &["apis/releases"]).await?
        }
        None => Vec::new(),
    };
    if let (Some(source), false) = (&source, make_current) {
        draft.after = moved(&copied, &source.path, &draft.located.stored)?;
    }
    if make_current {
        draft.exclusive = true;
        let from = source.as_ref().map(|source| (copied.as_slice(), &source.path));
        draft.after =
            revision::make_current(context, &draft.located.stored, draft.properties.clone(), from).await?;
    }
    import::edits(context, draft, prepared, make_current).await
}

/// Checks that version and version set come together, and makes a set that was given in place.
fn version_set(draft: &mut Draft<'_>) -> Result<(), ApiError> {
    if draft.properties.contains_key("apiVersionSetId") {
        return Ok(());
    }
    let inline = draft.request.get("apiVersionSet").and_then(Value::as_object);
    if let Some(set) = inline.filter(|set| set.contains_key("name") || set.contains_key("versioningScheme")) {
        let text = |name: &str| set.get(name).and_then(Value::as_str);
        let scheme = text("versioningScheme").and_then(|given| {
            ["Segment", "Query", "Header"].into_iter().find(|scheme| scheme.eq_ignore_ascii_case(given))
        });
        let mut properties = Properties::new();
        properties.insert("displayName".to_owned(), text("name").unwrap_or("Versions").into());
        properties.insert("versioningScheme".to_owned(), scheme.unwrap_or("Segment").into());
        for name in ["description", "versionQueryName", "versionHeaderName"] {
            if let Some(value) = text(name) {
                properties.insert(name.to_owned(), value.into());
            }
        }
        let path = ResourcePath::top("apiVersionSets", &uuid::Uuid::new_v4().simple().to_string())?;
        draft.set("apiVersionSetId", path.as_str());
        draft.before.push(Edit::Put {
            path,
            properties,
            secrets: Secrets::default(),
            if_match: IfMatch::None,
        });
        return Ok(());
    }
    if draft.text("apiVersion").is_some_and(|version| !version.is_empty()) {
        return Err(ApiError::invalid(
            "apiVersionSetId",
            "Required property 'apiVersionSetId' was not given: an API with an apiVersion belongs to a version set.",
        ));
    }
    Ok(())
}

/// No two APIs answer at one path, unless they are versions of one another.
async fn unique_path(context: &Context<'_>, draft: &mut Draft<'_>) -> Result<(), ApiError> {
    fn place(properties: &Properties) -> [String; 3] {
        ["path", "apiVersionSetId", "apiVersion"].map(|name| {
            let text = properties.get(name).and_then(Value::as_str).unwrap_or_default();
            text.trim_matches('/').to_lowercase()
        })
    }
    let own = place(&draft.properties);
    if draft.existing.is_some_and(|existing| place(&existing.properties) == own) {
        return Ok(());
    }
    draft.exclusive = true;
    let clash = context.all("apis").await?.into_iter().find(|other| {
        let theirs = place(&other.properties);
        split_revision(other.path.name()).is_none()
            && other.path != draft.located.stored
            && theirs[0] == own[0]
            && (theirs[1] != own[1] || own[1].is_empty() || theirs[2] == own[2])
    });
    match clash {
        None => Ok(()),
        Some(other) => Err(ApiError::invalid(
            "path",
            format!(
                "Cannot create API '{}' with the same Path '{}' as API '{}'.",
                draft.located.stored.name(),
                draft.text("path").unwrap_or_default(),
                other.path.name()
            ),
        )),
    }
}

/// Revisions of one API share its path and version.
async fn same_path(context: &Context<'_>, draft: &mut Draft<'_>) -> Result<(), ApiError> {
    let name = draft.located.stored.name().to_owned();
    let base = split_revision(&name).map_or(name.as_str(), |(base, _)| base);
    let path = ResourcePath::top("apis", base)?;
    let current = context.resource(&path).await?.ok_or_else(|| ApiError::not_found("API", base))?;
    let text = |value: Option<&Value>| {
        value.and_then(Value::as_str).unwrap_or_default().trim_matches('/').to_owned()
    };
    let (own, theirs) = (text(draft.properties.get("path")), text(current.properties.get("path")));
    if !own.eq_ignore_ascii_case(&theirs) {
        return Err(ApiError::invalid(
            "path",
            format!("'path' is not valid: all revisions of the API '{base}' have the path '{theirs}'."),
        ));
    }
    draft.preconditions.push(evergate_store::Precondition::Exists(path));
    Ok(())
}

/// Shows the version set beside its id.
pub(super) async fn present(context: &Context<'_>, properties: &mut Properties) -> Result<(), ApiError> {
    let Some(path) = properties.get("apiVersionSetId").and_then(Value::as_str) else { return Ok(()) };
    let Ok(path) = ResourcePath::parse(path) else { return Ok(()) };
    if let Some(set) = context.resource(&path).await? {
        let text = |name: &str| set.properties.get(name).cloned().unwrap_or_default();
        let shown = json!({
            "id": context.id(path.as_str()),
            "name": text("displayName"),
            "description": text("description"),
            "versioningScheme": text("versioningScheme"),
            "versionQueryName": text("versionQueryName"),
            "versionHeaderName": text("versionHeaderName"),
        });
        properties.insert("apiVersionSet".to_owned(), shown);
    }
    Ok(())
}

/// The current revision takes the others with it, if the client says so.
pub(super) async fn delete(context: &Context<'_>, located: &Located) -> Result<Vec<Edit>, ApiError> {
    let name = located.stored.name();
    if split_revision(name).is_some() {
        return Ok(Vec::new());
    }
    let others = revision::others(context, name).await?;
    if !others.is_empty() && !context.call.query.flag("deleteRevisions") {
        return Err(ApiError::bad_request(
            "ValidationError",
            format!(
                "The API '{name}' has {} more revisions. Add deleteRevisions=true to delete them too, \
                 or make another one current first.",
                others.len()
            ),
        ));
    }
    Ok(others.into_iter().map(|other| Edit::Delete { path: other.path, if_match: IfMatch::None }).collect())
}
