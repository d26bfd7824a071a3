//! Wires the gateway to the publisher: traffic needs the snapshot, not the control plane.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use evergate_gateway::{Gateway, GatewayConfig, Running};
use evergate_store::InstanceKey;
use prometheus_client::registry::Registry;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Ground;
use super::data_directory::DataDirectory;
use super::endpoints::GatewayAddresses;
use super::tls::Tls;
use crate::config::{Config, ConfigError};
use crate::publisher::Publisher;

/// The gateway and what feeds it.
pub(crate) struct DataPlane {
    gateway: Running,
    /// None while there is no store to follow.
    publisher: Option<Publisher>,
}

impl DataPlane {
    /// Serves the last good snapshot at once, and follows the store from then on.
    pub(crate) async fn start(ground: &Ground, tls: &Tls, registry: &mut Registry) -> anyhow::Result<Self> {
        let publisher = Publisher::start(
            Arc::clone(&ground.store),
            ground.key.clone(),
            last_good_file(&ground.data)?,
            ground.stop.clone(),
        )
        .await;
        let config = gateway_config(&ground.config, tls)?;
        let gateway = Gateway::start(config, publisher.subscribe(), registry, ground.stop.clone())
            .context("the gateway cannot start")?;
        Ok(Self { gateway, publisher: Some(publisher) })
    }

    /// Serves the last good snapshot and nothing newer; none when there is no such snapshot.
    pub(crate) async fn start_alone(
        config: &Config,
        data: &DataDirectory,
        key: InstanceKey,
        tls: &Tls,
        registry: &mut Registry,
        stop: CancellationToken,
    ) -> anyhow::Result<Option<Self>> {
        let snapshot = Publisher::last_good(key, last_good_file(data)?).await;
        if snapshot.services.is_empty() {
            return Ok(None);
        }
        let (_, snapshots) = watch::channel(Arc::new(snapshot));
        let gateway = Gateway::start(gateway_config(config, tls)?, snapshots, registry, stop)
            .context("the gateway cannot start")?;
        Ok(Some(Self { gateway, publisher: None }))
    }

    /// Where the gateway listens.
    pub(crate) fn addresses(&self) -> GatewayAddresses {
        GatewayAddresses { http: self.gateway.http_addr, https: self.gateway.https_addr }
    }

    /// Waits until requests under way have finished and the last snapshot is written.
    pub(crate) async fn stopped(self) {
        self.gateway.stopped().await;
        if let Some(publisher) = self.publisher {
            publisher.stopped().await;
        }
    }
}

fn last_good_file(data: &DataDirectory) -> anyhow::Result<PathBuf> {
    Ok(data.directory("snapshot")?.join("last-good"))
}

fn gateway_config(config: &Config, tls: &Tls) -> anyhow::Result<GatewayConfig> {
    let defaults = GatewayConfig::default();
    let https = match config.gateway_https().0 {
        Some(address) => Some((address, tls.server_config()?)),
        None => None,
    };
    Ok(GatewayConfig {
        http: config.gateway.0,
        https,
        host_suffix: config.host_suffix().to_owned(),
        workers: if config.gateway_workers == 0 { defaults.workers } else { config.gateway_workers },
        upstream_authorities: authorities(&config.upstream_authorities)?,
        drain: Duration::from_secs(config.shutdown_grace),
        ..defaults
    })
}

fn authorities(files: &[PathBuf]) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let mut authorities = Vec::new();
    for file in files {
        let refused = |reason: &dyn std::fmt::Display| {
            ConfigError::key("upstream-authorities", format!("{}: {reason}", file.display()))
        };
        let before = authorities.len();
        for certificate in CertificateDer::pem_file_iter(file).map_err(|error| refused(&error))? {
            authorities.push(certificate.map_err(|error| refused(&error))?);
        }
        if authorities.len() == before {
            return Err(refused(&"there is no certificate in it"));
        }
    }
    Ok(authorities)
}
