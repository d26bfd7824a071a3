//! Region names: `West Europe` and `westeurope` are the same.

use crate::error::ApiError;

/// The name without spaces and in lower case.
pub(crate) fn normalised(location: &str) -> String {
    location.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// Refuses a region that is not this instance's.
pub(super) fn check(given: &str, own: &str) -> Result<(), ApiError> {
    if normalised(given) == normalised(own) {
        return Ok(());
    }
    Err(ApiError::bad_request(
        "LocationNotAvailableForResourceType",
        format!(
            "The location '{given}' is not available for the resource type 'Microsoft.ApiManagement/service' here: \
             this instance is the region '{own}'. Use that location, or the endpoint of the other region's instance."
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_and_case_do_not_matter() {
        assert!(check("West Europe", "westeurope").is_ok());
        assert!(check("westeurope", "West Europe").is_ok());
        assert!(check("northeurope", "westeurope").unwrap_err().message.contains("'westeurope'"));
    }
}
