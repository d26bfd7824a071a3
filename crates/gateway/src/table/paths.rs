//! From path to API: the longest path wins, then the revision and the version the request names.

use std::sync::Arc;

use evergate_policy::query;
use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode_str;

use super::ApiTable;
use crate::hash::ConfigMap;

/// The APIs of a service by their paths.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    children: ConfigMap<Box<str>, Node>,
    apis: Vec<Candidate>,
}

/// One API at a path.
#[derive(Debug)]
struct Candidate {
    api: Arc<ApiTable>,
    version: Version,
}

/// How a request names the version of an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Version {
    /// In the path, or not at all.
    Path,
    /// In this query parameter; no value for the API without a version.
    Query(String, Option<String>),
    /// In this header; no value for the API without a version.
    Header(HeaderName, Option<String>),
}

/// Paths deeper than this are not APIs'.
const MAX_DEPTH: usize = 32;

impl Paths {
    /// Adds an API at a path without slashes at its ends; a segment version is part of the path.
    pub(crate) fn insert(&mut self, path: &str, version: Version, api: Arc<ApiTable>) {
        let mut node = &mut self.root;
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            node = node.children.entry(fold(segment)).or_default();
        }
        node.apis.push(Candidate { api, version });
    }

    /// The API of a request and the rest of its path.
    pub(crate) fn find<'t, 'p>(
        &'t self,
        path: &'p str,
        query: &str,
        headers: &HeaderMap,
    ) -> Option<(&'t Arc<ApiTable>, &'p str)> {
        let mut found: [Option<(&Node, usize, Option<&str>)>; MAX_DEPTH] = [None; MAX_DEPTH];
        let mut depth = 0;
        let mut node = &self.root;
        let mut at = 0;
        if !node.apis.is_empty() {
            found[0] = Some((node, 0, None));
            depth = 1;
        }
        while depth < MAX_DEPTH && at < path.len() {
            let start = at + 1;
            let slash = path.as_bytes()[start..].iter().position(|byte| *byte == b'/');
            let end = slash.map_or(path.len(), |slash| start + slash);
            let (segment, revision) = revision(&path[start..end]);
            if !segment.is_empty() {
                let Some(child) = node.child(segment) else { break };
                node = child;
            } else if revision.is_none() {
                break;
            }
            if !node.apis.is_empty() {
                found[depth] = Some((node, end, revision));
                depth += 1;
            }
            if revision.is_some() {
                break;
            }
            at = end;
        }
        found[..depth].iter().rev().flatten().find_map(|(node, end, revision)| {
            let api = node.pick(*revision, query, headers)?;
            Some((api, &path[*end..]))
        })
    }
}

/// Splits `pets;rev=2`.
fn revision(segment: &str) -> (&str, Option<&str>) {
    if !segment.as_bytes().contains(&b';') {
        return (segment, None);
    }
    let Some(at) = segment.to_ascii_lowercase().find(";rev=") else { return (segment, None) };
    (&segment[..at], Some(&segment[at + 5..]))
}

fn fold(segment: &str) -> Box<str> {
    percent_decode_str(segment).decode_utf8_lossy().to_ascii_lowercase().into()
}

impl Node {
    fn child(&self, segment: &str) -> Option<&Self> {
        if segment.bytes().any(|b| b == b'%' || b.is_ascii_uppercase()) {
            self.children.get(&fold(segment))
        } else {
            self.children.get(segment)
        }
    }

    fn pick(&self, revision: Option<&str>, query: &str, headers: &HeaderMap) -> Option<&Arc<ApiTable>> {
        let of_revision = |api: &ApiTable| match revision {
            Some(revision) => api.source.revision == revision,
            None => api.source.is_current,
        };
        let asked = |version: &Version| match version {
            Version::Path => true,
            Version::Query(name, wanted) => {
                let asked = query::find(query, name).map(query::decode);
                asked.as_deref() == wanted.as_deref()
            }
            Version::Header(name, wanted) => {
                let asked = headers.get(name).map(|value| value.to_str().unwrap_or_default().trim());
                asked == wanted.as_deref()
            }
        };
        let candidate =
            self.apis.iter().find(|candidate| of_revision(&candidate.api) && asked(&candidate.version))?;
        Some(&candidate.api)
    }
}
