//! What the OAuth endpoints answer instead of tokens: an OAuth error code, and the public cloud's number for
//! the finer reason, by which its clients and their users know what happened.

use crate::directory::DirectoryError;

/// A refusal of the OAuth endpoints.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("AADSTS{number}: {message}")]
pub struct TokenProblem {
    /// `error` (RFC 6749, 5.2; RFC 8628, 3.5).
    pub error: &'static str,
    /// The number in `error_codes`.
    pub number: u32,
    /// The HTTP status.
    pub status: u16,
    /// What happened and what to do, without the number.
    pub message: String,
    /// `suberror`, by which clients decide whether asking the user helps.
    pub suberror: Option<&'static str>,
}

impl TokenProblem {
    fn new(error: &'static str, number: u32, status: u16, message: impl Into<String>) -> Self {
        Self { error, number, status, message: message.into(), suberror: None }
    }

    pub(crate) fn missing(parameter: &str) -> Self {
        let message = format!("the request must have the parameter '{parameter}'");
        Self::new("invalid_request", 900_144, 400, message)
    }

    /// The request cannot be read.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new("invalid_request", 9_002_313, 400, message)
    }

    pub(crate) fn grant_type(given: &str) -> Self {
        let message = format!("the grant type '{given}' is not supported");
        Self::new("unsupported_grant_type", 70_003, 400, message)
    }

    pub(crate) fn tenant(given: &str) -> Self {
        let message = format!("there is no tenant '{given}' here; check the tenant id");
        Self::new("invalid_request", 90_002, 400, message)
    }

    pub(crate) fn application(given: &str, tenant: &str) -> Self {
        let message = format!("there is no application '{given}' in tenant '{tenant}'; register it first");
        Self::new("unauthorized_client", 700_016, 400, message)
    }

    pub(crate) fn disabled(name: &str) -> Self {
        Self::new("unauthorized_client", 7_000_112, 400, format!("the application '{name}' is disabled"))
    }

    pub(crate) fn wrong_secret(application: &str) -> Self {
        let message = format!(
            "the client secret is not one of application '{application}'; send the secret's value, not its id"
        );
        Self::new("invalid_client", 7_000_215, 401, message)
    }

    pub(crate) fn expired_secret(application: &str) -> Self {
        let message = format!("the client secret of application '{application}' has expired; make a new one");
        Self::new("invalid_client", 7_000_222, 401, message)
    }

    pub(crate) fn no_secret() -> Self {
        let message = "the request must have the parameter 'client_secret': the application is confidential";
        Self::new("invalid_client", 7_000_218, 401, message)
    }

    pub(crate) fn public_client(application: &str) -> Self {
        let message = format!(
            "application '{application}' is native and has no secret; it can only act for a signed-in user"
        );
        Self::new("unauthorized_client", 700_025, 401, message)
    }

    pub(crate) fn resource(given: &str, tenant: &str) -> Self {
        let message = format!("there is no resource '{given}' in tenant '{tenant}'");
        Self::new("invalid_resource", 500_011, 400, message)
    }

    pub(crate) fn scope(message: impl Into<String>) -> Self {
        Self::new("invalid_scope", 70_011, 400, message)
    }

    pub(crate) fn scope_not_default(given: &str) -> Self {
        let message = format!("client credentials take a scope that ends in '/.default', not '{given}'");
        Self::new("invalid_scope", 1_002_012, 400, message)
    }

    pub(crate) fn consent(name: &str, id: &str) -> Self {
        let message = format!(
            "no administrator has granted application '{name}' ({id}) the permission it asks for; \
             grant it with 'evergate app grant {id}'"
        );
        Self { suberror: Some("consent_required"), ..Self::new("invalid_grant", 65_001, 400, message) }
    }

    pub(crate) fn wrong_password() -> Self {
        Self::new("invalid_grant", 50_126, 400, "the user name or the password is not right")
    }

    pub(crate) fn locked(seconds: i64) -> Self {
        let message = format!("there were too many attempts; try again in {seconds} s");
        Self::new("invalid_grant", 50_053, 400, message)
    }

    pub(crate) fn redirect_uri(given: &str, name: &str) -> Self {
        let message = format!("the redirect URI '{given}' is not registered for application '{name}'");
        Self::new("invalid_request", 50_011, 400, message)
    }

    pub(crate) fn response_type(given: &str) -> Self {
        let message = format!("the response type '{given}' is not supported; it must be 'code'");
        Self::new("unsupported_response_type", 70_005, 400, message)
    }

    pub(crate) fn sign_in_needed() -> Self {
        let message = "the user must sign in: no sign-in is remembered here, so 'prompt=none' cannot succeed";
        Self::new("login_required", 50_058, 400, message)
    }

    pub(crate) fn too_many_device_codes() -> Self {
        let message = "too many devices are waiting for a sign-in; try again in a few minutes";
        Self::new("temporarily_unavailable", 90_055, 429, message)
    }

    pub(crate) fn pkce_needed() -> Self {
        let message = "the request must have a 'code_challenge' with 'code_challenge_method=S256' (RFC 7636)";
        Self::new("invalid_request", 9_002_325, 400, message)
    }

    pub(crate) fn verifier() -> Self {
        let message = "the 'code_verifier' does not fit the 'code_challenge' the sign-in began with";
        Self::new("invalid_grant", 501_481, 400, message)
    }

    pub(crate) fn code_redeemed() -> Self {
        let message =
            "the authorization code was redeemed before; the tokens it gave are withdrawn, sign in again";
        Self::new("invalid_grant", 54_005, 400, message)
    }

    pub(crate) fn grant_expired(what: &str) -> Self {
        let message = format!("the {what} has expired or is not known; sign in again");
        Self { suberror: Some("bad_token"), ..Self::new("invalid_grant", 70_008, 400, message) }
    }

    pub(crate) fn grant_of_another(what: &str) -> Self {
        Self::new(
            "invalid_grant",
            70_000,
            400,
            format!("the {what} was given to another client or redirect URI"),
        )
    }

    pub(crate) fn pending() -> Self {
        Self::new("authorization_pending", 70_016, 400, "the user has not signed in yet; keep polling")
    }

    pub(crate) fn slow_down() -> Self {
        Self::new("slow_down", 70_016, 400, "the client polls too often; add five seconds to its interval")
    }

    pub(crate) fn declined() -> Self {
        Self::new("authorization_declined", 70_018, 400, "the user declined the sign-in")
    }

    pub(crate) fn device_code_expired() -> Self {
        Self::new("expired_token", 70_020, 400, "the device code has expired or is not known; start again")
    }

    pub(crate) fn user_code() -> Self {
        Self::new(
            "invalid_request",
            90_019,
            400,
            "the code is not known or has expired; check it and try again",
        )
    }

    /// A page that was not made here, or not lately, or not for this browser.
    pub fn stale_page() -> Self {
        let message = "the sign-in page is too old or belongs to another browser; start the sign-in again";
        Self::new("invalid_request", 90_014, 400, message)
    }
}

impl From<DirectoryError> for TokenProblem {
    fn from(error: DirectoryError) -> Self {
        tracing::error!(%error, "a token request failed");
        Self::new("temporarily_unavailable", 90_033, 503, "the directory cannot answer now; try again")
    }
}
