//! URL templates of operations, and the tree that finds the operation of a path.
//!
//! A literal segment beats one with a parameter in it, which beats a whole parameter, which beats a
//! trailing wildcard; the search backs out of a branch that has no operation with the method.

use std::sync::Arc;

use evergate_policy::query;
use percent_encoding::percent_decode_str;

use super::OperationTable;
use crate::hash::ConfigMap;

/// A template, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    segments: Vec<Segment>,
    /// Path parameters in order.
    pub(crate) names: Vec<Box<str>>,
    /// Query parameters a request must have.
    pub(crate) query: Vec<QueryPart>,
}

/// A query parameter of a template: `size={size}` or `kind=cat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueryPart {
    /// The query parameter.
    pub(crate) name: Box<str>,
    /// The template parameter it fills.
    pub(crate) parameter: Option<Box<str>>,
    /// The value it must have.
    pub(crate) literal: Option<Box<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Segment {
    /// Decoded and lower-cased.
    Literal(Box<str>),
    /// Literals and parameters in one segment.
    Mixed(Box<[Piece]>),
    Parameter,
    Wildcard,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Piece {
    Literal(Box<str>),
    Parameter,
}

impl Template {
    /// Reads a template; none when its braces do not match or a wildcard is not at its end.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let mut template = Self { segments: Vec::new(), names: Vec::new(), query: Vec::new() };
        for segment in path_segments(path) {
            if template.segments.last() == Some(&Segment::Wildcard) {
                return None;
            }
            let read = template.segment(segment)?;
            template.segments.push(read);
        }
        for (_, name, value) in query::pairs(query) {
            let name = query::decode(name).into();
            let parameter = value.strip_prefix('{').and_then(|value| value.strip_suffix('}'));
            template.query.push(match parameter {
                Some(parameter) => QueryPart { name, parameter: Some(parameter.into()), literal: None },
                None if value.is_empty() => QueryPart { name, parameter: None, literal: None },
                None => QueryPart { name, parameter: None, literal: Some(query::decode(value).into()) },
            });
        }
        Some(template)
    }

    fn segment(&mut self, text: &str) -> Option<Segment> {
        if text == "*" {
            self.names.push("*".into());
            return Some(Segment::Wildcard);
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            let inside = rest[open..].strip_prefix('{')?;
            let close = inside.find(['{', '}']).filter(|at| inside.as_bytes()[*at] == b'}')?;
            let name = &inside[..close];
            if open > 0 {
                pieces.push(Piece::Literal(fold(&rest[..open])));
            } else if pieces.last() == Some(&Piece::Parameter) {
                return None;
            }
            if let Some(name) = name.strip_prefix('*') {
                if text.len() != name.len() + 3 {
                    return None;
                }
                self.names.push(name.into());
                return Some(Segment::Wildcard);
            }
            if name.is_empty() {
                return None;
            }
            self.names.push(name.into());
            pieces.push(Piece::Parameter);
            rest = &inside[close + 1..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(fold(rest)));
        }
        Some(match pieces.as_slice() {
            [] => Segment::Literal("".into()),
            [Piece::Literal(_)] => Segment::Literal(fold(text)),
            [Piece::Parameter] => Segment::Parameter,
            _ => Segment::Mixed(pieces.into()),
        })
    }
}

/// The segments of a path; one slash at its end means nothing.
fn path_segments(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let count = if path.is_empty() { 0 } else { usize::MAX };
    path.split('/').take(count)
}

/// Decoded and lower-cased: paths match without case, as the original's do.
fn fold(text: &str) -> Box<str> {
    percent_decode_str(text).decode_utf8_lossy().to_ascii_lowercase().into()
}

/// The operations of an API by path and method.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    literals: ConfigMap<Box<str>, Node>,
    mixed: Vec<(Box<[Piece]>, Node)>,
    parameter: Option<Box<Node>>,
    here: Vec<Arc<OperationTable>>,
    wildcard: Vec<Arc<OperationTable>>,
}

/// An operation and what its path parameters captured, in the order of the template's names.
#[derive(Debug)]
pub(crate) struct Found<'t, 'p> {
    pub(crate) operation: &'t Arc<OperationTable>,
    pub(crate) captures: Vec<&'p str>,
}

/// What is looked for.
struct Wanted<'p> {
    method: &'p str,
    query: &'p str,
}

