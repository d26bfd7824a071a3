//! Wires recovery, directory and management over the store.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use evergate_identity::{Directory, DirectoryConfig, DirectoryError, ExternalIssuer};
use evergate_management::{ManagementParts, directory};
use evergate_model::{ServiceName, SubscriptionId};
use evergate_recovery::{Checkpoints, NoCheckpoints, Recovery, RecoveryKeys, RecoveryParts, StorageAccounts};
use jiff::Timestamp;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use super::Ground;
use super::checkpoints::AbortAt;
use super::endpoints::GatewayAddresses;
use super::metrics::RecoveryMetrics;
use super::recovery_keys::KeyRing;
use crate::config::ConfigError;

/// How often operations that nobody works on any more are looked for.
const CARE: Duration = Duration::from_secs(30);
/// How often expired codes are removed and old signing keys replaced.
const HOUSEKEEPING: Duration = Duration::from_hours(1);
const PRODUCER: &str = concat!("evergate/", env!("CARGO_PKG_VERSION"));

/// The management side of a server.
pub(crate) struct ControlPlane {
    pub recovery: Arc<Recovery>,
    pub router: Router,
    /// What the first start made, or a start that was to recover access; none on every other.
    pub bootstrap: Option<evergate_identity::Bootstrap>,
    /// Whether `bootstrap` is of a start that recovered access.
    pub recovered: bool,
    directory: Arc<Directory>,
}

impl ControlPlane {
    /// Opens the directory, makes its first objects if there are none, and builds the API.
    pub(crate) async fn build(
        ground: &Ground,
        gateway: GatewayAddresses,
        accounts: StorageAccounts,
        keys: KeyRing,
        registry: &mut Registry,
    ) -> anyhow::Result<Self> {
        let checkpoints: Arc<dyn Checkpoints> = match &ground.config.abort_at {
            Some(point) => Arc::new(AbortAt(point.clone())),
            None => Arc::new(NoCheckpoints),
        };
        let recovery = Recovery::new(RecoveryParts {
            store: Arc::clone(&ground.store),
            accounts,
            keys: RecoveryKeys { own: keys.own, additional: keys.additional },
            owner: ground.instance.id.clone(),
            producer: PRODUCER.to_owned(),
            spool: ground.data.directory("spool")?,
            clock: Arc::new(ground.config.clock()),
            checkpoints,
            observer: Arc::new(RecoveryMetrics::register(registry, &ground.instance.region)),
        });
        let directory = open_directory(ground).await?;
        let mut bootstrap =
            directory.bootstrap().await.context("the directory's first objects were not made")?;
        let recovered = bootstrap.is_none() && ground.config.recover_access;
        if recovered {
            bootstrap =
                directory.recover_access().await.context("the owner was not given new credentials")?;
        }
        let router = evergate_management::router(ManagementParts {
            store: Arc::clone(&ground.store),
            recovery: Arc::clone(&recovery),
            directory: Arc::clone(&directory),
            instance: management_instance(ground, gateway, &directory)?,
        });
        Ok(Self { recovery, router, bootstrap, recovered, directory })
    }

    /// Takes up operations whose end could not be stored, a full disk for one, until `stop`: left alone they
    /// would keep their service locked until the next start.
    pub(crate) fn look_after_operations(&self, stop: CancellationToken) -> impl Future<Output = ()> + use<> {
        let recovery = Arc::clone(&self.recovery);
        async move {
            while stop.run_until_cancelled(tokio::time::sleep(CARE)).await.is_some() {
                if let Err(error) = recovery.resume().await {
                    tracing::warn!(%error, "operations cannot be looked after; it is tried again");
                }
            }
        }
    }

    /// The directory's upkeep, until `stop`.
    pub(crate) fn keep_house(&self, stop: CancellationToken) -> impl Future<Output = ()> + use<> {
        let directory = Arc::clone(&self.directory);
        async move {
            while stop.run_until_cancelled(tokio::time::sleep(HOUSEKEEPING)).await.is_some() {
                if let Err(error) = directory.maintain().await {
                    tracing::warn!(%error, "the directory's upkeep failed; it is tried again in an hour");
                }
            }
        }
    }
}

async fn open_directory(ground: &Ground) -> anyhow::Result<Arc<Directory>> {
    let config = &ground.config;
    let mut wanted = DirectoryConfig::new(&ground.endpoint);
    wanted.audiences.extend(config.token_audiences.iter().cloned());
    wanted.fetch = Arc::new(directory::HttpFetch::new()?);
    wanted.external_issuers = config
        .external_issuers
        .iter()
        .map(|issuer| ExternalIssuer {
            discovery: issuer.issuer.clone(),
            audiences: issuer.audiences.clone(),
            tenants: issuer.tenants.clone(),
        })
        .collect();
    match directory::open(Arc::clone(&ground.store), wanted).await {
        Ok(directory) => Ok(directory),
        Err(DirectoryError::Issuer(error)) => Err(ConfigError::key("external-issuers", error).into()),
        Err(error) => Err(error).context("the directory cannot be opened"),
    }
}

fn management_instance(
    ground: &Ground,
    gateway: GatewayAddresses,
    directory: &Directory,
) -> anyhow::Result<evergate_management::Instance> {
    let tenant = directory.tenants().first().map(|tenant| tenant.id.to_string());
    let url = gateway.service_url(&ground.config);
    Ok(evergate_management::Instance {
        endpoint: ground.endpoint.clone(),
        location: ground.instance.region.clone(),
        subscription: SubscriptionId::new(&ground.instance.subscription_id)?,
        tenant: tenant.context("the directory has no tenant")?,
        gateway_url: Arc::new(move |service: &ServiceName| {
            url.replace("{service}", &service.as_str().to_ascii_lowercase())
        }),
        clock: Arc::new(Timestamp::now),
        key: Arc::new(evergate_management::random_key),
        fetch: Arc::new(evergate_management::fetch::HttpFetch::new(PRODUCER)?),
    })
}
