//! `/healthz`, `/readyz` and `/metrics`.
//!
//! Health is served by the management listener and by the metrics listener; metrics only by the latter,
//! because they name services and need no sign-in.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use evergate_store::SharedStore;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

/// What readiness depends on.
#[derive(Clone)]
pub(crate) struct Health {
    pub store: SharedStore,
    /// Cancelled at shutdown: a balancer then looks elsewhere.
    pub stop: CancellationToken,
}

impl Health {
    /// `/healthz` answers while the process does; `/readyz` while it can do work.
    pub(crate) fn router(self) -> Router {
        Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(ready)).with_state(self)
    }
}

async fn ready(State(health): State<Health>) -> Response {
    if health.stop.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n").into_response();
    }
    match health.store.ping().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => {
            tracing::warn!(%error, "not ready: the store does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n").into_response()
        }
    }
}

/// `/metrics` in the text format of `OpenMetrics`.
pub(crate) fn metrics_router(registry: Arc<Registry>) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(registry)
}

async fn metrics(State(registry): State<Arc<Registry>>) -> Response {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
