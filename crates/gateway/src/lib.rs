//! Proxies requests against the current snapshot.
//!
//! One thread per worker, each with its own listener (`SO_REUSEPORT`), runtime and pool of upstream
//! connections. A snapshot is compiled once, on a thread of its own, and handed to every worker; a
//! request keeps the table it began with, so a swap disturbs none.

mod access;
mod answer;
mod body;
mod deadline;
mod hash;
mod headers;
mod limits;
mod listen;
mod metrics;
mod serve;
mod table;
mod target;
mod upstream;
mod worker;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use evergate_model::snapshot::Snapshot;
use prometheus_client::registry::Registry;
use rustls::pki_types::CertificateDer;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

pub use upstream::tls::TlsError;

use limits::Counters;
use metrics::Metrics;
use table::TableCompiler;
use upstream::Origins;
use upstream::tls::Clients;
use worker::Shared;

/// How a gateway listens and forwards.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// Where to listen for HTTP; port 0 takes a free one.
    pub http: Option<SocketAddr>,
    /// Where to listen for HTTPS, and with which certificates. ALPN `h2` is served when offered.
    pub https: Option<(SocketAddr, Arc<rustls::ServerConfig>)>,
    /// A service answers at `{name}.{host_suffix}`.
    pub host_suffix: String,
    /// Worker threads.
    pub workers: usize,
    /// Authorities to trust for https upstreams, beside the platform's.
    pub upstream_authorities: Vec<CertificateDer<'static>>,
    /// How long to wait for a connection to an upstream.
    pub connect_timeout: Duration,
    /// How long requests may take to finish after the shutdown began.
    pub drain: Duration,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            http: None,
            https: None,
            host_suffix: "gateway.localhost".to_owned(),
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            upstream_authorities: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            drain: Duration::from_secs(30),
        }
    }
}

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A thread or runtime could not be made.
    #[error("cannot start a worker: {0}")]
    Worker(#[from] std::io::Error),
    /// TLS towards upstreams cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// The data plane.
#[derive(Debug)]
pub struct Gateway;

/// A gateway that serves.
#[derive(Debug)]
pub struct Running {
    /// Where it listens for HTTP.
    pub http_addr: Option<SocketAddr>,
    /// Where it listens for HTTPS.
    pub https_addr: Option<SocketAddr>,
    threads: mpsc::Receiver<()>,
}

impl Gateway {
    /// Starts serving the newest snapshot, until `shutdown` is cancelled; then no connection is taken
    /// any more, and requests under way have [`GatewayConfig::drain`] to finish.
    pub fn start(
        config: GatewayConfig,
        snapshots: watch::Receiver<Arc<Snapshot>>,
        registry: &mut Registry,
        shutdown: CancellationToken,
    ) -> Result<Running, StartError> {
        let metrics = Metrics::register(registry);
        let origins = Origins::new(Clients::new(&config.upstream_authorities)?);
        let mut compiler = TableCompiler::new(&config.host_suffix, origins, Arc::clone(&metrics));
        let mut snapshots = snapshots;
        let first = Arc::clone(&snapshots.borrow_and_update());
        let (tables, table) = watch::channel(Arc::new(compiler.compile(&first)));
        drop(first);
        metrics.swapped();

        let shared = Arc::new(Shared {
            counters: Arc::new(Counters::new()),
            metrics: Arc::clone(&metrics),
            connect_timeout: config.connect_timeout,
        });
        let listeners = listen::bind(&config)?;
        let tls = config.https.map(|(_, tls)| tls);
        let (alive, threads) = mpsc::channel(1);
        let running = Running { http_addr: listeners.http_addr, https_addr: listeners.https_addr, threads };
        for (index, sockets) in listeners.workers.into_iter().enumerate() {
            let worker = worker::Worker {
                sockets,
                tls: tls.clone(),
                table: table.clone(),
                shared: Arc::clone(&shared),
                shutdown: shutdown.clone(),
                drain: config.drain,
                alive: alive.clone(),
            };
            worker.spawn(index)?;
        }
        std::thread::Builder::new().name("gateway-compiler".to_owned()).spawn(move || {
            compile_all(compiler, &mut snapshots, &tables, &metrics, &shutdown);
        })?;
        Ok(running)
    }
}

impl Running {
    /// Waits until every worker has ended.
    pub async fn stopped(mut self) {
        while self.threads.recv().await.is_some() {}
    }
}

/// Compiles every snapshot that comes, until nobody sends any more or the gateway stops.
fn compile_all(
    mut compiler: TableCompiler,
    snapshots: &mut watch::Receiver<Arc<Snapshot>>,
    tables: &watch::Sender<Arc<table::Table>>,
    metrics: &Metrics,
    shutdown: &CancellationToken,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "snapshots cannot be followed; the gateway serves the one it has");
            return;
        }
    };
    let next = async |snapshots: &mut watch::Receiver<Arc<Snapshot>>| {
        tokio::select! {
            changed = snapshots.changed() => changed.is_ok(),
            () = shutdown.cancelled() => false,
        }
    };
    while runtime.block_on(next(snapshots)) {
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        tables.send_replace(Arc::new(compiler.compile(&snapshot)));
        metrics.swapped();
    }
}
