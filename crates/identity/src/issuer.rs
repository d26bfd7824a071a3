//! Tokens of other directories, trusted by their discovery document (OpenID Connect Discovery 1.0).
//!
//! Keys are fetched when first needed and kept for a day; a token with an unknown key id makes them be fetched
//! again, but not oftener than every half minute, whatever tokens arrive. When the issuer cannot be reached,
//! the keys that are known keep working.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::bearer::Claims;
use crate::verify::AuthenticationError;

/// How long keys are used before they are fetched again.
const FRESH: SignedDuration = SignedDuration::from_hours(24);
/// The shortest time between two fetches.
const BREATH: SignedDuration = SignedDuration::from_secs(30);
/// What a discovery document's URL ends with.
const WELL_KNOWN: &str = "/.well-known/openid-configuration";
/// What stands for the tenant in a multi-tenant issuer.
const TENANT_PLACEHOLDER: &str = "{tenantid}";

/// A directory whose tokens are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalIssuer {
    /// The URL of its discovery document, or what comes before `/.well-known/openid-configuration`.
    pub discovery: String,
    /// The audiences its tokens may have here.
    pub audiences: Vec<String>,
    /// The tenants (`tid`) accepted; empty accepts all, which only a single-tenant issuer may say.
    pub tenants: Vec<String>,
}

/// Why an external issuer's configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// Not a URL that can be trusted.
    #[error("the external issuer '{0}' is not an https URL")]
    NotHttps(String),
    /// No audience.
    #[error("the external issuer '{0}' has no audience; name the audience its tokens carry for this server")]
    NoAudience(String),
}

/// Fetching failed; the text says how.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(pub String);

/// Gets small documents from the network.
#[async_trait]
pub trait Fetch: Send + Sync + 'static {
    /// The body of a successful answer to a GET.
    async fn get(&self, url: &str) -> Result<Vec<u8>, FetchError>;
}

/// The network of a directory that has none.
pub(crate) struct NoFetch;

#[async_trait]
impl Fetch for NoFetch {
    async fn get(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        Err(FetchError(format!("no network to fetch {url}")))
    }
}

/// The configured issuers.
pub(crate) struct Issuers(Vec<Arc<Trusted>>);

/// One issuer and what is known of it.
pub(crate) struct Trusted {
    config: ExternalIssuer,
    fetch: Arc<dyn Fetch>,
    known: RwLock<Option<Arc<Known>>>,
    last_attempt: Mutex<Option<Timestamp>>,
}

struct Known {
    issuer: String,
    keys: HashMap<String, Key>,
    fetched_at: Timestamp,
}

#[derive(Clone)]
struct Key {
    key: DecodingKey,
    algorithm: Option<String>,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<serde_json::Value>,
}

