//! The embedded store: one SQLite database in a data directory that one process owns.
//!
//! Write-ahead logging lets readers and snapshots go on while the one writer commits. rusqlite rather than an
//! asynchronous driver, because a snapshot hands out each row as SQLite holds it, without a channel between.

mod failure;
mod generations;
mod operations;
mod readers;
mod records;
mod resources;
mod schema;
mod services;
mod snapshot;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use evergate_model::{GenerationId, Resource, ResourcePath, Revision, Service, ServiceId};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use self::readers::Readers;
use self::writer::{Effect, Writer};
use crate::key::InstanceKey;
use crate::{
    Begin, Change, Commit, Committed, Edit, Generation, IfMatch, LoadItem, NewOperation, NewService,
    Operation, OperationFailure, OperationId, Page, Progress, Record, RowSink, ServiceEdit, SnapshotInfo,
    Store, StoreError, Swap,
};

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The store in one directory. Dropping it waits for accepted writes and frees the directory.
pub struct SqliteStore {
    /// Dropped first: the writer's connection, closed last, empties the log.
    readers: Readers,
    writer: Writer,
}

/// What every statement needs beside a connection.
struct Context {
    key: InstanceKey,
    clock: Clock,
}

impl Context {
    /// Now, in the whole microseconds that are stored.
    fn now(&self) -> Timestamp {
        instant((self.clock)().as_microsecond())
    }
}

impl SqliteStore {
    /// Opens or creates the store in `dir`. [`StoreError::Damaged`] when its data was sealed with another
    /// key; [`StoreError::Database`] when another process has it open.
    pub fn open(dir: &Path, key: InstanceKey) -> Result<Self, StoreError> {
        Self::open_with_clock(dir, key, Arc::new(Timestamp::now))
    }

    /// As [`SqliteStore::open`], with the time told by `clock`.
    pub fn open_with_clock(dir: &Path, key: InstanceKey, clock: Clock) -> Result<Self, StoreError> {
        let lock = Arc::new(own(dir)?);
        let file = dir.join("evergate.db");
        // SQLite gives its other files the mode of this one.
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&file)
            .map_err(|error| unusable(&file, &error.to_string()))?;
        let context = Arc::new(Context { key, clock });
        let connection = schema::open_writer(&file, &context)?;
        let writer = Writer::start(connection, Arc::clone(&context), Arc::clone(&lock))?;
        Ok(Self { readers: Readers::new(file, context, lock), writer })
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&rusqlite::Connection, &Context) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.run(work).await
    }

    async fn write<T: Send + 'static>(
        &self,
        effect: Effect,
        work: impl FnOnce(&rusqlite::Connection, &Context) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.run(effect, work).await
    }
}

/// Makes the directory and locks it for this process.
fn own(dir: &Path) -> Result<File, StoreError> {
    let make = || {
        if !dir.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        let path: PathBuf = dir.join("lock");
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
    };
    let lock = make().map_err(|error| unusable(dir, &error.to_string()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(unusable(dir, "another process has it open; stop that one or choose another directory"))
        }
        Err(TryLockError::Error(error)) => Err(unusable(dir, &error.to_string())),
    }
}

fn unusable(path: &Path, why: &str) -> StoreError {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    StoreError::Database { message: format!("{} cannot be used: {why}", path.display()), retry: true }
}

