//! From an `Authorization` header to the principal behind it.

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey};

use crate::bearer::{self, Claims, Parts, Unreadable};
use crate::directory::Directory;
use crate::directory::assignments::normal_id;
use crate::objects::USER_IMPERSONATION;
use crate::resource;

/// Clocks of other issuers may be this far from ours.
const SKEW: SignedDuration = SignedDuration::from_secs(120);

/// Who makes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The tenant the token is from; for an external issuer without tenants, the issuer.
    pub tenant: String,
    /// The user's or service principal's id in that tenant.
    pub object_id: String,
    /// What it is.
    pub kind: PrincipalKind,
    /// What people call it.
    pub name: String,
    /// The application that made the request on its behalf.
    pub application_id: Option<String>,
    /// When the token ends.
    pub expires_at: Timestamp,
}

/// A person or an application in its own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrincipalKind {
    /// A person, through an application.
    User,
    /// An application itself.
    Application,
}

/// Why a request is not authenticated. Each is a 401.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    /// No credentials at all.
    #[error("the request has no 'Authorization' header; it needs 'Bearer' and an access token")]
    Missing,
    /// Credentials of another scheme.
    #[error("the 'Authorization' header does not hold 'Bearer' and an access token")]
    Scheme,
    /// Not a token.
    #[error("the access token is malformed: {0}")]
    Malformed(&'static str),
    /// Signed in a way that is not accepted, or not at all.
    #[error("the access token's algorithm '{0}' is not accepted")]
    Algorithm(String),
    /// From somebody else.
    #[error("the access token's issuer '{0}' is not trusted here")]
    UnknownIssuer(String),
    /// Signed with a key that the issuer does not have, or no longer.
    #[error("the access token is signed with a key its issuer does not publish")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the access token's signature is not valid")]
    BadSignature,
    /// Too late.
    #[error("the access token expired at {0}; ask for a new one")]
    Expired(Timestamp),
    /// Too early.
    #[error("the access token is not valid before {0}")]
    NotYetValid(Timestamp),
    /// For somebody else.
    #[error("the access token is for audience '{given}'; this endpoint accepts {}", quoted(.accepted))]
    WrongAudience {
        /// What the token names.
        given: String,
        /// What would do.
        accepted: Vec<String>,
    },
    /// From a tenant of the issuer that is not accepted.
    #[error("the access token's tenant '{0}' is not trusted here")]
    UnknownTenant(String),
    /// Delegated without the permission this API asks for.
    #[error("the access token does not carry the permission '{USER_IMPERSONATION}'")]
    MissingPermission,
    /// Its user or application was deleted or disabled.
    #[error("the access token's principal '{0}' does not exist any more or is disabled")]
    PrincipalGone(String),
    /// The issuer's keys could not be fetched; a later attempt may succeed.
    #[error("the keys of issuer '{0}' cannot be fetched now")]
    IssuerUnreachable(String),
}

fn quoted(audiences: &[String]) -> String {
    audiences.iter().map(|audience| format!("'{audience}'")).collect::<Vec<_>>().join(", ")
}

impl AuthenticationError {
    /// The resource-manager error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing | Self::Scheme => "AuthenticationFailed",
            Self::Expired(_) => "ExpiredAuthenticationToken",
            Self::WrongAudience { .. } => "InvalidAuthenticationTokenAudience",
            Self::UnknownIssuer(_) | Self::UnknownTenant(_) => "InvalidAuthenticationTokenTenant",
            _ => "InvalidAuthenticationToken",
        }
    }

    /// The `WWW-Authenticate` header that goes with it (RFC 6750, 3), given the authority to ask.
    pub fn challenge(&self, authorization_uri: &str) -> String {
        let realm = format!("Bearer authorization_uri=\"{authorization_uri}\"");
        let error = match self {
            Self::Missing | Self::Scheme => return realm,
            Self::MissingPermission => "insufficient_scope",
            _ => "invalid_token",
        };
        let safe = |c: char| if c == '"' || c == '\\' || !(' '..='~').contains(&c) { '\'' } else { c };
        let description: String = self.to_string().chars().map(safe).collect();
        format!("{realm}, error=\"{error}\", error_description=\"{description}\"")
    }
}

impl From<Unreadable> for AuthenticationError {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Scheme => Self::Scheme,
            Unreadable::Token(reason) => Self::Malformed(reason),
        }
    }
}

