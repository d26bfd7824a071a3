//! The OAuth flows: what a client sends to the token endpoint, and what it gets.

pub mod authorize;
mod client;
mod code;
pub mod device;
mod issue;
mod refresh;

use std::net::IpAddr;

use evergate_model::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::TokenVersion;
use crate::directory::Directory;
use crate::form::Form;
use crate::objects::{MANAGEMENT_API, TenantId, USER_IMPERSONATION};
use crate::problem::TokenProblem;
use crate::resource::{self, Scopes};

pub(crate) const CODES: &str = "directory/codes";
pub(crate) const DEVICES: &str = "directory/deviceCodes";
pub(crate) const USER_CODES: &str = "directory/userCodes";
pub(crate) const REFRESH_TOKENS: &str = "directory/refreshTokens";

/// A request to an OAuth endpoint.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The tenant in the path.
    pub tenant: String,
    /// Which endpoint it was.
    pub version: TokenVersion,
    /// The form (or query) parameters.
    pub form: Form,
    /// Client id and secret of an `Authorization: Basic` header.
    pub basic: Option<(String, Secret)>,
    /// The caller's address, if it is known.
    pub from: Option<IpAddr>,
}

/// What a token endpoint gives.
#[derive(Debug)]
pub struct Tokens {
    /// The endpoint's version decides how the rest is written.
    pub version: TokenVersion,
    /// The access token.
    pub access_token: Secret,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Its audience.
    pub resource: String,
    /// The scopes it has; none for an application in its own name.
    pub scope: Option<String>,
    /// Gives the next tokens, once.
    pub refresh_token: Option<Secret>,
    /// Says who signed in.
    pub id_token: Option<Secret>,
    /// User and tenant as the public cloud's client libraries read them.
    pub client_info: Option<String>,
}

/// What tokens are wanted for. It is kept with codes and refresh tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Wanted {
    pub(crate) version: TokenVersion,
    /// The audience, written as the client wrote it.
    pub(crate) audience: String,
    pub(crate) permissions: Vec<String>,
    pub(crate) openid: bool,
    pub(crate) offline_access: bool,
}

impl Wanted {
    /// The scopes as they were asked for, with the permission that was given: clients look their cached
    /// tokens up by these words.
    fn scope(&self) -> String {
        let mut words: Vec<String> = self
            .permissions
            .iter()
            .map(String::as_str)
            .chain([USER_IMPERSONATION])
            .map(|permission| format!("{}/{permission}", self.audience))
            .collect();
        words.dedup();
        if self.openid {
            words.extend(["openid", "profile"].map(str::to_owned));
        }
        if self.offline_access {
            words.push("offline_access".to_owned());
        }
        words.join(" ")
    }
}

impl Directory {
    /// Answers a request to the token endpoint.
    pub async fn token(&self, asked: &Asked) -> Result<Tokens, TokenProblem> {
        let tenant = self.resolve_tenant(&asked.tenant)?;
        let grant_type = asked.form.get("grant_type").ok_or_else(|| TokenProblem::missing("grant_type"))?;
        match grant_type {
            "client_credentials" => self.client_credentials(tenant, asked).await,
            "authorization_code" => self.redeem_code(tenant, asked).await,
            "refresh_token" => self.redeem_refresh_token(tenant, asked).await,
            "urn:ietf:params:oauth:grant-type:device_code" | "device_code" => {
                self.redeem_device_code(tenant, asked).await
            }
            other => Err(TokenProblem::grant_type(&other.chars().take(80).collect::<String>())),
        }
    }

    async fn client_credentials(&self, tenant: TenantId, asked: &Asked) -> Result<Tokens, TokenProblem> {
        let client = self.confidential_client(tenant, asked).await?;
        let wanted = self.wanted(tenant, asked)?.ok_or_else(|| match asked.version {
            TokenVersion::V1 => TokenProblem::missing("resource"),
            TokenVersion::V2 => TokenProblem::missing("scope"),
        })?;
        if asked.version == TokenVersion::V2 && wanted.permissions != [".default"] {
            return Err(TokenProblem::scope_not_default(asked.form.get("scope").unwrap_or_default()));
        }
        self.check_consent(&client)?;
        self.application_tokens(&client, &wanted)
    }

    /// What the request wants tokens for: `resource` on the v1 endpoint, `scope` on either. None when it says
    /// neither.
    fn wanted(&self, tenant: TenantId, asked: &Asked) -> Result<Option<Wanted>, TokenProblem> {
        let scopes = asked.form.get("scope").map(Scopes::parse).transpose();
        let scopes = scopes.map_err(|error| TokenProblem::scope(error.to_string()))?;
        let resource = asked.form.get("resource").filter(|_| asked.version == TokenVersion::V1);
        if scopes.is_none() && resource.is_none() {
            return Ok(None);
        }
        let scopes = scopes.unwrap_or_default();
        let audience = match resource.map(str::to_owned).or_else(|| scopes.resource.clone()) {
            Some(audience) => audience,
            None => self.default_audience(),
        };
        if !resource::accepts(&self.config().audiences, &audience) {
            return Err(TokenProblem::resource(
                &audience.chars().take(200).collect::<String>(),
                &tenant.to_string(),
            ));
        }
        if let Some(unknown) =
            scopes.permissions.iter().find(|one| !matches!(one.as_str(), ".default" | USER_IMPERSONATION))
        {
            return Err(TokenProblem::scope(format!("resource '{audience}' has no permission '{unknown}'")));
        }
        Ok(Some(Wanted {
            version: asked.version,
            audience,
            permissions: scopes.permissions,
            // The v1 endpoint always says who signed in, and always gives a refresh token.
            openid: scopes.openid || asked.version == TokenVersion::V1,
            offline_access: scopes.offline_access || asked.version == TokenVersion::V1,
        }))
    }

    fn default_audience(&self) -> String {
        self.config().audiences.first().unwrap_or(&self.config().authority).clone()
    }

    /// No administrator's consent, no token.
    fn check_consent(&self, client: &crate::Application) -> Result<(), TokenProblem> {
        if self.state().is_granted(client.tenant, client.id, MANAGEMENT_API, USER_IMPERSONATION) {
            Ok(())
        } else {
            Err(TokenProblem::consent(&client.display_name, &client.id.to_string()))
        }
    }
}
