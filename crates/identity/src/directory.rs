//! The directory itself: what it is opened with, and how it reads and changes its state.

pub mod applications;
pub mod assignments;
pub mod bootstrap;
mod maintenance;
pub mod users;

use std::sync::{Arc, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, MutexGuard};

use crate::Clock;
use crate::assignment::Forbidden;
use crate::attempts::Attempts;
use crate::claims::TokenVersion;
use crate::flow::device::{Begun, Polls};
use crate::issuer::{ExternalIssuer, Fetch, IssuerError, Issuers, NoFetch};
use crate::keys::{KeyError, KeyRing, PublicKey, SigningKey};
use crate::objects::{Tenant, TenantId};
use crate::password::{PasswordCost, PasswordError, Passwords};
use crate::problem::TokenProblem;
use crate::random;
use crate::records::{Records, RecordsError};
use crate::seal::Seal;
use crate::state::{KEYS, SINGLE, State, TENANTS};
use crate::verify::Principal;

/// How long what the directory issues counts.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// An access token.
    pub access_token: SignedDuration,
    /// A refresh token that is not used.
    pub refresh_token: SignedDuration,
    /// An authorization code, and a sign-in page.
    pub code: SignedDuration,
    /// A device code.
    pub device_code: SignedDuration,
    /// A client secret whose maker names no end.
    pub client_secret: SignedDuration,
    /// A signing key before the next one takes its place.
    pub signing_key: SignedDuration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            access_token: SignedDuration::from_hours(1),
            refresh_token: SignedDuration::from_hours(24 * 90),
            code: SignedDuration::from_mins(10),
            device_code: SignedDuration::from_mins(15),
            client_secret: SignedDuration::from_hours(24 * 730),
            signing_key: SignedDuration::from_hours(24 * 90),
        }
    }
}

/// What a directory is opened with.
#[derive(Clone)]
pub struct DirectoryConfig {
    /// Where clients reach it, without a trailing slash: `https://localhost:9443`.
    pub authority: String,
    /// The audiences management tokens may have; a trailing slash does not count. The first one is the default.
    pub audiences: Vec<String>,
    /// Other directories whose tokens are accepted.
    pub external_issuers: Vec<ExternalIssuer>,
    /// The present time.
    pub clock: Clock,
    /// How long things count.
    pub lifetimes: Lifetimes,
    /// The work a password hash takes.
    pub password_cost: PasswordCost,
    /// The network, for external issuers.
    pub fetch: Arc<dyn Fetch>,
}

impl DirectoryConfig {
    /// A directory at an authority, which is its own and only audience beside the public cloud's names for the
    /// management API; the system's clock, no external issuers, no network.
    pub fn new(authority: impl Into<String>) -> Self {
        let authority = authority.into().trim_end_matches('/').to_owned();
        let audiences = ["", "https://management.azure.com/", "https://management.core.windows.net/"];
        let audiences =
            audiences.map(|name| if name.is_empty() { format!("{authority}/") } else { name.to_owned() });
        Self {
            authority,
            audiences: audiences.to_vec(),
            external_issuers: Vec::new(),
            clock: Arc::new(Timestamp::now),
            lifetimes: Lifetimes::default(),
            password_cost: PasswordCost::default(),
            fetch: Arc::new(NoFetch),
        }
    }
}

/// Why the directory itself failed. Trying again helps when the store does.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Storage failed.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// A signing key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A password hash.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// A stored document cannot be read.
    #[error("the directory's document {document} cannot be read: {reason}")]
    Damaged {
        /// Which.
        document: String,
        /// How.
        reason: String,
    },
    /// The configuration is wrong.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
}

/// Why a change of the directory was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no such object.
    #[error("there is no {0}")]
    NotFound(String),
    /// It is there already.
    #[error("{0} exists already")]
    Conflict(String),
    /// The request is wrong; the text says how.
    #[error("{0}")]
    Invalid(String),
    /// The directory failed.
    #[error(transparent)]
    Failed(#[from] DirectoryError),
}

