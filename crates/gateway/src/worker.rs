//! A worker: one thread with its own listeners, runtime and connections.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;

use crate::deadline::LazyTimer;
use crate::headers::Caller;
use crate::limits::{self, Counters};
use crate::listen::Sockets;
use crate::metrics::Metrics;
use crate::serve::serve;
use crate::table::Table;
use crate::upstream::pool;

/// What a client has to send the head of a request, and may be silent between two.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// After an accept failed (too many open files), before the next try.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the workers of a gateway share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) counters: Arc<Counters>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) connect_timeout: Duration,
}

/// A worker to start.
pub(crate) struct Worker {
    pub(crate) sockets: Sockets,
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    pub(crate) table: watch::Receiver<Arc<Table>>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) drain: Duration,
    /// Dropped when the worker has ended.
    pub(crate) alive: mpsc::Sender<()>,
}

/// The table as one worker holds it: in an `Arc` of its own, so that requests on different cores do
/// not count references in the same cache line.
#[derive(Debug, Default)]
struct Held(Arc<Table>);

// Thread-local because a worker is a thread.
thread_local! {
    static TABLE: RefCell<Arc<Held>> = RefCell::default();
}

/// The table of this worker at this moment.
fn table() -> Arc<Held> {
    TABLE.with_borrow(Arc::clone)
}

fn set_table(receiver: &mut watch::Receiver<Arc<Table>>) {
    let table = Arc::clone(&receiver.borrow_and_update());
    TABLE.set(Arc::new(Held(table)));
}

impl Worker {
    pub(crate) fn spawn(self, index: usize) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name(format!("gateway-{index}")).spawn(move || {
            let alive = self.alive.clone();
            if let Err(error) = runtime.block_on(self.run()) {
                tracing::error!(%error, "a gateway worker ended");
            }
            runtime.shutdown_timeout(Duration::ZERO);
            drop(alive);
        })?;
        Ok(())
    }

    async fn run(mut self) -> io::Result<()> {
        set_table(&mut self.table);
        let http = self.sockets.http.take().map(TcpListener::from_std).transpose()?;
        let https = self.sockets.https.take().map(TcpListener::from_std).transpose()?;
        let draining = Arc::new(AtomicBool::new(false));
        let stop = CancellationToken::new();
        let connections = TaskTracker::new();
        let serving = Serving {
            shared: Arc::clone(&self.shared),
            draining: Arc::clone(&draining),
            stop: stop.clone(),
            connections: connections.clone(),
        };
        let acceptor = self.tls.take().map(TlsAcceptor::from);
        {
            let mut plain = pin!(accept(http, |stream, from| serving.plain(stream, from)));
            let mut secure = pin!(accept(https, |stream, from| {
                if let Some(acceptor) = &acceptor {
                    serving.secure(acceptor.clone(), stream, from);
                }
            }));
            let mut sweep = tokio::time::interval(pool::SWEEP);
            let mut following = true;
            loop {
                tokio::select! {
                    () = &mut plain => {}
                    () = &mut secure => {}
                    changed = self.table.changed(), if following => match changed {
                        Ok(()) => set_table(&mut self.table),
                        Err(_) => following = false,
                    },
                    _ = sweep.tick() => {
                        pool::sweep();
                        limits::forget_cached();
                        self.shared.counters.sweep(Instant::now());
                    }
                    () = self.shutdown.cancelled() => break,
                }
            }
        }
        draining.store(true, Ordering::Release);
        stop.cancel();
        connections.close();
        if tokio::time::timeout(self.drain, connections.wait()).await.is_err() {
            tracing::warn!(open = connections.len(), "connections were cut at the end of the drain time");
        }
        Ok(())
    }
}

/// Takes connections for ever; without a listener, none.
async fn accept(listener: Option<TcpListener>, take: impl Fn(TcpStream, SocketAddr)) {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection was gone before it was served");
                    continue;
                }
                take(stream, from);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves connections on this worker.
