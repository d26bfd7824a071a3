//! Runs operations: registers them, keeps their lease, reports progress, ends them, takes them over.

mod progress;

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use evergate_model::ServiceId;
use evergate_store::{
    Begin, GenerationState, NewOperation, Operation, OperationFailure, OperationId, OperationState,
    SharedStore, StoreError, Verb,
};
use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

pub(crate) use progress::Meter;

use crate::storage::StorageAccounts;
use crate::{BackupRequest, Checkpoints, Finished, Observer, RecoveryError, RecoveryKeys, backup, restore};

/// How long another process waits before it takes an operation over.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// How often progress is noted and the lease renewed.
const BEAT: Duration = Duration::from_secs(1);
/// How often the end of an operation is offered to a store that is busy.
const ENDINGS: u32 = 10;

/// Where the time comes from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What recovery works with.
pub struct RecoveryParts {
    /// The configuration, and the operations themselves.
    pub store: SharedStore,
    /// Where backups are.
    pub accounts: StorageAccounts,
    /// What seals and opens them.
    pub keys: RecoveryKeys,
    /// Names this process's work; the same name after a restart takes it up again at once.
    pub owner: String,
    /// The program and version that a backup names as its maker.
    pub producer: String,
    /// A private folder for the files that a restore reads from.
    pub spool: PathBuf,
    /// The time.
    pub clock: Clock,
    /// Points at which tests end the process.
    pub checkpoints: Arc<dyn Checkpoints>,
    /// Is told how operations go.
    pub observer: Arc<dyn Observer>,
}

/// Runs backups and restores, and undoes restores.
pub struct Recovery {
    pub(crate) parts: RecoveryParts,
    tasks: TaskTracker,
    stopping: CancellationToken,
    /// What this process works on: a claim that finds it again must not begin it twice.
    under_way: Mutex<HashSet<OperationId>>,
}

/// How the work on an operation ended.
enum Ending {
    Done(Result<String, OperationFailure>),
    /// Another process has it, or this one stops: whoever takes it over ends it.
    Left,
}

impl Recovery {
    /// Wires recovery up; nothing runs yet.
    pub fn new(parts: RecoveryParts) -> Arc<Self> {
        Arc::new(Self {
            parts,
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            under_way: Mutex::default(),
        })
    }

    /// Begins a backup or a restore and returns at once. The same request, while it runs, joins it.
    /// [`StoreError::Busy`] when something else runs on the service.
    ///
    /// A caller that goes away meanwhile, as a client's lost connection makes one, leaves either nothing
    /// behind or an operation that is worked on, never one that only stands in the store.
    pub async fn begin(
        self: &Arc<Self>,
        service: &ServiceId,
        verb: Verb,
        request: BackupRequest,
    ) -> Result<Operation, StoreError> {
        let (recovery, service) = (Arc::clone(self), service.clone());
        let registering = self.tasks.spawn(async move { recovery.register(&service, verb, request).await });
        let stopped = |error: JoinError| StoreError::Database { message: error.to_string(), retry: true };
        registering.await.map_err(stopped)?
    }

    async fn register(
        self: &Arc<Self>,
        service: &ServiceId,
        verb: Verb,
        request: BackupRequest,
    ) -> Result<Operation, StoreError> {
        let new = NewOperation {
            service: service.clone(),
            verb,
            digest: request.digest(verb),
            request: request.to_secret(),
            owner: self.parts.owner.clone(),
            lease: LEASE,
        };
        match self.parts.store.begin_operation(new).await? {
            Begin::Joined(operation) => Ok(operation),
            Begin::Started(operation) => {
                if self.reserve(operation.id) {
                    self.spawn(operation.clone(), Some(request), false);
                }
                Ok(operation)
            }
        }
    }