impl From<RecordsError> for ChangeError {
    fn from(error: RecordsError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<PasswordError> for ChangeError {
    fn from(error: PasswordError) -> Self {
        Self::Failed(error.into())
    }
}

/// A directory of tenants.
pub struct Directory {
    config: DirectoryConfig,
    pub(crate) records: Arc<dyn Records>,
    state: RwLock<Arc<State>>,
    writing: Mutex<()>,
    pub(crate) passwords: Passwords,
    pub(crate) attempts: Attempts,
    pub(crate) polls: Polls,
    pub(crate) begun: Begun,
    issuers: Issuers,
    seal: Seal,
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").field("authority", &self.config.authority).finish_non_exhaustive()
    }
}

impl Directory {
    /// Reads everything, and makes the keys the first time.
    pub async fn open(records: Arc<dyn Records>, config: DirectoryConfig) -> Result<Self, DirectoryError> {
        let issuers = Issuers::new(config.external_issuers.clone(), &config.fetch)?;
        let state = State::load(records.as_ref()).await?;
        let seal = Seal::new(&page_key(records.as_ref()).await?);
        let directory = Self {
            passwords: Passwords::new(config.password_cost),
            attempts: Attempts::default(),
            polls: Polls::default(),
            begun: Begun::default(),
            writing: Mutex::default(),
            state: RwLock::new(Arc::new(state)),
            records,
            issuers,
            seal,
            config,
        };
        if directory.state().keys.current().is_none() {
            directory.rotate_keys().await?;
        }
        Ok(directory)
    }

    /// What it was opened with.
    pub fn config(&self) -> &DirectoryConfig {
        &self.config
    }

    /// Where clients reach it, without a trailing slash.
    pub fn authority(&self) -> &str {
        &self.config.authority
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.config.clock)()
    }

    pub(crate) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// Whether a principal may do an action on a scope, by its role assignments as they are now.
    pub fn authorize(&self, principal: &Principal, action: &str, scope: &str) -> Result<(), Forbidden> {
        self.state().authorize(principal, action, scope)
    }

    /// All tenants, the oldest first.
    pub fn tenants(&self) -> Vec<Arc<Tenant>> {
        let mut tenants: Vec<_> = self.state().tenants.values().cloned().collect();
        tenants.sort_by_key(|tenant| (tenant.created_at, tenant.id));
        tenants
    }

    /// The tenant a path names: an id, or `common` and its like for the oldest.
    pub fn resolve_tenant(&self, named: &str) -> Result<TenantId, TokenProblem> {
        let state = self.state();
        let tenant = match named.to_ascii_lowercase().as_str() {
            "common" | "organizations" | "consumers" => state.default_tenant().map(|tenant| tenant.id),
            other => other.parse().ok().filter(|id| state.tenants.contains_key(id)),
        };
        tenant.ok_or_else(|| TokenProblem::tenant(&named.chars().take(80).collect::<String>()))
    }

