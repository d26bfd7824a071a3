//! Where a resource stands inside its service: `/apis/petstore/operations/getPet`.
//!
//! Paths alternate collection and name. They keep the case they were created with and compare
//! without it (ASCII), as resource-manager ids do.

use std::fmt;

/// The path of a resource inside its service.
#[derive(Clone)]
pub struct ResourcePath(String);

/// A text that is not a resource path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a resource path: it alternates collections and names, as in /apis/petstore")]
pub struct InvalidPath(pub String);

impl ResourcePath {
    /// Reads a path of one or more `/collection/name` pairs, already percent-decoded.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        let invalid = || InvalidPath(text.to_owned());
        let rest = text.strip_prefix('/').ok_or_else(invalid)?;
        let mut segments = 0_usize;
        for segment in rest.split('/') {
            if segment.is_empty() || segment.chars().any(char::is_control) {
                return Err(invalid());
            }
            segments += 1;
        }
        if segments.is_multiple_of(2) { Ok(Self(text.to_owned())) } else { Err(invalid()) }
    }

    /// The path of a resource in a collection of the service itself.
    pub fn top(collection: &str, name: &str) -> Result<Self, InvalidPath> {
        Self::parse(&format!("/{collection}/{name}"))
    }

    /// The path of a resource below this one.
    pub fn child(&self, collection: &str, name: &str) -> Result<Self, InvalidPath> {
        Self::parse(&format!("{}/{collection}/{name}", self.0))
    }

    /// The whole path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path without its last segment: `/apis/petstore/operations`.
    pub fn collection(&self) -> &str {
        &self.0[..self.0.rfind('/').unwrap_or(0)]
    }

    /// The last segment.
    pub fn name(&self) -> &str {
        &self.0[self.0.rfind('/').map_or(0, |at| at + 1)..]
    }

    /// The resource this one belongs to; none for a resource of the service itself.
    pub fn parent(&self) -> Option<Self> {
        let collection = self.collection();
        let end = collection.rfind('/')?;
        (end > 0).then(|| Self(collection[..end].to_owned()))
    }

    /// The collections without the names, as resource types are written: `apis/operations`.
    pub fn resource_type(&self) -> String {
        let mut out = String::new();
        for (index, segment) in self.segments().enumerate() {
            if index % 2 == 0 {
                if index > 0 {
                    out.push('/');
                }
                out.push_str(segment);
            }
        }
        out
    }

    /// All segments in order.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0[1..].split('/')
    }

    /// The form paths are compared by.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// Whether this path is `other` or lies below it.
    pub fn is_within(&self, other: &Self) -> bool {
        let (own, whole) = (self.0.as_bytes(), other.0.as_bytes());
        own.len() >= whole.len()
            && own[..whole.len()].eq_ignore_ascii_case(whole)
            && (own.len() == whole.len() || own[whole.len()] == b'/')
    }
}

impl PartialEq for ResourcePath {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for ResourcePath {}

impl std::hash::Hash for ResourcePath {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl PartialOrd for ResourcePath {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ResourcePath {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl fmt::Debug for ResourcePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ResourcePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_knows_its_parts() {
        let path = ResourcePath::parse("/apis/petstore/operations/getPet").unwrap();
        assert_eq!(path.collection(), "/apis/petstore/operations");
        assert_eq!(path.name(), "getPet");
        assert_eq!(path.resource_type(), "apis/operations");
        let parent = path.parent().unwrap();
        assert_eq!(parent.as_str(), "/apis/petstore");
        assert!(parent.parent().is_none());
        assert!(path.is_within(&parent));
        assert!(!ResourcePath::parse("/apis/petstore2").unwrap().is_within(&parent));
        assert_eq!(path, ResourcePath::parse("/APIS/petstore/operations/GETPET").unwrap());
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", "/", "apis/x", "/apis", "/apis/", "/apis/x/operations", "//x", "/apis/a\nb"] {
            assert!(ResourcePath::parse(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_path_is_made_of_its_parts(text in "/?([a-zA-Z;=é ]{0,3}/?){0,7}") {
            let Ok(path) = ResourcePath::parse(&text) else { return Ok(()) };
            prop_assert_eq!(path.as_str(), &text);
            prop_assert_eq!(format!("{}/{}", path.collection(), path.name()), text);
            prop_assert_eq!(path.segments().count() % 2, 0);
            prop_assert_eq!(path.resource_type().split('/').count() * 2, path.segments().count());
            prop_assert!(path.is_within(&path));
            if let Some(parent) = path.parent() {
                prop_assert!(path.is_within(&parent) && !parent.is_within(&path));
                let collection = path.collection().rsplit('/').next().unwrap();
                prop_assert_eq!(&parent.child(collection, path.name()).unwrap(), &path);
            }
        }

        #[test]
        fn no_text_breaks_the_reader(text in any::<String>()) {
            let _ = ResourcePath::parse(&text);
        }
    }
}
