//! Tells the outside how operations go, for metrics.

use std::time::Duration;

use evergate_store::Verb;

/// Is told of every operation that this process runs.
pub trait Observer: Send + Sync {
    /// An operation begins, or is taken over.
    fn started(&self, verb: Verb);
    /// An operation ended, or was left to another process.
    fn finished(&self, finished: &Finished);
}

/// How an operation went.
#[derive(Debug, Clone)]
pub struct Finished {
    /// What it did.
    pub verb: Verb,
    /// Whether it did it.
    pub succeeded: bool,
    /// How long this process worked on it.
    pub duration: Duration,
    /// The size of the backup, as far as it was written or read.
    pub bytes: u64,
    /// The resources written or loaded.
    pub resources: u64,
}

/// Watches nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn started(&self, _verb: Verb) {}
    fn finished(&self, _finished: &Finished) {}
}
