//! The authorization endpoint's rules: which requests may show a sign-in page, and where the answer goes.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::{Asked, Wanted};
use crate::directory::Directory;
use crate::objects::{Application, ApplicationId, ApplicationKind, TenantId};
use crate::problem::TokenProblem;

/// How the answer travels to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ResponseMode {
    /// In the redirect's query.
    Query,
    /// In the redirect's fragment.
    Fragment,
    /// In a form that the browser posts.
    FormPost,
}

/// A checked request for a sign-in: everything in it was compared with the client's registration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizationRequest {
    /// The tenant.
    pub tenant: TenantId,
    /// The client.
    pub client: ApplicationId,
    /// The client's name, for the page.
    pub client_name: String,
    /// Where the answer goes: one of the client's registered URIs.
    pub redirect_uri: String,
    /// How it goes there.
    pub response_mode: ResponseMode,
    /// What the client gets back unchanged.
    pub state: Option<String>,
    /// Who is expected to sign in.
    pub login_hint: Option<String>,
    pub(crate) wanted: Wanted,
    pub(crate) challenge: Option<String>,
    pub(crate) nonce: Option<String>,
}

/// Why there is no sign-in page.
#[derive(Debug)]
pub enum AuthorizationProblem {
    /// The redirect URI is not to be trusted: the problem is shown here.
    Shown(TokenProblem),
    /// The client is told.
    Sent {
        /// What is wrong.
        problem: TokenProblem,
        /// A registered URI of the client.
        redirect_uri: String,
        /// How to send it.
        response_mode: ResponseMode,
        /// The client's state.
        state: Option<String>,
    },
}

impl From<TokenProblem> for AuthorizationProblem {
    fn from(problem: TokenProblem) -> Self {
        Self::Shown(problem)
    }
}

impl Directory {
    /// Checks a request to the authorization endpoint.
    pub fn authorization_request(&self, asked: &Asked) -> Result<AuthorizationRequest, AuthorizationProblem> {
        let tenant = self.resolve_tenant(&asked.tenant)?;
        let client = self.named_client(tenant, asked)?;
        let redirect_uri = redirect_uri(&client, asked.form.get("redirect_uri"))?;
        let state = asked.form.get("state").map(str::to_owned);
        let response_mode = match asked.form.get("response_mode") {
            None | Some("query") => ResponseMode::Query,
            Some("fragment") => ResponseMode::Fragment,
            Some("form_post") => ResponseMode::FormPost,
            Some(other) => {
                let other: String = other.chars().take(40).collect();
                return Err(
                    TokenProblem::malformed(format!("the response mode '{other}' is not known")).into()
                );
            }
        };
        match self.rest_of_request(tenant, &client, asked) {
            Ok((wanted, challenge)) => Ok(AuthorizationRequest {
                tenant,
                client: client.id,
                client_name: client.display_name.clone(),
                redirect_uri,
                response_mode,
                state,
                login_hint: asked.form.get("login_hint").map(str::to_owned),
                wanted,
                challenge,
                nonce: asked.form.get("nonce").map(str::to_owned),
            }),
            Err(problem) => Err(AuthorizationProblem::Sent { problem, redirect_uri, response_mode, state }),
        }
    }

    fn rest_of_request(
        &self,
        tenant: TenantId,
        client: &Application,
        asked: &Asked,
    ) -> Result<(Wanted, Option<String>), TokenProblem> {
        match asked.form.get("response_type") {
            Some("code") => {}
            Some(other) => {
                return Err(TokenProblem::response_type(&other.chars().take(40).collect::<String>()));
            }
            None => return Err(TokenProblem::missing("response_type")),
        }
        let challenge = challenge(client, asked)?;
        let wanted = self.wanted(tenant, asked)?.unwrap_or_else(|| Wanted {
            version: asked.version,
            audience: self.default_audience(),
            permissions: Vec::new(),
            openid: true,
            offline_access: asked.version == crate::TokenVersion::V1,
        });
        self.check_consent(client)?;
        if asked.form.get("prompt") == Some("none") {
            return Err(TokenProblem::sign_in_needed());
        }
        Ok((wanted, challenge))
    }
}

/// The S256 challenge. Without one, anybody on the same machine who sees the code could redeem it, so a native
/// client must send it; `plain` protects from nothing and is refused.
fn challenge(client: &Application, asked: &Asked) -> Result<Option<String>, TokenProblem> {
    let Some(challenge) = asked.form.get("code_challenge") else {
        return match client.kind {
            ApplicationKind::Native => Err(TokenProblem::pkce_needed()),
            ApplicationKind::Confidential => Ok(None),
        };
    };
    let good = challenge.len() == 43
        && challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if good && asked.form.get("code_challenge_method") == Some("S256") {
        Ok(Some(challenge.to_owned()))
    } else {
        Err(TokenProblem::pkce_needed())
    }
}

/// The URI the answer goes to: the one asked for if it is registered, or the only one registered.
fn redirect_uri(client: &Application, asked: Option<&str>) -> Result<String, TokenProblem> {
    match (asked, client.redirect_uris.as_slice()) {
        (Some(asked), registered) if registered.iter().any(|one| same_redirect(one, asked)) => {
            Ok(asked.to_owned())
        }
        (Some(asked), _) => Err(TokenProblem::redirect_uri(
            &asked.chars().take(200).collect::<String>(),
            &client.display_name,
        )),
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(TokenProblem::missing("redirect_uri")),
    }
}

/// Equal to the letter, except that a loopback URI's port is chosen when the client starts (RFC 8252, 7.3).
fn same_redirect(registered: &str, asked: &str) -> bool {
    if registered == asked {
        return true;
    }
    let (Ok(registered), Ok(asked_url)) = (Url::parse(registered), Url::parse(asked)) else { return false };
    let loopback = |url: &Url| match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    registered.scheme() == "http"
        && asked_url.scheme() == "http"
        && loopback(&registered)
        && registered.host() == asked_url.host()
        && asked_url.username().is_empty()
        && asked_url.password().is_none()
        && asked_url.fragment().is_none()
        && registered.path().trim_end_matches('/') == asked_url.path().trim_end_matches('/')
        && registered.query() == asked_url.query()
}

#[cfg(test)]
mod tests {
    use super::same_redirect;

    #[test]
    fn only_the_port_of_a_loopback_uri_may_differ() {
        for (registered, asked, same) in [
            ("http://localhost", "http://localhost:49152", true),
            ("http://localhost", "http://localhost:49152/", true),
            ("http://127.0.0.1/cb", "http://127.0.0.1:1/cb", true),
            ("http://localhost", "http://localhost:1/other", false),
            ("http://localhost", "http://127.0.0.1:1", false),
            ("http://localhost", "https://localhost:1", false),
            ("http://localhost", "http://localhost.evil.org", false),
            ("http://localhost", "http://localhost:1@evil.org", false),
            ("http://localhost", "http://user@localhost:1", false),
            ("http://localhost", "http://localhost:1/?next=x", false),
            ("https://example.org/cb", "https://example.org:8443/cb", false),
            ("https://example.org/cb", "https://example.org/cb", true),
            ("https://example.org/cb", "https://example.org/cb/", false),
        ] {
            assert_eq!(same_redirect(registered, asked), same, "{registered} {asked}");
        }
    }
}
