//! Idle connections of one worker thread.
//!
//! The pool is thread-local because a worker is a thread: its connections, their drivers and the
//! requests that use them never leave it, so no lock is needed.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use hyper::client::conn::http1::SendRequest;
use tokio::task::AbortHandle;

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

/// A connection to an origin. Dropping it closes it, whatever its driver is doing.
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<RequestBody>,
    driver: AbortHandle,
    /// Limits the wait for each response.
    pub(crate) deadline: Deadline,
    /// When it was last used, and at which sweep.
    idle_since: (Instant, u64),
}

impl Connection {
    pub(crate) fn new(sender: SendRequest<RequestBody>, driver: AbortHandle) -> Self {
        Self { sender, driver, deadline: Deadline::default(), idle_since: (Instant::now(), 0) }
    }
}

impl Connection {
    /// How long it has been idle.
    pub(crate) fn idle(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.idle_since.0)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// The connection that was used last, if any is open.
pub(crate) fn take(origin: u64) -> Option<Connection> {
    POOL.with_borrow_mut(|pool| {
        let idle = pool.idle.get_mut(&origin)?;
        std::iter::from_fn(|| idle.pop()).find(|connection| !connection.sender.is_closed())
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
            idle.retain(|connection| {
                sweeps - connection.idle_since.1 < MAX_AGE && !connection.sender.is_closed()
            });
            !idle.is_empty()
        });
    });
}

/// A connection while a response is read from it.
pub(crate) struct Lease {
    origin: u64,
    connection: Connection,
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
        put(1, Connection::new(sender, tokio::spawn(driver).abort_handle()));
        let idle = || POOL.with_borrow(|pool| pool.idle.get(&1).map_or(0, Vec::len));
        for _ in 1..MAX_AGE {
            sweep();
            assert_eq!(idle(), 1);
        }
        sweep();
        assert_eq!(idle(), 0);
    }
}
