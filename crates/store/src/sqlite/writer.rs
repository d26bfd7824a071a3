//! The one thread that writes.
//!
//! Callers that wait at the same time share one transaction and so one flush to disk; each keeps its own
//! savepoint, so that one refused change does not undo another's. A caller hears of success only after
//! the commit. While nobody waits, the thread deletes what dropped generations left behind.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use super::failure::failure;
use super::{Context, generations};
use crate::StoreError;

/// How many waiting changes share one transaction at most.
const GROUP: usize = 64;

/// What a change is, as far as the writer must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Fills a generation that nobody reads yet: its durability may wait for the swap's.
    Loading,
    /// Must be on disk before the caller goes on.
    Private,
    /// As [`Effect::Private`], and watchers are woken.
    Configuration,
    /// As [`Effect::Configuration`], and leaves a generation to delete.
    Disposal,
}

/// Answers the caller, once it is known whether the transaction was committed.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Does the work, unless there is no transaction to do it in, and says whether to keep it.
type Work = Box<dyn FnOnce(Result<&Connection, StoreError>) -> (bool, Answer) + Send>;

struct Job {
    effect: Effect,
    work: Work,
}

/// The handle to the writing thread. Dropping it waits for what was accepted.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    context: Arc<Context>,
    wake: watch::Sender<u64>,
}

impl Writer {
    /// Starts the thread; it holds the directory's lock as long as it lives.
    pub(super) fn start(
        connection: Connection,
        context: Arc<Context>,
        lock: Arc<File>,
    ) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel();
        let wake = watch::Sender::new(0);
        let waker = wake.clone();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                let _lock = lock;
                Desk { connection, queue, waiting: VecDeque::new(), wake: waker, flushed: true }.serve();
            })
            .map_err(|error| StoreError::Database { message: error.to_string(), retry: true })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), context, wake })
    }

    /// Moves after every commit that watchers should see.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.wake.subscribe()
    }

    /// Runs `work` in a transaction and answers once that is committed; an error undoes the work.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        effect: Effect,
        work: impl FnOnce(&Connection, &Context) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let stopped = || StoreError::Database { message: "the store has stopped".to_owned(), retry: false };
        let (answer, answered) = oneshot::channel();
        let context = Arc::clone(&self.context);
        let work: Work = Box::new(move |connection| {
            let result = connection.and_then(|connection| work(connection, &context));
            let keep = result.is_ok();
            // A caller that went away does not need the answer.
            (keep, Box::new(move |committed| drop(answer.send(committed.and(result)))))
        });
        self.jobs.as_ref().ok_or_else(stopped)?.send(Job { effect, work }).map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer had panicked");
        }
    }
}

/// The thread's own side.
struct Desk {
    connection: Connection,
    queue: mpsc::Receiver<Job>,
    waiting: VecDeque<Job>,
    wake: watch::Sender<u64>,
    /// Whether commits wait for the disk now.
    flushed: bool,
}

impl Desk {
    fn serve(mut self) {
        let mut garbage = true;
        while self.gather(&mut garbage) {
            let group_disposes = self.waiting.iter().any(|job| job.effect == Effect::Disposal);
            self.transact();
            garbage |= group_disposes;
        }
    }

    /// Waits for work, collecting garbage meanwhile; false when no more can come.
    fn gather(&mut self, garbage: &mut bool) -> bool {
        while self.waiting.is_empty() && *garbage {
            match self.queue.try_recv() {
                Ok(job) => self.waiting.push_back(job),
                Err(mpsc::TryRecvError::Disconnected) => return false,
                Err(mpsc::TryRecvError::Empty) => {
                    *garbage = generations::collect(&mut self.connection).unwrap_or_else(|error| {
                        tracing::warn!(%error, "old generations could not be deleted; the next start tries again");
                        false
                    });
                }
            }
        }
        if self.waiting.is_empty() {
            match self.queue.recv() {
                Ok(job) => self.waiting.push_back(job),
                Err(mpsc::RecvError) => return false,
            }
        }
        while self.waiting.len() < GROUP
            && let Ok(job) = self.queue.try_recv()
        {
            self.waiting.push_back(job);
        }
        true
    }

    /// Runs what waits in one transaction and answers everybody.
    fn transact(&mut self) {
        let durable = self.waiting.iter().any(|job| job.effect != Effect::Loading);
        let mut answers = Vec::with_capacity(self.waiting.len());
        let mut wakes = false;
        if let Err(error) = self.begin(durable) {
            tracing::error!(%error, "the store cannot begin a transaction");
            for job in self.waiting.drain(..) {
                let (_, answer) = (job.work)(Err(failure(&error)));
                answer(Ok(()));
            }
            return;
        }
        let mut undone = None;
        let committed = (|| {
            while let Some(job) = self.waiting.pop_front() {
                self.connection.prepare_cached("SAVEPOINT job")?.execute(())?;
                let (keep, answer) = (job.work)(Ok(&self.connection));
                if self.connection.is_autocommit() {
                    // A full disk or a failed write made SQLite undo the whole transaction.
                    undone = Some((keep, answer));
                    return Ok(());
                }
                answers.push(answer);
                if !keep {
                    self.connection.prepare_cached("ROLLBACK TO job")?.execute(())?;
                }
                self.connection.prepare_cached("RELEASE job")?.execute(())?;
                wakes |= keep && matches!(job.effect, Effect::Configuration | Effect::Disposal);
            }
            self.connection.prepare_cached("COMMIT")?.execute(()).map(|_| ())
        })();
        if let Some((keep, answer)) = undone {
            tracing::error!("a failed write undid a transaction of the store");
            // The one whose write failed knows why; the others only that they are undone with it.
            answer(if keep { Err(swept_along()) } else { Ok(()) });
            for answer in answers {
                answer(Err(swept_along()));
            }
            return;
        }
        let failed = committed.err();
        if failed.is_some() && !self.connection.is_autocommit() {
            drop(self.connection.execute_batch("ROLLBACK"));
        }
        if failed.is_none() && wakes {
            self.wake.send_modify(|count| *count += 1);
        }
        if let Some(error) = &failed {
            tracing::error!(%error, "a transaction of the store failed");
        }
        for answer in answers {
            answer(failed.as_ref().map_or(Ok(()), |error| Err(failure(error))));
        }
    }

    fn begin(&mut self, durable: bool) -> rusqlite::Result<()> {
        if durable != self.flushed {
            self.connection.execute_batch(if durable {
                "PRAGMA synchronous = FULL"
            } else {
                "PRAGMA synchronous = NORMAL"
            })?;
            self.flushed = durable;
        }
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute(()).map(|_| ())
    }
}

fn swept_along() -> StoreError {
    let message = "the change was undone together with one that failed; make it again";
    StoreError::Database { message: message.to_owned(), retry: true }
}
