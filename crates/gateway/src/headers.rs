//! Headers that concern one connection and go no further (RFC 9110 §7.6.1), and those a proxy adds.

use std::fmt::Write;
use std::net::IpAddr;

use http::header::{
    CONNECTION, EXPECT, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Removes what belongs to the connection the message came over.
fn strip(headers: &mut HeaderMap) {
    if let Some(first) = headers.remove(CONNECTION) {
        // `remove` takes every line away; most messages have one, with one token that names no header.
        for token in first.to_str().unwrap_or_default().split(',').map(str::trim) {
            if !token.eq_ignore_ascii_case("keep-alive")
                && !token.eq_ignore_ascii_case("close")
                && let Ok(name) = token.parse::<HeaderName>()
            {
                headers.remove(name);
            }
        }
    }
    for name in [&KEEP_ALIVE, &PROXY_CONNECTION, &TRANSFER_ENCODING, &UPGRADE, &TRAILER, &TE] {
        headers.remove(name);
    }
}

/// Joins several `Connection` lines to one, so that none of its tokens is missed.
fn join_connection(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(CONNECTION).iter();
    if lines.next().is_some() && lines.next().is_some() {
        let all: Vec<&[u8]> = headers.get_all(CONNECTION).iter().map(HeaderValue::as_bytes).collect();
        if let Ok(joined) = HeaderValue::from_bytes(&all.join(&b", "[..])) {
            headers.insert(CONNECTION, joined);
        }
    }
}

/// Makes a client's headers fit to be forwarded.
pub(crate) fn forward_request(headers: &mut HeaderMap, client: IpAddr) {
    join_connection(headers);
    strip(headers);
    headers.remove(PROXY_AUTHORIZATION);
    headers.remove(EXPECT);
    let mut chain = String::with_capacity(40);
    for value in headers.get_all(&X_FORWARDED_FOR) {
        if let Ok(value) = value.to_str() {
            chain.push_str(value);
            chain.push_str(", ");
        }
    }
    let _ = write!(chain, "{client}");
    if let Ok(chain) = HeaderValue::try_from(chain) {
        headers.insert(X_FORWARDED_FOR, chain);
    }
}

/// Makes an upstream's headers fit to be returned.
pub(crate) fn forward_response(headers: &mut HeaderMap) {
    join_connection(headers);
    strip(headers);
    headers.remove(PROXY_AUTHENTICATE);
}

/// Whether a client wants to speak another protocol that the gateway does not.
pub(crate) fn wants_websocket(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_concerns_one_connection_goes_no_further() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, X-Private"),
            ("connection", "x-other"),
            ("x-private", "1"),
            ("x-other", "2"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers"),
            ("proxy-authorization", "Basic x"),
            ("expect", "100-continue"),
            ("x-forwarded-for", "10.0.0.1"),
            ("accept", "*/*"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        forward_request(&mut headers, "192.0.2.7".parse().unwrap());
        let mut left: Vec<_> = headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
        left.sort();
        assert_eq!(left, ["accept: */*", "x-forwarded-for: 10.0.0.1, 192.0.2.7"]);
    }
}