struct Serving {
    shared: Arc<Shared>,
    draining: Arc<AtomicBool>,
    stop: CancellationToken,
    connections: TaskTracker,
}

impl Serving {
    fn plain(&self, stream: TcpStream, from: SocketAddr) {
        let caller = Caller::new(from.ip().to_canonical(), false);
        let connection = Draining::new(self, http1(TokioIo::new(stream), Arc::clone(&self.shared), caller));
        self.connections.spawn(connection);
    }

    fn secure(&self, acceptor: TlsAcceptor, stream: TcpStream, from: SocketAddr) {
        let caller = Caller::new(from.ip().to_canonical(), true);
        let shared = Arc::clone(&self.shared);
        let (ending, stop) = (Arc::clone(&self.draining), self.stop.clone());
        self.connections.spawn(async move {
            let stream = match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return tracing::debug!(%error, "a TLS handshake failed"),
                Err(_) => return tracing::debug!("a TLS handshake took too long"),
            };
            let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let stop = Box::pin(stop.cancelled_owned());
            if h2 {
                let connection = http2(TokioIo::new(stream), shared, caller);
                Draining { connection: Box::pin(connection), ending, stop, state: State::New }.await;
            } else {
                let connection = http1(TokioIo::new(stream), shared, caller);
                Draining { connection: Box::pin(connection), ending, stop, state: State::New }.await;
            }
        });
    }
}

type Io<S> = TokioIo<S>;

fn http1<S>(io: Io<S>, shared: Arc<Shared>, caller: Caller) -> impl GracefulConnection
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    http1::Builder::new().timer(LazyTimer::default()).header_read_timeout(HEAD_TIMEOUT).serve_connection(
        io,
        service_fn(move |request| {
            let served = serve(&shared, &table().0, &caller, request);
            async move { Ok::<_, Infallible>(served.response().await) }
        }),
    )
}

fn http2<S>(io: Io<S>, shared: Arc<Shared>, caller: Caller) -> impl GracefulConnection
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(HEAD_TIMEOUT)
        .serve_connection(
            io,
            service_fn(move |request| {
                let served = serve(&shared, &table().0, &caller, request);
                async move { Ok::<_, Infallible>(served.response().await) }
            }),
        )
}

/// A connection that can be asked to end after the request it is at.
trait GracefulConnection: Future<Output = hyper::Result<()>> + Send + 'static {
    fn end(self: Pin<&mut Self>);
}

impl<I, S, B> GracefulConnection for http1::Connection<I, S>
where
    Self: Future<Output = hyper::Result<()>> + Send + 'static,
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    B: hyper::body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn end(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S, B, E> GracefulConnection for http2::Connection<I, S, E>
where
    Self: Future<Output = hyper::Result<()>> + Send + 'static,
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    B: hyper::body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    E: hyper::rt::bounds::Http2ServerConnExec<S::Future, B>,
{
    fn end(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Drives a connection. The shutdown signal is waited for once and wakes the task; polling it with
/// every read and write would take its lock each time.
struct Draining<C> {
    connection: Pin<Box<C>>,
    ending: Arc<AtomicBool>,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    New,
    Waiting,
    Ending,
}

impl<C: GracefulConnection> Draining<C> {
    fn new(serving: &Serving, connection: C) -> Self {
        Self {
            connection: Box::pin(connection),
            ending: Arc::clone(&serving.draining),
            stop: Box::pin(serving.stop.clone().cancelled_owned()),
            state: State::New,
        }
    }
}

impl<C: GracefulConnection> Future for Draining<C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.state == State::New {
            let _ = self.stop.as_mut().poll(cx);
            self.state = State::Waiting;
        }
        if self.state == State::Waiting && self.ending.load(Ordering::Acquire) {
            self.state = State::Ending;
            self.connection.as_mut().end();
        }
        self.connection.as_mut().poll(cx).map(|ended| {
            if let Err(error) = ended {
                tracing::debug!(%error, "a client connection ended");
            }
        })
    }
}
