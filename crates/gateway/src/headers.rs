//! Headers that concern one connection and go no further (RFC 9110 §7.6.1), and those a proxy adds.

use std::net::IpAddr;

use http::header::{CONNECTION, COOKIE, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Who sends requests over a connection.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) address: IpAddr,
    /// The address as `X-Forwarded-For` shows it.
    shown: HeaderValue,
    pub(crate) secure: bool,
}

impl Caller {
    pub(crate) fn new(address: IpAddr, secure: bool) -> Self {
        let shown = HeaderValue::try_from(address.to_string());
        Self { address, shown: shown.unwrap_or_else(|_| HeaderValue::from_static("unknown")), secure }
    }
}

/// Whether a header concerns one connection only.
fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "expect"
    )
}

/// Removes what belongs to the connection the message came over, and what its `Connection` names.
fn strip(headers: &mut HeaderMap) {
    // Most messages have one such header at most.
    while let Some(name) = headers.keys().find(|name| is_hop_by_hop(name)) {
        let name = name.clone();
        if name == CONNECTION {
            strip_named(headers);
        }
        headers.remove(name);
    }
}

fn strip_named(headers: &mut HeaderMap) {
    let mut named: Vec<HeaderName> = Vec::new();
    for line in headers.get_all(CONNECTION) {
        let tokens = line.to_str().unwrap_or_default().split(',').map(str::trim);
        let names = tokens.filter(|token| {
            !token.eq_ignore_ascii_case("keep-alive") && !token.eq_ignore_ascii_case("close")
        });
        named.extend(names.filter_map(|token| token.parse().ok()));
    }
    for name in named {
        if name != CONNECTION {
            headers.remove(name);
        }
    }
}

/// Removes what concerns only the client's connection, before any policy runs: a client must not name in
/// `Connection` a header that a policy adds, and have it removed on its way to the backend.
pub(crate) fn arrived(headers: &mut HeaderMap) {
    strip(headers);
}

/// Joins cookies that came as several fields over HTTP/2: HTTP/1.1 knows one (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(COOKIE).iter();
    if lines.next().is_some() && lines.next().is_some() {
        let all: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
        if let Ok(joined) = HeaderValue::from_bytes(&all.join(&b"; "[..])) {
            headers.insert(COOKIE, joined);
        }
    }
}

/// Makes the headers of a request that [`arrived`] fit to be forwarded.
pub(crate) fn forward_request(headers: &mut HeaderMap, caller: &Caller) {
    join_cookies(headers);
    if !headers.contains_key(&X_FORWARDED_FOR) {
        headers.insert(X_FORWARDED_FOR, caller.shown.clone());
        return;
    }
    let mut chain = Vec::new();
    for line in headers.get_all(&X_FORWARDED_FOR) {
        chain.extend_from_slice(line.as_bytes());
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(caller.shown.as_bytes());
    if let Ok(chain) = HeaderValue::from_bytes(&chain) {
        headers.insert(X_FORWARDED_FOR, chain);
    }
}

/// Makes an upstream's headers fit to be returned.
pub(crate) fn forward_response(headers: &mut HeaderMap) {
    strip(headers);
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
            ("cookie", "a=1"),
            ("cookie", "b=2"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        arrived(&mut headers);
        forward_request(&mut headers, &Caller::new("192.0.2.7".parse().unwrap(), false));
        let mut left: Vec<_> = headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
        left.sort();
        assert_eq!(left, ["accept: */*", "cookie: a=1; b=2", "x-forwarded-for: 10.0.0.1, 192.0.2.7"]);
    }
}