    /// Takes over what a former process left or what nobody works on any more, removes what it was
    /// loading, and returns how many operations go on. May be called at any time, and should be now and
    /// then: what this process works on is left alone.
    pub async fn resume(self: &Arc<Self>) -> Result<usize, StoreError> {
        let mut claimed = self.parts.store.claim_operations(&self.parts.owner, LEASE).await?;
        claimed.retain(|operation| self.reserve(operation.id));
        if let Err(error) = self.drop_abandoned_generations(&claimed).await {
            for operation in &claimed {
                self.release(operation.id);
            }
            return Err(error);
        }
        let count = claimed.len();
        for operation in claimed {
            tracing::info!(operation = %operation.id, verb = %operation.verb, service = %operation.service,
                "taking an interrupted operation over");
            let request = operation.request.as_ref().and_then(BackupRequest::from_secret);
            self.spawn(operation, request, true);
        }
        Ok(count)
    }

    /// Stops working and waits until every task has let go. What was running is taken over by
    /// [`Self::resume`] of the next process.
    pub async fn shutdown(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// A generation that is being loaded belongs to a running restore; any other was abandoned.
    async fn drop_abandoned_generations(&self, mine: &[Operation]) -> Result<(), StoreError> {
        let store = &self.parts.store;
        for service in store.services().await? {
            // The other way round, a restore that begins in between would lose what it loads.
            let mut loading = store.generations(&service.id).await?;
            loading.retain(|generation| generation.state == GenerationState::Loading);
            let running = store.running_operation(&service.id).await?;
            if running.is_some_and(|running| mine.iter().all(|operation| operation.id != running.id)) {
                continue;
            }
            for generation in loading {
                tracing::info!(service = %service.id, generation = %generation.id, "removing what an interrupted restore loaded");
                match store.drop_generation(generation.id).await {
                    // The restore itself was faster.
                    Ok(()) | Err(StoreError::NotFound(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Makes an operation this process's own work; false when it is already.
    fn reserve(&self, operation: OperationId) -> bool {
        self.under_way().insert(operation)
    }

    fn release(&self, operation: OperationId) {
        self.under_way().remove(&operation);
    }

    /// Works on an operation that was reserved.
    fn spawn(self: &Arc<Self>, operation: Operation, request: Option<BackupRequest>, resumed: bool) {
        let recovery = Arc::clone(self);
        let span = tracing::info_span!("operation", id = %operation.id, verb = %operation.verb, service = %operation.service.name);
        let task = async move {
            if !resumed || recovery.still_runs(operation.id).await {
                recovery.drive(&operation, request, resumed).await;
            }
            recovery.release(operation.id);
        };
        self.tasks.spawn(task.instrument(span));
    }

    /// False for an operation that this process ended between the claim and the reservation.
    async fn still_runs(&self, operation: OperationId) -> bool {
        match self.parts.store.operation(operation).await {
            Ok(found) => found.is_some_and(|found| found.state == OperationState::Running),
            Err(error) => {
                tracing::warn!(%operation, %error, "an operation cannot be looked at; it is taken over later");
                false
            }
        }
    }

    fn under_way(&self) -> MutexGuard<'_, HashSet<OperationId>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn drive(&self, operation: &Operation, request: Option<BackupRequest>, resumed: bool) {
        let started = tokio::time::Instant::now();
        let meter = Meter::default();
        self.parts.observer.started(operation.verb);
        let ending = tokio::select! {
            outcome = self.work(operation, request, resumed, &meter) => Ending::Done(outcome),
            () = self.keep(operation, &meter) => Ending::Left,
            () = self.stopping.cancelled() => Ending::Left,
        };
        let succeeded = matches!(ending, Ending::Done(Ok(_)));
        match ending {
            Ending::Done(outcome) => {
                self.note(operation, &meter).await;
                self.end(operation, outcome).await;
            }
            Ending::Left => {
                tracing::warn!(operation = %operation.id, "the operation is left to another process");
            }
        }
        self.parts.observer.finished(&Finished {
            verb: operation.verb,
            succeeded,
            duration: started.elapsed(),
            bytes: meter.bytes(),
            resources: meter.done(),
        });
    }

    /// Does the work; a failure becomes what the client will read, also when it is a fault of ours.
    async fn work(
        &self,
        operation: &Operation,
        request: Option<BackupRequest>,
        resumed: bool,
        meter: &Meter,
    ) -> Result<String, OperationFailure> {
        let work = async {
            let request = match (operation.verb, request) {
                (Verb::Update, _) => return Err(RecoveryError::Interrupted),
                (_, None) => return Err(RecoveryError::RequestUnreadable),
                (_, Some(request)) => request,
            };
            let job = Job { parts: &self.parts, operation, request: &request, resumed, meter };
            match operation.verb {
                Verb::Backup => backup::run(&job).await,
                _ => restore::run(&job).await,
            }
        };
        match AssertUnwindSafe(work).catch_unwind().await {
            Ok(outcome) => outcome.map_err(|error| error.failure(operation.verb)),
            Err(_) => Err(RecoveryError::Fault(operation.id).failure(operation.verb)),
        }
    }

    /// Notes progress and renews the lease; returns when the operation is no longer ours.
    async fn keep(&self, operation: &Operation, meter: &Meter) {
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        beat.tick().await;
        loop {
            beat.tick().await;
            if !self.note(operation, meter).await {
                return;
            }
        }
    }

    /// Writes the progress down; false when the operation is no longer ours.
    async fn note(&self, operation: &Operation, meter: &Meter) -> bool {
        let (store, owner) = (&self.parts.store, &self.parts.owner);
        match store.progress_operation(operation.id, owner, meter.progress(), LEASE).await {
            Ok(()) => true,
            Err(StoreError::NotFound(_)) => false,
            Err(error) => {
                tracing::warn!(%error, "progress could not be noted");
                true
            }
        }
    }

    async fn end(&self, operation: &Operation, outcome: Result<String, OperationFailure>) {
        match &outcome {
            Ok(_) => tracing::info!(operation = %operation.id, verb = %operation.verb, "operation succeeded"),
            Err(failure) => {
                tracing::warn!(operation = %operation.id, verb = %operation.verb, code = %failure.code,
                    message = %failure.message, "operation failed");
            }
        }
        if outcome.is_ok() {
            self.parts.checkpoints.reach(match operation.verb {
                Verb::Restore => "restore.ending",
                _ => "backup.ending",
            });
        }
        for attempt in 1..=ENDINGS {
            match self.parts.store.finish_operation(operation.id, outcome.clone()).await {
                Ok(()) => break,
                Err(error @ StoreError::Database { retry: true, .. }) if attempt < ENDINGS => {
                    tracing::warn!(operation = %operation.id, %error, "the end of the operation could not be noted; trying again");
                    tokio::time::sleep(BEAT).await;
                }
                Err(error) => {
                    tracing::error!(operation = %operation.id, %error, "the end of the operation could not be noted; it is taken up again");
                    return;
                }
            }
        }
        if operation.verb == Verb::Restore {
            restore::forget_report(&self.parts.store, operation.id).await;
        }
    }

    /// Waits until an operation of this store has ended and returns it; for callers in this process.
    pub async fn wait(&self, operation: &Operation) -> Result<Operation, StoreError> {
        let mut changed = tokio::time::interval(Duration::from_millis(20));
        loop {
            changed.tick().await;
            let current = self.parts.store.operation(operation.id).await?;
            let current =
                current.ok_or_else(|| StoreError::NotFound(format!("operation {}", operation.id)))?;
            if current.state != OperationState::Running {
                return Ok(current);
            }
        }
    }
}

/// One operation and everything its work needs.
#[derive(Clone, Copy)]
pub(crate) struct Job<'a> {
    pub(crate) parts: &'a RecoveryParts,
    pub(crate) operation: &'a Operation,
    pub(crate) request: &'a BackupRequest,
    /// Whether a former process worked on it before.
    pub(crate) resumed: bool,
    pub(crate) meter: &'a Meter,
}

impl Job<'_> {
    pub(crate) fn reach(&self, checkpoint: &str) {
        self.parts.checkpoints.reach(checkpoint);
    }
}
