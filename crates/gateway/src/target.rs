//! The path of a request, made safe before anything is decided by it.
//!
//! Dot segments are resolved here, as RFC 3986 §5.2.4 does, so that a path cannot leave the API it
//! was matched to on its way to the backend; encoded ones count as dot segments.

use std::borrow::Cow;

/// Whether a path that a policy made from a request's values stays where its template put it.
pub(crate) fn stays(path: &str) -> bool {
    matches!(normal(path), Some(Cow::Borrowed(_)))
}

/// The path to route and forward; none when it tries to hide a way out of its place.
pub(crate) fn normal(path: &str) -> Option<Cow<'_, str>> {
    if !path.starts_with('/') {
        return None;
    }
    if is_plain(path.as_bytes()) {
        return Some(Cow::Borrowed(path));
    }
    if path.contains('\\') {
        return None;
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut changed = false;
    let mut segments = path[1..].split('/').peekable();
    while let Some(segment) = segments.next() {
        match dots(segment)? {
            0 => kept.push(segment),
            count => {
                changed = true;
                if count == 2 {
                    kept.pop();
                }
                if segments.peek().is_none() {
                    kept.push("");
                }
            }
        }
    }
    if !changed {
        return Some(Cow::Borrowed(path));
    }
    let mut normal = String::with_capacity(path.len());
    for segment in kept {
        normal.push('/');
        normal.push_str(segment);
    }
    if normal.is_empty() {
        normal.push('/');
    }
    Some(Cow::Owned(normal))
}

/// Whether a path has nothing to look at twice.
fn is_plain(path: &[u8]) -> bool {
    let mut before = 0;
    path.iter().all(|byte| {
        let plain = !matches!(byte, b'%' | b'\\') && (*byte != b'.' || before != b'/');
        before = *byte;
        plain
    })
}

/// How many dots a segment is made of, if nothing else; none when an encoded slash hides dot segments
/// from us but perhaps not from the backend.
fn dots(segment: &str) -> Option<usize> {
    if !segment.contains('%') {
        return match segment {
            "." | ".." => Some(segment.len()),
            // Some servers cut parameters off a segment before they resolve it.
            parameters if parameters.starts_with("..;") => None,
            _ => Some(0),
        };
    }
    let decoded = percent_encoding::percent_decode_str(segment).collect::<Vec<u8>>();
    if decoded == b"." || decoded == b".." {
        return Some(decoded.len());
    }
    let hides =
        decoded.split(|b| *b == b'/' || *b == b'\\').any(|part| part == b".." || part.starts_with(b"..;"));
    let control = decoded.iter().any(|b| *b < b' ' || *b == 0x7f);
    (!hides && !control).then_some(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dot_segments_are_resolved_or_refused() {
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(normal(path).as_deref(), expected, "{path}");
        };
        check("/a/b", Some("/a/b"));
        check("/a/./b", Some("/a/b"));
        check("/a/../b", Some("/b"));
        check("/a/%2e%2E/b", Some("/b"));
        check("/../../b", Some("/b"));
        check("/a/..", Some("/"));
        check("/a/b/.", Some("/a/b/"));
        check("/a/.hidden", Some("/a/.hidden"));
        check("/a%20b/c", Some("/a%20b/c"));
        check("/a%2fb", Some("/a%2fb"));
        check("/a/..%2fb", None);
        check("/a/..;/b", None);
        check("/a/..;x=1/b", None);
        check("/a/%2e.;/b", None);
        check("/a;v=..;/b", Some("/a;v=..;/b"));
        check("/a/x%5c..%5cb", None);
        check("/a\\..\\b", None);
        check("/a%00", None);
        check("*", None);
        check("", None);
    }

    proptest! {
        #[test]
        fn a_normal_path_has_no_dot_segment_and_stays_as_it_is(path in "(/|[.]|%2e|%2f|[a-c]){0,12}") {
            let path = format!("/{path}");
            if let Some(once) = normal(&path) {
                prop_assert!(once.starts_with('/'));
                prop_assert!(!once.split('/').any(|s| s == "." || s == ".." || s.eq_ignore_ascii_case("%2e%2e")));
                let twice = normal(&once);
                prop_assert_eq!(twice.as_deref(), Some(&*once));
            }
        }
    }
}
