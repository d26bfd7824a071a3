//! A server whose store cannot be opened: traffic goes on from the last good snapshot, and everything
//! else says what is wrong.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use evergate_management::error::ApiError;
use evergate_store::InstanceKey;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::data_directory::DataDirectory;
use super::data_plane::DataPlane;
use super::endpoints::Listeners;
use super::listener::Server;
use super::tls::Tls;
use crate::config::Config;

/// Serves without a store until `stop`; ends with `error` at once when there is nothing to serve.
pub(crate) async fn run(
    config: &Config,
    data: &DataDirectory,
    listeners: Listeners,
    tls: &Tls,
    error: anyhow::Error,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let key_file = data.join("instance.key");
    if !key_file.exists() {
        return Err(error);
    }
    let key = InstanceKey::load_or_create(&key_file)?;
    let mut registry = Registry::default();
    let alone = DataPlane::start_alone(config, data, key, tls, &mut registry, stop.clone()).await?;
    let Some(data_plane) = alone else { return Err(error) };
    tracing::error!(
        reason = format!("{error:#}"),
        "the store cannot be opened: the gateway serves the last good snapshot, and nothing can be managed"
    );
    super::say(&format!(
        "The store cannot be opened; the log says why. Nothing can be managed, but what was published is served.\n  \
         gateway     {}\n",
        data_plane.addresses().endpoint().unwrap_or_default()
    ));
    let grace = Duration::from_secs(config.shutdown_grace);
    let router = router();
    let tasks = TaskTracker::new();
    for listener in [Some(listeners.management), listeners.management_ipv6].into_iter().flatten() {
        let server = Server { listener, tls: Some(tls.server_config()?), router: router.clone(), grace };
        tasks.spawn(server.run(stop.clone()));
    }
    if let Some(listener) = listeners.metrics {
        let router = super::health::metrics_router(registry.into()).merge(router);
        tasks.spawn(Server { listener, tls: None, router, grace }.run(stop.clone()));
    }
    tasks.close();
    tasks.wait().await;
    data_plane.stopped().await;
    Err(error)
}

/// Alive, not ready; the reason is for the operator's eyes, in the log.
fn router() -> Router {
    let unavailable = ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "ServiceUnavailable",
        "The configuration store cannot be opened, so nothing can be managed now. The server's log says why.",
    );
    let ready = async || (StatusCode::SERVICE_UNAVAILABLE, "the store cannot be opened\n");
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .fallback(async move || unavailable)
}
