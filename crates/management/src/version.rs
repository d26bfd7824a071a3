//! The api-versions of `Microsoft.ApiManagement` that are answered, and how older ones differ.

pub(crate) mod legacy;

use http::StatusCode;

use crate::error::ApiError;

/// Every known api-version, oldest first.
pub const KNOWN: [&str; 20] = [
    "2018-06-01-preview",
    "2019-01-01",
    "2019-12-01-preview",
    "2019-12-01",
    "2020-06-01-preview",
    "2020-12-01",
    "2021-01-01-preview",
    "2021-04-01-preview",
    "2021-08-01",
    "2021-12-01-preview",
    "2022-04-01-preview",
    "2022-08-01",
    "2022-09-01-preview",
    "2023-03-01-preview",
    "2023-05-01-preview",
    "2023-09-01-preview",
    "2024-05-01",
    "2024-06-01-preview",
    "2024-10-01-preview",
    "2025-03-01-preview",
];

/// The newest stable version: the one whose shapes are stored.
pub const NEWEST_STABLE: &str = "2024-05-01";

/// A version a client may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiVersion(&'static str);

impl ApiVersion {
    /// Finds the version a client asked for.
    pub fn parse(given: Option<&str>, resource_type: &str) -> Result<Self, ApiError> {
        let Some(given) = given.filter(|given| !given.is_empty()) else {
            return Err(missing());
        };
        match KNOWN.iter().find(|known| known.eq_ignore_ascii_case(given)) {
            Some(known) => Ok(Self(known)),
            None => Err(ApiError::bad_request(
                "InvalidApiVersionParameter",
                format!(
                    "The api-version '{given}' is not known for the resource type \
                     'Microsoft.ApiManagement/{resource_type}'. The supported api-versions are '{}'.",
                    KNOWN.join(", ")
                ),
            )),
        }
    }

    /// The version as it is written.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Whether the version's date is before another.
    pub fn before(self, date: &str) -> bool {
        self.0.get(..10).is_some_and(|own| own < date)
    }
}

/// Checks an api-version of another namespace: any that looks like one will do.
pub(crate) fn check_any(given: Option<&str>) -> Result<(), ApiError> {
    let given = given.filter(|given| !given.is_empty()).ok_or_else(missing)?;
    let date = given.get(..10).is_some_and(|date| date.parse::<jiff::civil::Date>().is_ok());
    if date {
        Ok(())
    } else {
        Err(ApiError::bad_request(
            "InvalidApiVersionParameter",
            format!("The api-version '{given}' is invalid: it begins with a date, as in '2022-12-01'."),
        ))
    }
}

fn missing() -> ApiError {
    ApiError::new(
        StatusCode::BAD_REQUEST,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_versions_are_found_and_others_get_the_list() {
        assert_eq!(ApiVersion::parse(Some("2022-08-01"), "service").unwrap().as_str(), "2022-08-01");
        assert!(ApiVersion::parse(Some("2018-06-01-PREVIEW"), "service").unwrap().before("2019-01-01"));
        let error = ApiVersion::parse(Some("2017-03-01"), "service").unwrap_err();
        assert!(error.message.contains("2018-06-01-preview, 2019-01-01"), "{error}");
        assert_eq!(ApiVersion::parse(None, "service").unwrap_err().code, "MissingApiVersionParameter");
        assert!(KNOWN.contains(&NEWEST_STABLE));
    }

    #[test]
    fn versions_of_other_namespaces_are_dates() {
        assert!(check_any(Some("2024-11-01")).is_ok());
        assert!(check_any(Some("2020-01-01-preview")).is_ok());
        for bad in [None, Some(""), Some("latest"), Some("2020-13-01")] {
            assert!(check_any(bad).is_err(), "{bad:?}");
        }
    }
}
