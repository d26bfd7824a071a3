//! What the gateway counts. The hot path adds to atomics that the table points to; names are
//! resolved when a snapshot is compiled, and the lock is taken by the compiler and by scrapes only.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Registry;

/// Upper bounds of the latency buckets, in microseconds.
const BUCKETS: [u64; 13] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    10_000_000,
];

type NoExemplarLabels = [(String, String); 0];

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Every counter of a gateway.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    services: Mutex<BTreeMap<String, Arc<ServiceMetrics>>>,
    apis: Mutex<BTreeMap<(String, String), Arc<ApiMetrics>>>,
    /// Requests that no service answers.
    unrouted: ApiMetrics,
    swaps: AtomicU64,
}

/// The counters of a service.
#[derive(Debug, Default)]
pub(crate) struct ServiceMetrics {
    latency: Histogram,
    /// Requests of the service that match no API.
    unrouted: ApiMetrics,
}

/// The counters of an API: requests by class of status.
#[derive(Debug, Default)]
pub(crate) struct ApiMetrics([AtomicU64; 5]);

#[derive(Debug, Default)]
struct Histogram {
    buckets: [AtomicU64; BUCKETS.len() + 1],
    microseconds: AtomicU64,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Arc<Self> {
        let metrics = Arc::new(Self::default());
        registry.register_collector(Box::new(Arc::clone(&metrics)));
        metrics
    }

    pub(crate) fn service(&self, service: &str) -> Arc<ServiceMetrics> {
        Arc::clone(lock(&self.services).entry(service.to_owned()).or_default())
    }

    pub(crate) fn api(&self, service: &str, api: &str) -> Arc<ApiMetrics> {
        Arc::clone(lock(&self.apis).entry((service.to_owned(), api.to_owned())).or_default())
    }

    pub(crate) fn unrouted(&self, status: StatusCode) {
        self.unrouted.count(status);
    }

    pub(crate) fn swapped(&self) {
        self.swaps.fetch_add(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ServiceMetrics {
    pub(crate) fn upstream(&self, took: Duration) {
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS.partition_point(|bound| *bound < microseconds);
        self.latency.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.latency.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    pub(crate) fn unrouted(&self, status: StatusCode) {
        self.unrouted.count(status);
    }
}

impl ApiMetrics {
    pub(crate) fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.0[class].fetch_add(1, Ordering::Relaxed);
    }

    fn encode(&self, family: &mut MetricEncoder<'_>, service: &str, api: &str) -> fmt::Result {
        for (class, count) in CLASSES.iter().zip(&self.0) {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                let labels = [("service", service), ("api", api), ("status", *class)];
                ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.encode_requests(&mut encoder)?;
        let mut family = encoder.encode_descriptor(
            "evergate_gateway_upstream_seconds",
            "Time from forwarding a request to the head of its response",
            None,
            MetricType::Histogram,
        )?;
        for (service, metrics) in lock(&self.services).iter() {
            let labels = [("service", service.as_str())];
            let mut buckets = [(f64::INFINITY, 0); BUCKETS.len() + 1];
            for (index, (bucket, count)) in buckets.iter_mut().zip(&metrics.latency.buckets).enumerate() {
                if let Some(bound) = BUCKETS.get(index) {
                    bucket.0 = Duration::from_micros(*bound).as_secs_f64();
                }
                bucket.1 = count.load(Ordering::Relaxed);
            }
            let count = buckets.iter().map(|(_, count)| count).sum();
            let sum =
                Duration::from_micros(metrics.latency.microseconds.load(Ordering::Relaxed)).as_secs_f64();
            family
                .encode_family(&labels)?
                .encode_histogram::<NoExemplarLabels>(sum, count, &buckets, None)?;
        }
        let swaps = ConstCounter::new(self.swaps.load(Ordering::Relaxed));
        let family = encoder.encode_descriptor(
            "evergate_gateway_snapshots",
            "Snapshots taken into use",
            None,
            MetricType::Counter,
        )?;
        swaps.encode(family)
    }
}

impl Metrics {
    fn encode_requests(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "evergate_gateway_requests",
            "Requests answered, by service, API and class of status",
            None,
            MetricType::Counter,
        )?;
        self.unrouted.encode(&mut family, "", "")?;
        for (service, metrics) in lock(&self.services).iter() {
            metrics.unrouted.encode(&mut family, service, "")?;
        }
        for ((service, api), metrics) in lock(&self.apis).iter() {
            metrics.encode(&mut family, service, api)?;
        }
        Ok(())
    }
}