impl Routes {
    /// Adds an operation. Of two with the same template and method the first wins.
    pub(crate) fn insert(&mut self, operation: Arc<OperationTable>) {
        let Some(template) = &operation.template else { return };
        let mut node = &mut self.root;
        let mut wildcard = false;
        for segment in &template.segments {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.clone()).or_default(),
                Segment::Parameter => node.parameter.get_or_insert_default(),
                Segment::Mixed(pieces) => {
                    let at = node.mixed.iter().position(|(known, _)| known == pieces);
                    let at = at.unwrap_or_else(|| {
                        node.mixed.push((pieces.clone(), Node::default()));
                        node.mixed.len() - 1
                    });
                    &mut node.mixed[at].1
                }
                Segment::Wildcard => {
                    wildcard = true;
                    break;
                }
            };
        }
        let list = if wildcard { &mut node.wildcard } else { &mut node.here };
        let requirements = template.query.len();
        let at = list.partition_point(|other| other.requirements() >= requirements);
        list.insert(at, operation);
    }

    /// Finds the operation of a path below the API's own.
    pub(crate) fn find<'t, 'p>(&'t self, method: &str, path: &'p str, query: &str) -> Option<Found<'t, 'p>> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let trimmed = path.strip_suffix('/').unwrap_or(path);
        let rest = (!trimmed.is_empty()).then_some(trimmed);
        let mut captures = Vec::new();
        let operation = self.root.find(&Wanted { method, query }, rest, path, &mut captures)?;
        Some(Found { operation, captures })
    }
}

impl Node {
    /// `rest` is what is left without the slash at the end, `whole` what is left as it came. Every
    /// node of the tree is visited once at most: its depth fixes the segment it sees.
    fn find<'t, 'p>(
        &'t self,
        wanted: &Wanted<'_>,
        rest: Option<&'p str>,
        whole: &'p str,
        captures: &mut Vec<&'p str>,
    ) -> Option<&'t Arc<OperationTable>> {
        if let Some(rest) = rest {
            let (segment, tail) = match rest.as_bytes().iter().position(|byte| *byte == b'/') {
                Some(slash) => (&rest[..slash], Some(&rest[slash + 1..])),
                None => (rest, None),
            };
            let whole_tail = whole.get(segment.len() + 1..).unwrap_or("");
            let depth = captures.len();
            if let Some(next) = self.literal(segment)
                && let Some(found) = next.find(wanted, tail, whole_tail, captures)
            {
                return Some(found);
            }
            for (pieces, next) in &self.mixed {
                captures.truncate(depth);
                if capture(pieces, segment, captures)
                    && let Some(found) = next.find(wanted, tail, whole_tail, captures)
                {
                    return Some(found);
                }
            }
            captures.truncate(depth);
            if let Some(next) = &self.parameter
                && !segment.is_empty()
            {
                captures.push(segment);
                if let Some(found) = next.find(wanted, tail, whole_tail, captures) {
                    return Some(found);
                }
                captures.truncate(depth);
            }
        } else if let Some(found) = pick(&self.here, wanted) {
            return Some(found);
        }
        let found = pick(&self.wildcard, wanted)?;
        captures.push(whole);
        Some(found)
    }

    fn literal(&self, segment: &str) -> Option<&Self> {
        if self.literals.is_empty() {
            return None;
        }
        if segment.bytes().any(|b| b == b'%' || b.is_ascii_uppercase()) {
            self.literals.get(&fold(segment))
        } else {
            self.literals.get(segment)
        }
    }
}

fn pick<'t>(operations: &'t [Arc<OperationTable>], wanted: &Wanted<'_>) -> Option<&'t Arc<OperationTable>> {
    operations.iter().find(|operation| {
        operation.source.method == wanted.method
            && operation.template.as_ref().is_some_and(|template| {
                template.query.iter().all(|part| {
                    match (query::find(wanted.query, &part.name), &part.literal) {
                        (None, _) => false,
                        (Some(_), None) => true,
                        (Some(value), Some(literal)) => query::decode(value) == **literal,
                    }
                })
            })
    })
}

/// Captures the parameters of a mixed segment: each takes as little as it can, the last all.
fn capture<'p>(pieces: &[Piece], segment: &'p str, captures: &mut Vec<&'p str>) -> bool {
    let mut rest = segment;
    let mut open = false;
    for (index, piece) in pieces.iter().enumerate() {
        let Piece::Literal(literal) = piece else {
            open = true;
            continue;
        };
        let last = index + 1 == pieces.len();
        let at = match (open, last) {
            (false, _) => position(rest, literal, 0).filter(|at| *at == 0),
            (true, true) => {
                let at = rest.len().checked_sub(literal.len());
                at.filter(|at| {
                    *at > 0 && rest.is_char_boundary(*at) && rest[*at..].eq_ignore_ascii_case(literal)
                })
            }
            (true, false) => position(rest, literal, 1),
        };
        let Some(at) = at else { return false };
        if open {
            captures.push(&rest[..at]);
        }
        rest = &rest[at + literal.len()..];
        open = false;
    }
    if open {
        if rest.is_empty() {
            return false;
        }
        captures.push(rest);
        return true;
    }
    rest.is_empty()
}

/// Where a literal stands in a text, without case, from a byte on.
fn position(text: &str, literal: &str, from: usize) -> Option<usize> {
    let (text, literal) = (text.as_bytes(), literal.as_bytes());
    (from..=text.len().checked_sub(literal.len())?)
        .find(|at| text[*at..at + literal.len()].eq_ignore_ascii_case(literal))
}

#[cfg(test)]
mod tests;
