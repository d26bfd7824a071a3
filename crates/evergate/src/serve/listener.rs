//! Serves an axum router on a listener, with or without TLS: limits, timeouts, graceful end.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
const KEEP_ALIVE: Duration = Duration::from_mins(1);
const CONNECTIONS: usize = 2048;
const STREAMS_PER_CONNECTION: u32 = 128;
/// Out of file descriptors, most likely: they come back when connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A router on a listener.
pub(crate) struct Server {
    pub listener: TcpListener,
    /// None for plain HTTP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    pub router: Router,
    /// How long requests may take to finish after `stop`.
    pub grace: Duration,
}

impl Server {
    /// Serves until `stop`, then lets the requests under way finish.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let graceful = GracefulShutdown::new();
        let permits = Arc::new(Semaphore::new(CONNECTIONS));
        let acceptor = self.tls.map(TlsAcceptor::from);
        while let Some(Some((stream, permit))) =
            stop.run_until_cancelled(accept(&self.listener, &permits)).await
        {
            let (acceptor, watcher) = (acceptor.clone(), graceful.watcher());
            // Who guesses passwords is told by address.
            let router = match stream.peer_addr() {
                Ok(peer) => self.router.clone().layer(Extension(ConnectInfo(peer))),
                Err(_) => self.router.clone(),
            };
            let stopping = stop.clone();
            tokio::spawn(async move {
                match acceptor {
                    None => serve(stream, router, watcher).await,
                    Some(acceptor) => {
                        let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream));
                        match stopping.run_until_cancelled(handshake).await {
                            Some(Ok(Ok(stream))) => serve(stream, router, watcher).await,
                            Some(Ok(Err(error))) => tracing::debug!(%error, "a TLS handshake failed"),
                            Some(Err(_)) => tracing::debug!("a TLS handshake took too long"),
                            None => {}
                        }
                    }
                }
                drop(permit);
            });
        }
        drop(self.listener);
        if tokio::time::timeout(self.grace, graceful.shutdown()).await.is_err() {
            tracing::warn!("requests that did not finish in time were cut off");
        }
    }
}

/// The next connection, once there is room for it; none when the semaphore closes, which it never does.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small and interactive; a refusal only costs latency.
                let _ = stream.set_nodelay(true);
                return Some((stream, permit));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve<S>(stream: S, router: Router, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = TowerToHyperService::new(router);
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .max_concurrent_streams(STREAMS_PER_CONNECTION);
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests;
