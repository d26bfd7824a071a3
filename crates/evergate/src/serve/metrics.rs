//! The metrics that no other part keeps: what runs here, and how backups and restores go.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use evergate_recovery::{Finished, Observer};
use evergate_store::Verb;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// From a small service on a local disk to the original's half hours.
const SECONDS: [f64; 10] = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    operation: &'static str,
    outcome: &'static str,
}

/// Counts operations; shared with the registry.
#[derive(Clone)]
pub(crate) struct RecoveryMetrics {
    running: Family<OperationLabels, Gauge>,
    finished: Family<OutcomeLabels, Counter>,
    duration: Family<OperationLabels, Histogram>,
    bytes: Family<OperationLabels, Counter>,
    resources: Family<OperationLabels, Counter>,
    last_success: Family<OperationLabels, Gauge>,
}

impl RecoveryMetrics {
    /// Registers the metrics of operations and of the build.
    pub(crate) fn register(registry: &mut Registry, region: &str) -> Self {
        let labels = vec![("version", env!("CARGO_PKG_VERSION").to_owned()), ("region", region.to_owned())];
        registry.register("evergate_build", "What runs here", Info::new(labels));
        let metrics = Self {
            running: Family::default(),
            finished: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            bytes: Family::default(),
            resources: Family::default(),
            last_success: Family::default(),
        };
        let registry = registry.sub_registry_with_prefix("evergate_operations");
        registry.register("running", "Operations that run now", metrics.running.clone());
        registry.register("finished", "Operations that ended here", metrics.finished.clone());
        registry.register_with_unit(
            "duration",
            "How long operations took",
            Unit::Seconds,
            metrics.duration.clone(),
        );
        registry.register("archive_bytes", "Archive bytes written or read", metrics.bytes.clone());
        registry.register("resources", "Resources written or loaded", metrics.resources.clone());
        registry.register(
            "last_success_timestamp_seconds",
            "When the newest operation succeeded, in seconds since 1970",
            metrics.last_success.clone(),
        );
        metrics
    }
}

impl Observer for RecoveryMetrics {
    fn started(&self, verb: Verb) {
        self.running.get_or_create(&OperationLabels { operation: verb.as_str() }).inc();
    }

    fn finished(&self, finished: &Finished) {
        let labels = OperationLabels { operation: finished.verb.as_str() };
        self.running.get_or_create(&labels).dec();
        self.duration.get_or_create(&labels).observe(finished.duration.as_secs_f64());
        self.bytes.get_or_create(&labels).inc_by(finished.bytes);
        self.resources.get_or_create(&labels).inc_by(finished.resources);
        let outcome = if finished.succeeded { "succeeded" } else { "failed" };
        if finished.succeeded {
            self.last_success.get_or_create(&labels).set(jiff::Timestamp::now().as_second());
        }
        self.finished.get_or_create(&OutcomeLabels { operation: labels.operation, outcome }).inc();
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    status: u16,
}

type Requests = Family<RequestLabels, Counter>;

/// Counts the requests of the management listener by method and status.
pub(crate) fn count_requests(router: Router, registry: &mut Registry) -> Router {
    let requests = Requests::default();
    registry.register(
        "evergate_management_requests",
        "Requests answered by the management listener",
        requests.clone(),
    );
    router.layer(from_fn_with_state(requests, count))
}

async fn count(State(requests): State<Requests>, request: Request, next: Next) -> Response {
    // Any token is a method to HTTP; those nobody uses share one label.
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let method = known.into_iter().find(|known| request.method() == *known).unwrap_or("other");
    let response = next.run(request).await;
    requests.get_or_create(&RequestLabels { method, status: response.status().as_u16() }).inc();
    response
}
