//! One resource of a service's configuration, and the numbers that date it.

use std::fmt;

use crate::ResourcePath;

/// The canonical (newest) properties of a resource, in the order they were written.
pub type Properties = serde_json::Map<String, serde_json::Value>;

/// The commit counter of one service: every commit takes the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An opaque version of one resource, without the quotes HTTP puts around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(pub String);

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The secret properties of a resource, kept apart from its body so that they are sealed at rest.
///
/// `Debug` shows the names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(pub Properties);

impl Secrets {
    /// Whether there is no secret.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A secret that is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A resource as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Where it stands in its service.
    pub path: ResourcePath,
    /// What it says, without its secrets.
    pub properties: Properties,
    /// Its secret properties.
    pub secrets: Secrets,
    /// The version that `If-Match` names.
    pub etag: ETag,
    /// The commit that last wrote it.
    pub revision: Revision,
}