impl Directory {
    /// Who the `Authorization` header's token speaks for.
    pub async fn authenticate(&self, authorization: Option<&str>) -> Result<Principal, AuthenticationError> {
        let header = authorization.ok_or(AuthenticationError::Missing)?;
        let parts = bearer::parse(bearer::credentials(header)?)?;
        let algorithm = accepted_algorithm(&parts)?;
        if let Some(tenant) = self.own_tenant(&parts.claims.iss) {
            if algorithm != Algorithm::RS256 {
                return Err(AuthenticationError::Algorithm(parts.algorithm));
            }
            return self.verify_own(&parts, &tenant);
        }
        self.verify_external(parts, algorithm).await
    }

    fn verify_own(&self, parts: &Parts<'_>, tenant: &str) -> Result<Principal, AuthenticationError> {
        let (state, now) = (self.state(), self.now());
        let kid = parts.key_id.as_deref().ok_or(AuthenticationError::UnknownKey)?;
        let lifetime = self.config().lifetimes.access_token;
        let key = state.keys.verifying(kid, now, lifetime).ok_or(AuthenticationError::UnknownKey)?;
        check_signature(parts.token, key, Algorithm::RS256)?;
        let expires_at = check_times(&parts.claims, now, SignedDuration::ZERO)?;
        check_audience(&parts.claims, &self.config().audiences)?;
        check_permission(&parts.claims)?;
        let principal = principal(&parts.claims, tenant, expires_at)?;
        if state.is_alive(&principal) {
            Ok(principal)
        } else {
            Err(AuthenticationError::PrincipalGone(principal.name))
        }
    }

    async fn verify_external(
        &self,
        parts: Parts<'_>,
        algorithm: Algorithm,
    ) -> Result<Principal, AuthenticationError> {
        let claims = &parts.claims;
        let now = self.now();
        let trusted = self.issuers().find(claims, now).await?;
        let key = trusted.key(parts.key_id.as_deref(), algorithm, now).await?;
        check_signature(parts.token, &key, algorithm)?;
        let expires_at = check_times(claims, now, SKEW)?;
        check_audience(claims, trusted.audiences())?;
        check_permission(claims)?;
        let principal = principal(claims, claims.tid.as_deref().unwrap_or(&claims.iss), expires_at)?;
        // The roles of our own tenants are given to principals that only we vouch for.
        if self.resolve_tenant(&principal.tenant).is_ok() {
            return Err(AuthenticationError::UnknownTenant(principal.tenant));
        }
        Ok(principal)
    }
}

/// Signatures by a key pair only: `none` and the shared-secret algorithms are refused before any key is looked at.
fn accepted_algorithm(parts: &Parts<'_>) -> Result<Algorithm, AuthenticationError> {
    match parts.algorithm.as_str() {
        "RS256" => Ok(Algorithm::RS256),
        "RS384" => Ok(Algorithm::RS384),
        "RS512" => Ok(Algorithm::RS512),
        "PS256" => Ok(Algorithm::PS256),
        "PS384" => Ok(Algorithm::PS384),
        "PS512" => Ok(Algorithm::PS512),
        "ES256" => Ok(Algorithm::ES256),
        "ES384" => Ok(Algorithm::ES384),
        other => Err(AuthenticationError::Algorithm(other.chars().take(32).collect())),
    }
}

fn check_signature(token: &str, key: &DecodingKey, algorithm: Algorithm) -> Result<(), AuthenticationError> {
    let (message, signature) = token.rsplit_once('.').ok_or(AuthenticationError::BadSignature)?;
    match jsonwebtoken::crypto::verify(signature, message.as_bytes(), key, algorithm) {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(AuthenticationError::BadSignature),
    }
}

fn check_times(
    claims: &Claims,
    now: Timestamp,
    skew: SignedDuration,
) -> Result<Timestamp, AuthenticationError> {
    let expires_at =
        claims.exp.and_then(seconds).ok_or(AuthenticationError::Malformed("it has no expiry"))?;
    if now.duration_since(expires_at) >= skew {
        return Err(AuthenticationError::Expired(expires_at));
    }
    if let Some(from) = claims.nbf.and_then(seconds)
        && from.duration_since(now) > skew
    {
        return Err(AuthenticationError::NotYetValid(from));
    }
    Ok(expires_at)
}

fn seconds(value: f64) -> Option<Timestamp> {
    #[expect(clippy::cast_possible_truncation, reason = "a float saturates, and jiff checks the range")]
    Timestamp::from_second(value as i64).ok()
}

