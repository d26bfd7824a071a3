//! Query strings as they travel: pairs are read and changed without re-encoding the others.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// RFC 3986 unreserved characters stay.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The pairs of a query as written, with the raw text of each.
pub fn pairs(query: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (pair, name, value)
    })
}

/// Whether an encoded name is this one.
pub fn is(encoded: &str, name: &str) -> bool {
    encoded == name || (encoded.contains(['%', '+']) && decode(encoded) == name)
}

/// The raw value of the first pair with this name.
pub fn find<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    pairs(query).find(|(_, encoded, _)| is(encoded, name)).map(|(_, _, value)| value)
}

/// The text of an encoded name or value.
pub fn decode(encoded: &str) -> Cow<'_, str> {
    if encoded.contains('+') {
        let spaced = encoded.replace('+', " ");
        return Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned());
    }
    percent_decode_str(encoded).decode_utf8_lossy()
}

/// Adds a pair, encoded.
pub fn push(query: &mut String, name: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    query.extend(utf8_percent_encode(name, COMPONENT));
    query.push('=');
    query.extend(utf8_percent_encode(value, COMPONENT));
}

/// Adds a pair that is encoded already.
pub fn push_raw(query: &mut String, pair: &str) {
    if !query.is_empty() && !query.ends_with('&') {
        query.push('&');
    }
    query.push_str(pair);
}

/// The query without the pairs of this name.
pub fn without(query: &str, name: &str) -> String {
    let mut kept = String::with_capacity(query.len());
    for (pair, encoded, _) in pairs(query) {
        if !is(encoded, name) {
            push_raw(&mut kept, pair);
        }
    }
    kept
}