    /// The keys that verify this directory's tokens now.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        self.state().keys.public(self.now(), self.config.lifetimes.access_token)
    }

    /// Our tenant that an issuer stands for.
    pub(crate) fn own_tenant(&self, issuer: &str) -> Option<String> {
        let rest = issuer.strip_prefix(&self.config.authority)?.strip_prefix('/')?;
        let tenant = rest.split('/').next()?;
        let known = self.state().tenants.contains_key(&tenant.parse().ok()?);
        let ours = [TokenVersion::V1, TokenVersion::V2]
            .iter()
            .any(|version| version.issuer(&self.config.authority, tenant) == issuer);
        (known && ours).then(|| tenant.to_owned())
    }

    /// Makes a tenant, with the management API and the well-known clients in it.
    pub async fn create_tenant(&self, display_name: &str) -> Result<Arc<Tenant>, ChangeError> {
        if display_name.trim().is_empty() {
            return Err(ChangeError::Invalid("a tenant needs a display name".to_owned()));
        }
        let tenant = Arc::new(Tenant {
            id: TenantId::random(),
            display_name: display_name.to_owned(),
            created_at: self.now(),
        });
        let turn = self.turn().await;
        self.store(TENANTS, &tenant.id.to_string(), tenant.as_ref()).await?;
        let added = Arc::clone(&tenant);
        self.replace(&turn, |state| {
            state.tenants.insert(added.id, added);
        });
        drop(turn);
        self.add_built_in_applications(tenant.id).await?;
        Ok(tenant)
    }

    /// Makes a new signing key; the ones before it verify until their tokens have expired.
    pub async fn rotate_keys(&self) -> Result<(), DirectoryError> {
        let now = self.now();
        let fresh = tokio::task::spawn_blocking(move || SigningKey::generate(now));
        let fresh = Arc::new(fresh.await.map_err(|_| KeyError::Failed)??);
        let turn = self.turn().await;
        self.records.put(KEYS, &fresh.id, fresh.write()?).await?;
        let mut keys = vec![fresh];
        for key in self.state().keys.iter() {
            if key.retired_at.is_none() {
                let retired = Arc::new(key.retired(now));
                self.records.put(KEYS, &retired.id, retired.write()?).await?;
                keys.push(retired);
            } else {
                keys.push(Arc::clone(key));
            }
        }
        self.replace(&turn, |state| state.keys = KeyRing::new(keys));
        Ok(())
    }

    /// Signs what a page must bring back as it was, for one purpose and for as long as a code counts.
    pub fn seal_page(&self, purpose: &str, value: &impl Serialize) -> String {
        self.seal.seal(purpose, value, self.now() + self.config.lifetimes.code)
    }

    /// What a page brought back, if it was signed here for this purpose and is not too old.
    pub fn open_page<T: DeserializeOwned>(&self, purpose: &str, sealed: &str) -> Result<T, TokenProblem> {
        self.seal.open(purpose, sealed, self.now()).ok_or_else(TokenProblem::stale_page)
    }

    /// Waits for the turn to write: changes are made one after another.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().await
    }

    pub(crate) async fn store(
        &self,
        collection: &str,
        key: &str,
        value: &impl Serialize,
    ) -> Result<(), DirectoryError> {
        Ok(self.records.put(collection, key, document(collection, key, value)?).await?)
    }

    /// Replaces the state with a changed copy; the documents are stored before.
    pub(crate) fn replace(&self, _turn: &MutexGuard<'_, ()>, change: impl FnOnce(&mut State)) {
        let mut changed = State::clone(&self.state());
        change(&mut changed);
        changed.index();
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(changed);
    }

    /// Reads everything again: after another process wrote to the same records.
    pub async fn reload(&self) -> Result<(), DirectoryError> {
        let turn = self.turn().await;
        let fresh = State::load(self.records.as_ref()).await?;
        self.replace(&turn, |state| *state = fresh);
        Ok(())
    }
}

/// The stored form of a document.
pub(crate) fn document(
    collection: &str,
    key: &str,
    value: &impl Serialize,
) -> Result<Vec<u8>, DirectoryError> {
    serde_json::to_vec(value).map_err(|error| DirectoryError::Damaged {
        document: format!("{collection}/{key}"),
        reason: error.to_string(),
    })
}

/// The key pages are signed with; of two processes that start at once, the first one's counts.
async fn page_key(records: &dyn Records) -> Result<Vec<u8>, DirectoryError> {
    const NAME: &str = "pageKey";
    if records.get(SINGLE, NAME).await?.is_none() {
        records.create(SINGLE, NAME, random::bytes::<32>().to_vec()).await?;
    }
    let key = records.get(SINGLE, NAME).await?;
    key.ok_or_else(|| RecordsError("the page key vanished".to_owned()).into())
}
