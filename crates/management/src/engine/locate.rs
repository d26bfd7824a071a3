//! From the segments of a path to a kind and to where its resource is stored.
//!
//! An API's revisions share a name: `pets;rev=2` is stored under that name unless it is the current
//! revision, which is stored as `pets`.

use evergate_model::ResourcePath;
use evergate_model::kind::{self, Kind, View};
use serde_json::Value;

use super::Context;
use crate::error::ApiError;
use crate::version::ApiVersion;

/// What a path names, before anything is looked up.
pub(super) enum Named {
    Resource(&'static Kind, ResourcePath),
    Collection(&'static Kind, String),
    View(&'static View, ResourcePath, Option<String>),
    Action(&'static Kind, ResourcePath, String),
}

/// A resource: as it was named and as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Located {
    pub(crate) kind: &'static Kind,
    /// As the client named it.
    pub(crate) shown: ResourcePath,
    /// As it is stored.
    pub(crate) stored: ResourcePath,
}

/// A collection: as it was named and as it is stored.
pub(super) struct Collection {
    pub(super) kind: &'static Kind,
    pub(super) shown: String,
    pub(super) stored: String,
    pub(super) parent: Option<ResourcePath>,
}

/// What a path names, looked up.
pub(super) enum Target {
    Resource(Located),
    Collection(Collection),
    View(&'static View, ResourcePath, Option<String>),
    Action(Located, String),
}

impl Named {
    pub(super) fn resource_type(&self) -> &'static str {
        match self {
            Self::Resource(kind, _) | Self::Collection(kind, _) | Self::Action(kind, ..) => kind.path,
            Self::View(view, ..) => view.path,
        }
    }

    pub(super) fn path(&self) -> &str {
        match self {
            Self::Collection(_, path) => path,
            Self::Resource(_, path) | Self::View(_, path, _) | Self::Action(_, path, _) => path.as_str(),
        }
    }
}

/// Reads segments against the kind table. Collections match whatever their case and come out as the table
/// writes them.
pub(super) fn read(segments: &[String], version: ApiVersion) -> Result<Named, ApiError> {
    let mut path = String::new();
    let mut resource_type = String::new();
    let mut found: Option<&'static Kind> = None;
    for (index, pair) in segments.chunks(2).enumerate() {
        let word = version.collection(&pair[0], index == 0);
        let parent = found;
        let separator = if index == 0 { "" } else { "/" };
        resource_type = format!("{resource_type}{separator}{word}");
        let last = index == segments.len().div_ceil(2) - 1;
        let Some(kind) = kind::find(&resource_type) else {
            return other(parent, &path, &resource_type, pair, last);
        };
        found = Some(kind);
        path = format!("{path}/{}", kind.collection());
        let Some(name) = pair.get(1) else { return Ok(Named::Collection(kind, path)) };
        if name.contains('/') {
            return Err(ApiError::invalid(
                "name",
                format!("The name '{name}' is not valid: it contains '/'."),
            ));
        }
        path = format!("{path}/{name}");
    }
    let kind = found.ok_or_else(|| ApiError::unknown_type("service"))?;
    Ok(Named::Resource(kind, ResourcePath::parse(&path)?))
}

/// A view, an action, or nothing.
fn other(
    parent: Option<&'static Kind>,
    path: &str,
    resource_type: &str,
    pair: &[String],
    last: bool,
) -> Result<Named, ApiError> {
    let unknown = || ApiError::unknown_type(&format!("service/{resource_type}"));
    let parent = parent.filter(|_| last).ok_or_else(unknown)?;
    let at = ResourcePath::parse(path)?;
    if let Some(view) = kind::views().iter().find(|view| view.path.eq_ignore_ascii_case(resource_type)) {
        return Ok(Named::View(view, at, pair.get(1).cloned()));
    }
    match (super::action::known(parent, &pair[0]), pair) {
        (Some(word), [_]) => Ok(Named::Action(parent, at, word.to_owned())),
        _ => Err(unknown()),
    }
}

impl Context<'_> {
    /// Finds where what is named is stored.
    pub(super) async fn locate(&self, named: Named) -> Result<Target, ApiError> {
        Ok(match named {
            Named::Resource(kind, shown) => {
                let stored = self.stored(&shown).await?;
                Target::Resource(Located { kind, shown, stored })
            }
            Named::Action(kind, shown, word) => {
                let stored = self.stored(&shown).await?;
                Target::Action(Located { kind, shown, stored }, word)
            }
            Named::View(view, parent, name) => Target::View(view, self.stored(&parent).await?, name),
            Named::Collection(kind, shown) => {
                let above = shown.rfind('/').filter(|at| *at > 0).map(|at| &shown[..at]);
                let parent = match above {
                    Some(above) => Some(self.stored(&ResourcePath::parse(above)?).await?),
                    None => None,
                };
                let stored = match &parent {
                    Some(parent) => format!("{parent}/{}", kind.collection()),
                    None => shown.clone(),
                };
                Target::Collection(Collection { kind, shown, stored, parent })
            }
        })
    }

    /// Where a resource named like this is stored.
    pub(crate) async fn stored(&self, path: &ResourcePath) -> Result<ResourcePath, ApiError> {
        let mut segments = path.segments();
        if !segments.next().is_some_and(|first| first.eq_ignore_ascii_case("apis")) {
            return Ok(path.clone());
        }
        let name = segments.next().unwrap_or_default();
        let Some((base, revision)) = split_revision(name) else { return Ok(path.clone()) };
        let current = self.resource(&ResourcePath::top("apis", base)?).await?;
        let is_current = current.is_some_and(|current| {
            current.properties.get("apiRevision").and_then(Value::as_str).unwrap_or("1") == revision
        });
        if !is_current {
            return Ok(path.clone());
        }
        let whole: Vec<&str> = ["", "apis", base].into_iter().chain(segments).collect();
        Ok(ResourcePath::parse(&whole.join("/"))?)
    }
}

/// The API and the revision of `pets;rev=2`.
pub(crate) fn split_revision(name: &str) -> Option<(&str, &str)> {
    let at = name.to_ascii_lowercase().find(";rev=")?;
    Some((&name[..at], &name[at + ";rev=".len()..]))
}
