//! Reads `application/x-www-form-urlencoded` bodies, strictly.
//!
//! A lenient parser replaces bad bytes and keeps the last of two equal names; in a token request either could
//! make two readers see two different requests (RFC 6749, 3.2: a parameter is sent once).

use evergate_model::Secret;

/// Larger bodies are refused unread.
pub const LARGEST: usize = 64 * 1024;
/// More parameters than any protocol here has; each is compared with those before it.
const MOST: usize = 100;

/// Why a body is not a form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Over [`LARGEST`].
    #[error("the form is larger than {LARGEST} bytes")]
    TooLarge,
    /// More parameters than any protocol here has.
    #[error("the form has more than {MOST} parameters")]
    TooMany,
    /// A percent sign without two hexadecimal digits, or text that is not UTF-8.
    #[error("the form is not URL-encoded UTF-8 text")]
    Encoding,
    /// The same name twice.
    #[error("the parameter '{0}' is there more than once")]
    Repeated(String),
}

/// A form's parameters. `Debug` shows names only: values are passwords and codes.
#[derive(Clone, Default)]
pub struct Form(Vec<(String, Secret)>);

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Form {
    /// Reads a body or a query string.
    pub fn parse(body: &[u8]) -> Result<Self, FormError> {
        if body.len() > LARGEST {
            return Err(FormError::TooLarge);
        }
        let mut form = Self::default();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let name = decode(&pair[..equals])?;
            let value = decode(pair.get(equals + 1..).unwrap_or_default())?;
            if form.0.iter().any(|(known, _)| *known == name) {
                return Err(FormError::Repeated(name));
            }
            if form.0.len() == MOST {
                return Err(FormError::TooMany);
            }
            form.0.push((name, Secret::new(value)));
        }
        Ok(form)
    }

    /// A parameter that is there and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.secret(name).map(Secret::expose)
    }

    /// A parameter that is there and not empty, still wrapped.
    pub fn secret(&self, name: &str) -> Option<&Secret> {
        self.0
            .iter()
            .find(|(known, value)| known == name && !value.expose().is_empty())
            .map(|(_, value)| value)
    }
}

fn decode(text: &[u8]) -> Result<String, FormError> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (digit(rest.next()), digit(rest.next()));
                let value = high.zip(low).map(|(high, low)| high * 16 + low).ok_or(FormError::Encoding)?;
                u8::try_from(value).map_err(|_| FormError::Encoding)?
            }
            byte => *byte,
        });
    }
    String::from_utf8(out).map_err(|_| FormError::Encoding)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forms_are_read_strictly() {
        for (body, name, expected) in [
            ("a=b&c=d+e%2f", "c", Ok(Some("d e/".to_owned()))),
            ("a=b=c", "a", Ok(Some("b=c".to_owned()))),
            ("a", "a", Ok(None)),
            ("a=", "a", Ok(None)),
            ("&&a=1", "a", Ok(Some("1".to_owned()))),
            ("a=1&b=2&a=1", "a", Err(FormError::Repeated("a".to_owned()))),
            ("a=%4", "a", Err(FormError::Encoding)),
            ("a=%zz", "a", Err(FormError::Encoding)),
            ("a=%ff", "a", Err(FormError::Encoding)),
        ] {
            let value = Form::parse(body.as_bytes()).map(|form| form.get(name).map(str::to_owned));
            assert_eq!(value, expected, "{body}");
        }
        assert_eq!(Form::parse(&vec![b'a'; LARGEST + 1]).unwrap_err(), FormError::TooLarge);
        let many = |count: usize| (0..count).map(|n| format!("p{n}=")).collect::<Vec<_>>().join("&");
        Form::parse(many(MOST).as_bytes()).unwrap();
        assert_eq!(Form::parse(many(MOST + 1).as_bytes()).unwrap_err(), FormError::TooMany);
    }

    #[test]
    fn debug_shows_no_value() {
        let form = Form::parse(b"client_secret=hush&x=1").unwrap();
        assert_eq!(format!("{form:?}"), r#"["client_secret", "x"]"#);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(Form::parse(&body));
        }

        #[test]
        fn what_is_encoded_is_read_back(value in ".{1,60}", other in "[a-z]{1,8}") {
            let body: String = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("value", &value)
                .append_pair(&format!("x{other}"), "1")
                .finish();
            let form = Form::parse(body.as_bytes()).unwrap();
            prop_assert_eq!(form.get("value"), Some(value.as_str()));
        }
    }
}
