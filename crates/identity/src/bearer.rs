//! Reads what comes in the `Authorization` header, before anything in it is believed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Longer tokens are refused unread.
const LONGEST: usize = 16 * 1024;

/// A compact JWS taken apart, unverified.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    /// The whole token.
    pub(crate) token: &'a str,
    /// `alg` of the header.
    pub(crate) algorithm: String,
    /// `kid` of the header.
    pub(crate) key_id: Option<String>,
    /// The claims as the token has them.
    pub(crate) claims: Claims,
}

/// Why a header or token could not be read; the text says what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// No `Bearer` credentials.
    Scheme,
    /// No token in compact form.
    Token(&'static str),
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    crit: Option<IgnoredAny>,
}

/// `aud`: one or many (RFC 7519, 4.1.3).
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many.as_slice(),
        }
        .iter()
        .map(String::as_str)
    }
}

/// The claims that are looked at; times are seconds since 1970 and may have a fraction (RFC 7519, 2).
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Claims {
    #[serde(default)]
    pub(crate) iss: String,
    pub(crate) aud: Option<Audience>,
    pub(crate) exp: Option<f64>,
    pub(crate) nbf: Option<f64>,
    pub(crate) oid: Option<String>,
    pub(crate) sub: Option<String>,
    pub(crate) tid: Option<String>,
    pub(crate) appid: Option<String>,
    pub(crate) azp: Option<String>,
    pub(crate) idtyp: Option<String>,
    pub(crate) scp: Option<String>,
    pub(crate) upn: Option<String>,
    pub(crate) preferred_username: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) app_displayname: Option<String>,
}

/// The token in `Bearer <token>`.
pub(crate) fn credentials(header: &str) -> Result<&str, Unreadable> {
    let (scheme, token) = header.trim().split_once(' ').ok_or(Unreadable::Scheme)?;
    if scheme.eq_ignore_ascii_case("Bearer") { Ok(token.trim()) } else { Err(Unreadable::Scheme) }
}

/// Takes a compact JWS apart.
pub(crate) fn parse(token: &str) -> Result<Parts<'_>, Unreadable> {
    if token.len() > LONGEST {
        return Err(Unreadable::Token("it is too long"));
    }
    let mut segments = token.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (segments.next(), segments.next(), segments.next(), segments.next())
    else {
        return Err(Unreadable::Token("it does not have three parts"));
    };
    let header: Header = decode(header).ok_or(Unreadable::Token("its header cannot be decoded"))?;
    if header.crit.is_some() {
        return Err(Unreadable::Token("its header demands an extension that is not known"));
    }
    let claims: Claims = decode(claims).ok_or(Unreadable::Token("its claims cannot be decoded"))?;
    if URL_SAFE_NO_PAD.decode(signature).is_err() {
        return Err(Unreadable::Token("its signature cannot be decoded"));
    }
    Ok(Parts { token, algorithm: header.alg, key_id: header.kid, claims })
}

fn decode<T: serde::de::DeserializeOwned>(segment: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segment).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(text: &str) -> String {
        URL_SAFE_NO_PAD.encode(text)
    }

    #[test]
    fn only_bearer_credentials_are_read() {
        for (header, expected) in [
            ("Bearer abc", Ok("abc")),
            ("bearer  abc ", Ok("abc")),
            ("Basic abc", Err(Unreadable::Scheme)),
            ("Bearer", Err(Unreadable::Scheme)),
            ("", Err(Unreadable::Scheme)),
        ] {
            assert_eq!(credentials(header), expected, "{header:?}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused_with_its_reason() {
        let header = encode(r#"{"alg":"RS256","kid":"k"}"#);
        let critical = encode(r#"{"alg":"RS256","crit":["b64"]}"#);
        let claims = encode(r#"{"iss":"i","aud":["a","b"],"exp":1.5}"#);
        for (token, reason) in [
            ("abc".to_owned(), "it does not have three parts"),
            (format!("{header}.{claims}"), "it does not have three parts"),
            (format!("{header}.{claims}.AA.AA"), "it does not have three parts"),
            (format!("!.{claims}.AA"), "its header cannot be decoded"),
            (format!("{critical}.{claims}.AA"), "its header demands an extension that is not known"),
            (format!("{header}.AA.AA"), "its claims cannot be decoded"),
            (format!("{header}.{claims}.="), "its signature cannot be decoded"),
            ("a".repeat(LONGEST + 1), "it is too long"),
        ] {
            assert_eq!(parse(&token).unwrap_err(), Unreadable::Token(reason), "{token}");
        }
        let token = format!("{header}.{claims}.AA");
        let parts = parse(&token).unwrap();
        assert_eq!((parts.algorithm.as_str(), parts.key_id.as_deref()), ("RS256", Some("k")));
        assert_eq!(parts.claims.aud.unwrap().iter().collect::<Vec<_>>(), ["a", "b"]);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,300}") {
            drop(credentials(&text).and_then(parse));
            drop(parse(&text));
        }

        #[test]
        fn no_json_panics(header in r#"\{("(alg|kid|crit)":("[a-z]{0,4}"|null|\[\]|1e999),?){0,3}\}"#,
                          claims in r#"\{("(iss|aud|exp|nbf|oid)":("[a-z]{0,4}"|null|\[\]|-1e30|5),?){0,4}\}"#) {
            drop(parse(&format!("{}.{}.AA", encode(&header), encode(&claims))));
        }
    }
}
