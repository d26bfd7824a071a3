//! Idle connections of one worker thread.
//!
//! A connection is driven by the request that uses it, in that request's task: what arrives is handled
//! while it is warm, and there is nobody to wake in between. (Measured beside a task for each connection: the
//! same at 64 clients, a tenth less CPU at 256.) An idle one is looked at when it is taken and by the sweep.
//!
//! The pool is thread-local because a worker is a thread: its connections, their drivers and the
//! requests that use them never leave it, so no lock is needed.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use hyper::client::conn::http1::SendRequest;

use crate::body::{RequestBody, Sending};
use crate::deadline::Deadline;
use crate::hash::ConfigMap;

/// Idle connections kept for one origin by one worker.
const MAX_IDLE: usize = 256;
/// Sweeps that an idle connection survives.
const MAX_AGE: u64 = 6;
/// The time between two sweeps.
pub(crate) const SWEEP: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Pool {
    idle: ConfigMap<u64, Vec<Connection>>,
    sweeps: u64,
}

thread_local! {
    static POOL: RefCell<Pool> = RefCell::default();
}

/// Moves bytes; ends with the connection.
type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// A connection to an origin. Dropping it closes it, whatever is under way.
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<RequestBody>,
    driver: Option<Driver>,
    /// Limits the wait for each response.
    pub(crate) deadline: Deadline,
    /// When it was last used, and at which sweep.
    idle_since: (Instant, u64),
}

impl Connection {
    pub(crate) fn new(sender: SendRequest<RequestBody>, driver: Driver) -> Self {
        Self { sender, driver: Some(driver), deadline: Deadline::default(), idle_since: (Instant::now(), 0) }
    }

    /// Moves bytes as far as they go, and wakes the task when there is more to move.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(driver) = &mut self.driver
            && let Poll::Ready(ended) = driver.as_mut().poll(cx)
        {
            self.driver = None;
            if let Err(error) = ended {
                tracing::debug!(%error, "an upstream connection ended");
            }
        }
    }

    /// Whether it is open and its last exchange is over. That may not have been noticed yet: nobody
    /// drives an idle connection.
    pub(crate) fn takes_request(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.driver.is_some() && self.sender.is_ready()
    }

    /// How long it has been idle.
    pub(crate) fn idle(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.idle_since.0)
    }
}

/// The connection that was used last of those that take a request at once. Others were closed, or
/// still write the end of a request that their upstream answered and does not read.
pub(crate) fn take(origin: u64) -> Option<Connection> {
    POOL.with_borrow_mut(|pool| {
        let idle = pool.idle.get_mut(&origin)?;
        std::iter::from_fn(|| idle.pop())
            .find_map(|mut connection| connection.takes_request().then_some(connection))
    })
}

fn put(origin: u64, mut connection: Connection) {
    // A thread that is ending has no pool any more: then the connection just closes.
    let _ = POOL.try_with(|pool| {
        let Ok(mut pool) = pool.try_borrow_mut() else { return };
        connection.idle_since = (Instant::now(), pool.sweeps);
        let idle = pool.idle.entry(origin).or_default();
        if idle.len() < MAX_IDLE {
            idle.push(connection);
        }
    });
}

/// Closes connections that have been idle for long.
pub(crate) fn sweep() {
    POOL.with_borrow_mut(|pool| {
        pool.sweeps += 1;
        let sweeps = pool.sweeps;
        pool.idle.retain(|_, idle| {
            idle.retain_mut(|connection| {
                sweeps - connection.idle_since.1 < MAX_AGE && connection.takes_request()
            });
            !idle.is_empty()
        });
    });
}

/// A connection while a response is read from it.
pub(crate) struct Lease {
    origin: u64,
    pub(crate) connection: Connection,
    request: Sending,
}

impl Lease {
    pub(crate) fn new(origin: u64, connection: Connection, request: Sending) -> Self {
        Self { origin, connection, request }
    }

    /// The response was read to its end. When it ended before its request was sent, the rest of the
    /// request is still on its way: such a connection is not used again.
    pub(crate) fn finish(self) {
        if self.request.is_complete() && !self.connection.sender.is_closed() {
            put(self.origin, self.connection);
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::client::conn::http1::handshake;
    use hyper_util::rt::TokioIo;

    use super::*;

    #[tokio::test]
    async fn an_idle_connection_survives_its_sweeps_from_the_first_one_on() {
        let (near, _far) = tokio::io::duplex(64);
        let (sender, driver) = handshake(TokioIo::new(near)).await.unwrap();
        put(1, Connection::new(sender, Box::pin(driver)));
        let idle = || POOL.with_borrow(|pool| pool.idle.get(&1).map_or(0, Vec::len));
        for _ in 1..MAX_AGE {
            sweep();
            assert_eq!(idle(), 1);
        }
        sweep();
        assert_eq!(idle(), 0);
    }
}