fn check_audience(claims: &Claims, accepted: &[String]) -> Result<(), AuthenticationError> {
    let given = claims.aud.as_ref();
    if given.is_some_and(|given| given.iter().any(|one| resource::accepts(accepted, one))) {
        return Ok(());
    }
    let given = given.map(|given| given.iter().collect::<Vec<_>>().join(" ")).unwrap_or_default();
    Err(AuthenticationError::WrongAudience { given, accepted: accepted.to_vec() })
}

/// A delegated token (it has `scp`) must carry the one permission this API has.
fn check_permission(claims: &Claims) -> Result<(), AuthenticationError> {
    match &claims.scp {
        Some(scopes) if !scopes.split(' ').any(|scope| scope == USER_IMPERSONATION) => {
            Err(AuthenticationError::MissingPermission)
        }
        _ => Ok(()),
    }
}

fn principal(claims: &Claims, tenant: &str, expires_at: Timestamp) -> Result<Principal, AuthenticationError> {
    let object_id = claims.oid.clone().or_else(|| claims.sub.clone()).filter(|id| !id.is_empty());
    let object_id = object_id.ok_or(AuthenticationError::Malformed("it names no principal"))?;
    let (tenant, object_id) = (normal_id(tenant), normal_id(&object_id));
    let application_id = claims.appid.clone().or_else(|| claims.azp.clone());
    let is_application = match claims.idtyp.as_deref() {
        Some(kind) => kind == "app",
        None => claims.scp.is_none() && claims.upn.is_none() && claims.preferred_username.is_none(),
    };
    let (kind, name) = if is_application {
        (PrincipalKind::Application, claims.app_displayname.clone())
    } else {
        (PrincipalKind::User, claims.upn.clone().or_else(|| claims.preferred_username.clone()))
    };
    let name = name.or_else(|| claims.name.clone()).unwrap_or_else(|| object_id.clone());
    Ok(Principal { tenant, object_id, kind, name, application_id, expires_at })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use serde_json::json;

    use super::*;
    use crate::keys::{KeyRing, SigningKey};
    use crate::{DirectoryConfig, ExternalIssuer, Fetch, FetchError, MemoryRecords, PasswordCost};

    /// A foreign issuer with one key.
    struct Elsewhere(KeyRing);

    #[async_trait]
    impl Fetch for Elsewhere {
        async fn get(&self, url: &str) -> Result<Vec<u8>, FetchError> {
            if url.ends_with("openid-configuration") {
                let document = json!({ "issuer": "https://idp", "jwks_uri": "https://idp/keys" });
                return Ok(document.to_string().into_bytes());
            }
            let key = self.0.public(Timestamp::now(), SignedDuration::ZERO).remove(0);
            let key =
                json!({ "kty": "RSA", "use": "sig", "kid": key.id, "n": key.modulus, "e": key.exponent });
            Ok(json!({ "keys": [key] }).to_string().into_bytes())
        }
    }

    #[tokio::test]
    async fn a_foreign_issuer_cannot_name_a_principal_of_ours() {
        let key = Arc::new(SigningKey::generate(Timestamp::now()).unwrap());
        let mut config = DirectoryConfig::new("https://localhost:1");
        config.password_cost = PasswordCost::CHEAP;
        config.fetch = Arc::new(Elsewhere(KeyRing::new(vec![Arc::clone(&key)])));
        config.external_issuers = vec![ExternalIssuer {
            discovery: "https://idp".to_owned(),
            audiences: vec!["here".to_owned()],
            tenants: Vec::new(),
        }];
        let directory = Directory::open(Arc::new(MemoryRecords::default()), config).await.unwrap();
        let made = directory.bootstrap().await.unwrap().unwrap();
        let owner = directory.application(made.tenant_id, made.application_id).unwrap().service_principal;
        let check = async |tenant: &str| {
            let claims = json!({
                "iss": "https://idp", "aud": "here", "exp": Timestamp::now().as_second() + 60,
                "oid": owner, "tid": tenant,
            });
            let token = key.sign(&claims).unwrap();
            directory.authenticate(Some(&format!("Bearer {token}"))).await
        };
        let foreign = check("22222222-2222-2222-2222-222222222222").await.unwrap();
        assert!(directory.authorize(&foreign, "any/read", "/").is_err());
        let own = made.tenant_id.to_string();
        for tenant in [own.clone(), own.to_uppercase(), format!("{{{own}}}")] {
            let refused = check(&tenant).await.unwrap_err();
            assert_eq!(refused, AuthenticationError::UnknownTenant(own.clone()), "{tenant}");
        }
    }
}
