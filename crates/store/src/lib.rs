//! Versioned, transactional configuration, operations and directory records.
//!
//! [`Store`] is what the rest of Evergate sees; the SQLite module is the embedded implementation. Every
//! implementation passes the one conformance suite.

pub mod configuration;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod error;
pub mod key;
pub mod operation;
pub mod record;
pub mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use evergate_model::{GenerationId, Resource, ResourcePath, Revision, Service, ServiceId};
use tokio::sync::watch;

pub use configuration::{
    Change, ChangeKind, Commit, Committed, Edit, Generation, GenerationState, IfMatch, LoadItem, NewService,
    Page, Precondition, RowSink, ServiceEdit, SnapshotInfo, SnapshotRow, Swap,
};
pub use error::StoreError;
pub use key::{InstanceKey, KeyError};
pub use operation::{
    Begin, NewOperation, Operation, OperationFailure, OperationId, OperationState, Progress, Verb,
};
pub use record::Record;
pub use sqlite::SqliteStore;

/// Everything that outlives a process.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    // Services.

    /// Creates a service with its first configuration, as one commit.
    /// [`StoreError::Conflict`] when the name is taken anywhere in this store.
    async fn create_service(&self, service: NewService, edits: Vec<Edit>) -> Result<Service, StoreError>;
    /// One service.
    async fn service(&self, id: &ServiceId) -> Result<Option<Service>, StoreError>;
    /// All services, by name.
    async fn services(&self) -> Result<Vec<Service>, StoreError>;
    /// Changes SKU, tags or body of a service. [`StoreError::Busy`] while an operation runs on it.
    async fn update_service(&self, id: &ServiceId, edit: ServiceEdit) -> Result<Service, StoreError>;
    /// Deletes a service and its configuration, and returns what was deleted.
    /// [`StoreError::Busy`] while an operation runs on it.
    async fn delete_service(&self, id: &ServiceId, if_match: IfMatch) -> Result<Service, StoreError>;

    // Configuration of a service's live generation.

    /// One resource with its secrets.
    async fn resource(
        &self,
        service: &ServiceId,
        path: &ResourcePath,
    ) -> Result<Option<Resource>, StoreError>;
    /// The members of one collection (`/apis`, `/apis/petstore/operations`) by name, after
    /// `page.after`, at most `page.limit`.
    async fn list(
        &self,
        service: &ServiceId,
        collection: &str,
        page: Page,
    ) -> Result<Vec<Resource>, StoreError>;
    /// All resources of one type (`apis/operations`), in order of their paths.
    async fn list_type(&self, service: &ServiceId, resource_type: &str) -> Result<Vec<Resource>, StoreError>;
    /// Checks all preconditions and applies all edits in one transaction, or nothing.
    /// Takes the next revision; refused with [`StoreError::Busy`] while a restore runs.
    async fn commit(&self, service: &ServiceId, commit: Commit) -> Result<Committed, StoreError>;
    /// What changed after `since`, oldest first. A generation swap is one change that stands for all.
    async fn changes(&self, service: &ServiceId, since: Revision) -> Result<Vec<Change>, StoreError>;
    /// Streams everything at one revision, by type and path, without blocking any writer: first
    /// [`RowSink::begin`], then a call per row. Runs on a blocking thread; stops at the sink's first error.
    async fn snapshot(&self, service: &ServiceId, sink: Box<dyn RowSink>)
    -> Result<SnapshotInfo, StoreError>;
    /// A counter that moves after every commit of any service: a wake-up, not a record.
    fn watch(&self) -> watch::Receiver<u64>;

    // Generations: a restore prepares one beside the live one and swaps.

    /// Makes an empty generation in state [`GenerationState::Loading`].
    async fn begin_generation(&self, service: &ServiceId, origin: &str) -> Result<GenerationId, StoreError>;
    /// Adds resources to a loading generation.
    async fn load(&self, generation: GenerationId, items: Vec<LoadItem>) -> Result<(), StoreError>;
    /// Makes a loading (restore) or former (undo) generation the live one, in one transaction with
    /// the service's own changes; the live one becomes former. Takes the next revision.
    async fn swap(&self, service: &ServiceId, swap: Swap) -> Result<Service, StoreError>;
    /// All generations of a service, newest first.
    async fn generations(&self, service: &ServiceId) -> Result<Vec<Generation>, StoreError>;
    /// Deletes a generation that is not live.
    async fn drop_generation(&self, generation: GenerationId) -> Result<(), StoreError>;

    // Long-running operations.

    /// Registers an operation, unless one runs on the service: the same request (verb and digest)
    /// gets the running one back, another is refused with [`StoreError::Busy`].
    async fn begin_operation(&self, operation: NewOperation) -> Result<Begin, StoreError>;
    /// One operation.
    async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreError>;
    /// The operation that runs on a service.
    async fn running_operation(&self, service: &ServiceId) -> Result<Option<Operation>, StoreError>;
    /// The newest operations of a service, running or not.
    async fn operations(&self, service: &ServiceId, limit: usize) -> Result<Vec<Operation>, StoreError>;
    /// Takes over every running operation whose lease has expired or whose owner is `owner`.
    async fn claim_operations(
        &self,
        owner: &str,
        lease: jiff::SignedDuration,
    ) -> Result<Vec<Operation>, StoreError>;
    /// Notes progress and renews the lease. [`StoreError::NotFound`] when it is no longer ours or no longer runs.
    async fn progress_operation(
        &self,
        id: OperationId,
        owner: &str,
        progress: Progress,
        lease: jiff::SignedDuration,
    ) -> Result<(), StoreError>;
    /// Ends a running operation, with its result (a JSON document) or its failure.
    /// Its sealed request is forgotten.
    async fn finish_operation(
        &self,
        id: OperationId,
        outcome: Result<String, OperationFailure>,
    ) -> Result<(), StoreError>;

    // Records: small documents of the directory, resource groups, deleted services, …

    /// One record.
    async fn record(&self, collection: &str, key: &str) -> Result<Option<Record>, StoreError>;
    /// All records of a collection, by key.
    async fn records(&self, collection: &str) -> Result<Vec<Record>, StoreError>;
    /// Writes a record, or creates it.
    async fn put_record(&self, record: Record) -> Result<(), StoreError>;
    /// Creates a record; [`StoreError::Conflict`] when the key is taken.
    async fn create_record(&self, record: Record) -> Result<(), StoreError>;
    /// Deletes a record and returns it: of two callers one gets it (one-time codes, refresh tokens).
    async fn take_record(&self, collection: &str, key: &str) -> Result<Option<Record>, StoreError>;

    // Housekeeping.

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// A store that several parts share.
pub type SharedStore = Arc<dyn Store>;