impl Issuers {
    pub(crate) fn new(configured: Vec<ExternalIssuer>, fetch: &Arc<dyn Fetch>) -> Result<Self, IssuerError> {
        configured
            .into_iter()
            .map(|config| Trusted::new(config, Arc::clone(fetch)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The issuer a token claims to be from, its tenant accepted.
    pub(crate) async fn find(
        &self,
        claims: &Claims,
        now: Timestamp,
    ) -> Result<&Trusted, AuthenticationError> {
        let mut unreachable = None;
        for trusted in &self.0 {
            match trusted.known(now).await {
                Some(known) if names(&known.issuer, claims) => {
                    trusted.check_tenant(&known.issuer, claims)?;
                    return Ok(trusted);
                }
                Some(_) => {}
                None => unreachable = Some(trusted.config.discovery.clone()),
            }
        }
        match unreachable {
            Some(discovery) => Err(AuthenticationError::IssuerUnreachable(discovery)),
            None => Err(AuthenticationError::UnknownIssuer(claims.iss.chars().take(200).collect())),
        }
    }
}

/// Whether a token's issuer is this one.
fn names(issuer: &str, claims: &Claims) -> bool {
    if issuer.contains(TENANT_PLACEHOLDER) {
        claims.tid.as_ref().is_some_and(|tid| issuer.replace(TENANT_PLACEHOLDER, tid) == claims.iss)
    } else {
        issuer == claims.iss
    }
}

impl Trusted {
    fn new(mut config: ExternalIssuer, fetch: Arc<dyn Fetch>) -> Result<Arc<Self>, IssuerError> {
        if !may_be_fetched(&config.discovery) {
            return Err(IssuerError::NotHttps(config.discovery));
        }
        if config.audiences.is_empty() {
            return Err(IssuerError::NoAudience(config.discovery));
        }
        if !config.discovery.ends_with(WELL_KNOWN) {
            config.discovery = format!("{}{WELL_KNOWN}", config.discovery.trim_end_matches('/'));
        }
        Ok(Arc::new(Self { config, fetch, known: RwLock::default(), last_attempt: Mutex::default() }))
    }

    pub(crate) fn audiences(&self) -> &[String] {
        &self.config.audiences
    }

    fn check_tenant(&self, issuer: &str, claims: &Claims) -> Result<(), AuthenticationError> {
        let tenant = claims.tid.as_deref().unwrap_or_default();
        let any = self.config.tenants.is_empty() && !issuer.contains(TENANT_PLACEHOLDER);
        if any || self.config.tenants.iter().any(|accepted| accepted.eq_ignore_ascii_case(tenant)) {
            Ok(())
        } else {
            Err(AuthenticationError::UnknownTenant(tenant.chars().take(64).collect()))
        }
    }

    /// The key a token names, fetched again if it is not known.
    pub(crate) async fn key(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<DecodingKey, AuthenticationError> {
        let find = |known: &Known| match id {
            Some(id) => known.keys.get(id).cloned(),
            None if known.keys.len() == 1 => known.keys.values().next().cloned(),
            None => None,
        };
        let mut found = self.current().as_deref().and_then(find);
        if found.is_none() {
            self.refresh(now).await;
            found = self.current().as_deref().and_then(find);
        }
        let key = found.ok_or(AuthenticationError::UnknownKey)?;
        match key.algorithm {
            Some(only) if only != format!("{algorithm:?}") => {
                Err(AuthenticationError::Algorithm(format!("{algorithm:?}")))
            }
            _ => Ok(key.key),
        }
    }

    fn current(&self) -> Option<Arc<Known>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is known of the issuer, fetched when missing or old.
    async fn known(&self, now: Timestamp) -> Option<Arc<Known>> {
        match self.current() {
            Some(known) if now.duration_since(known.fetched_at) < FRESH => Some(known),
            _ => {
                self.refresh(now).await;
                self.current()
            }
        }
    }

    /// Fetches document and keys, unless somebody just did.
    async fn refresh(&self, now: Timestamp) {
        let mut last_attempt = self.last_attempt.lock().await;
        if last_attempt.is_some_and(|last| now.duration_since(last) < BREATH) {
            return;
        }
        *last_attempt = Some(now);
        match self.fetch_all(now).await {
            Ok(known) => *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(known)),
            Err(FetchError(error)) => {
                tracing::warn!(
                    issuer = self.config.discovery,
                    error,
                    "the keys of an external issuer cannot be fetched"
                );
            }
        }
    }

    async fn fetch_all(&self, now: Timestamp) -> Result<Known, FetchError> {
        let discovery: Discovery = self.document(&self.config.discovery).await?;
        if !may_be_fetched(&discovery.jwks_uri) {
            return Err(FetchError(format!("its jwks_uri '{}' is not an https URL", discovery.jwks_uri)));
        }
        let keys: Keys = self.document(&discovery.jwks_uri).await?;
        let keys: HashMap<_, _> = keys.keys.into_iter().filter_map(signature_key).collect();
        if keys.is_empty() {
            return Err(FetchError(format!("'{}' has no key for signatures", discovery.jwks_uri)));
        }
        Ok(Known { issuer: discovery.issuer, keys, fetched_at: now })
    }

    async fn document<T: serde::de::DeserializeOwned>(&self, url: &str) -> Result<T, FetchError> {
        let body = self.fetch.get(url).await?;
        serde_json::from_slice(&body)
            .map_err(|error| FetchError(format!("'{url}' is not what it should be: {error}")))
    }
}

/// A public key that verifies signatures; everything else in a key set is passed over.
fn signature_key(value: serde_json::Value) -> Option<(String, Key)> {
    let algorithm = value.get("alg").and_then(|alg| alg.as_str()).map(str::to_owned);
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let asymmetric =
        matches!(jwk.algorithm, AlgorithmParameters::RSA(_) | AlgorithmParameters::EllipticCurve(_));
    let signs = jwk.common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    if !(asymmetric && signs) {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some((jwk.common.key_id.unwrap_or_default(), Key { key, algorithm }))
}

/// Keys decide whom we trust: they come over TLS, or from this machine.
fn may_be_fetched(url: &str) -> bool {
    let Ok(url) = url::Url::parse(url) else { return false };
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}