/// The instant that was stored as `microseconds`.
fn instant(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A count or number that SQLite keeps signed.
fn unsigned(value: i64) -> u64 {
    value.cast_unsigned()
}

#[async_trait]
impl Store for SqliteStore {
    async fn create_service(&self, service: NewService, edits: Vec<Edit>) -> Result<Service, StoreError> {
        self.write(Effect::Configuration, move |db, context| services::create(db, context, &service, &edits))
            .await
    }

    async fn service(&self, id: &ServiceId) -> Result<Option<Service>, StoreError> {
        let id = id.clone();
        self.read(move |db, _| services::one(db, &id)).await
    }

    async fn services(&self) -> Result<Vec<Service>, StoreError> {
        self.read(|db, _| services::all(db)).await
    }

    async fn update_service(&self, id: &ServiceId, edit: ServiceEdit) -> Result<Service, StoreError> {
        let id = id.clone();
        self.write(Effect::Configuration, move |db, context| services::update(db, context, &id, &edit)).await
    }

    async fn delete_service(&self, id: &ServiceId, if_match: IfMatch) -> Result<Service, StoreError> {
        let id = id.clone();
        self.write(Effect::Disposal, move |db, context| services::delete(db, context, &id, &if_match)).await
    }

    async fn resource(
        &self,
        service: &ServiceId,
        path: &ResourcePath,
    ) -> Result<Option<Resource>, StoreError> {
        let (service, path) = (service.clone(), path.clone());
        self.read(move |db, context| resources::one(db, context, &service, &path)).await
    }

    async fn list(
        &self,
        service: &ServiceId,
        collection: &str,
        page: Page,
    ) -> Result<Vec<Resource>, StoreError> {
        let (service, collection) = (service.clone(), collection.to_owned());
        self.read(move |db, context| resources::list(db, context, &service, &collection, &page)).await
    }

    async fn list_type(&self, service: &ServiceId, resource_type: &str) -> Result<Vec<Resource>, StoreError> {
        let (service, resource_type) = (service.clone(), resource_type.to_owned());
        self.read(move |db, context| resources::list_type(db, context, &service, &resource_type)).await
    }

    async fn commit(&self, service: &ServiceId, commit: Commit) -> Result<Committed, StoreError> {
        let service = service.clone();
        self.write(Effect::Configuration, move |db, context| {
            resources::commit(db, context, &service, &commit)
        })
        .await
    }

    async fn changes(&self, service: &ServiceId, since: Revision) -> Result<Vec<Change>, StoreError> {
        let service = service.clone();
        self.read(move |db, _| resources::changes(db, &service, since)).await
    }

    async fn snapshot(
        &self,
        service: &ServiceId,
        sink: Box<dyn RowSink>,
    ) -> Result<SnapshotInfo, StoreError> {
        let service = service.clone();
        self.readers.run_long(move |db, context| snapshot::stream(db, context, &service, sink)).await
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.writer.watch()
    }

    async fn begin_generation(&self, service: &ServiceId, origin: &str) -> Result<GenerationId, StoreError> {
        let (service, origin) = (service.clone(), origin.to_owned());
        self.write(Effect::Private, move |db, context| generations::begin(db, context, &service, &origin))
            .await
    }

    async fn load(&self, generation: GenerationId, items: Vec<LoadItem>) -> Result<(), StoreError> {
        self.write(Effect::Loading, move |db, context| generations::load(db, context, generation, &items))
            .await
    }

    async fn swap(&self, service: &ServiceId, swap: Swap) -> Result<Service, StoreError> {
        let service = service.clone();
        self.write(Effect::Configuration, move |db, context| generations::swap(db, context, &service, &swap))
            .await
    }

    async fn generations(&self, service: &ServiceId) -> Result<Vec<Generation>, StoreError> {
        let service = service.clone();
        self.read(move |db, _| generations::all(db, &service)).await
    }

    async fn drop_generation(&self, generation: GenerationId) -> Result<(), StoreError> {
        self.write(Effect::Disposal, move |db, _| generations::drop_one(db, generation)).await
    }

    async fn begin_operation(&self, operation: NewOperation) -> Result<Begin, StoreError> {
        self.write(Effect::Private, move |db, context| operations::begin(db, context, &operation)).await
    }

    async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreError> {
        self.read(move |db, context| operations::one(db, context, id)).await
    }

    async fn running_operation(&self, service: &ServiceId) -> Result<Option<Operation>, StoreError> {
        let service = service.clone();
        self.read(move |db, context| operations::running_on(db, context, &service)).await
    }

    async fn operations(&self, service: &ServiceId, limit: usize) -> Result<Vec<Operation>, StoreError> {
        let service = service.clone();
        self.read(move |db, context| operations::newest(db, context, &service, limit)).await
    }

    async fn claim_operations(
        &self,
        owner: &str,
        lease: SignedDuration,
    ) -> Result<Vec<Operation>, StoreError> {
        let owner = owner.to_owned();
        self.write(Effect::Private, move |db, context| operations::claim(db, context, &owner, lease)).await
    }

    async fn progress_operation(
        &self,
        id: OperationId,
        owner: &str,
        progress: Progress,
        lease: SignedDuration,
    ) -> Result<(), StoreError> {
        let owner = owner.to_owned();
        self.write(Effect::Private, move |db, context| {
            operations::progress(db, context, id, &owner, &progress, lease)
        })
        .await
    }

    async fn finish_operation(
        &self,
        id: OperationId,
        outcome: Result<String, OperationFailure>,
    ) -> Result<(), StoreError> {
        self.write(Effect::Private, move |db, context| operations::finish(db, context, id, &outcome)).await
    }

    async fn record(&self, collection: &str, key: &str) -> Result<Option<Record>, StoreError> {
        let (collection, key) = (collection.to_owned(), key.to_owned());
        self.read(move |db, context| records::one(db, context, &collection, &key)).await
    }

    async fn records(&self, collection: &str) -> Result<Vec<Record>, StoreError> {
        let collection = collection.to_owned();
        self.read(move |db, context| records::all(db, context, &collection)).await
    }

    async fn put_record(&self, record: Record) -> Result<(), StoreError> {
        self.write(Effect::Private, move |db, context| records::put(db, context, &record)).await
    }

    async fn create_record(&self, record: Record) -> Result<(), StoreError> {
        self.write(Effect::Private, move |db, context| records::create(db, context, &record)).await
    }

    async fn take_record(&self, collection: &str, key: &str) -> Result<Option<Record>, StoreError> {
        let (collection, key) = (collection.to_owned(), key.to_owned());
        self.write(Effect::Private, move |db, context| records::take(db, context, &collection, &key)).await
    }

    /// Goes through the writer: a store whose writer hangs does not answer.
    async fn ping(&self) -> Result<(), StoreError> {
        self.write(Effect::Loading, |db, _| {
            Ok(db.prepare_cached("SELECT 1 FROM meta")?.query_row((), |_| Ok(()))?)
        })
        .await
    }
}
