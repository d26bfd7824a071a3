//! The query string of a request.

use crate::error::ApiError;

/// Decoded query parameters; names compare without regard to case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        Self(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The first parameter of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter says `true`.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A parameter that is a whole number of at least `min`.
    pub(crate) fn number(&self, name: &str, min: usize) -> Result<Option<usize>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match text.parse::<usize>() {
            Ok(number) if number >= min => Ok(Some(number)),
            _ => Err(ApiError::bad_request(
                "InvalidParameter",
                format!("{name}={text} is not valid: it is a whole number of {min} or more."),
            )),
        }
    }

    /// The query string again, with one parameter changed or added.
    pub(crate) fn with(&self, name: &str, value: &str) -> String {
        let mut out = url::form_urlencoded::Serializer::new(String::new());
        for (key, old) in &self.0 {
            if !key.eq_ignore_ascii_case(name) {
                out.append_pair(key, old);
            }
        }
        out.append_pair(name, value).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_and_changed() {
        let query = Query::parse("api-version=2022-08-01&%24top=5&$skip=x&export=True");
        assert_eq!(query.get("API-Version"), Some("2022-08-01"));
        assert_eq!(query.number("$top", 1).unwrap(), Some(5));
        assert!(query.number("$top", 6).is_err());
        assert!(query.number("$skip", 0).is_err());
        assert!(query.flag("export"));
        assert_eq!(query.with("$skip", "5"), "api-version=2022-08-01&%24top=5&export=True&%24skip=5");
    }
}
