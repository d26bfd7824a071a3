//! Connections that read, each on a blocking thread, none of them in anybody's way.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Context, schema};
use crate::StoreError;

/// How many reads run at the same time; snapshots come on top, with connections of their own.
const READERS: usize = 4;

/// Opens and lends reading connections. Dropping it waits for reads whose callers went away, so that the directory
/// is free afterwards.
pub(super) struct Readers {
    shared: Arc<Shared>,
    under_way: Arc<UnderWay>,
    permits: Arc<Semaphore>,
}

struct Shared {
    file: PathBuf,
    context: Arc<Context>,
    idle: Mutex<Vec<Connection>>,
    _lock: Arc<File>,
}

/// How many reads wait or run.
#[derive(Default)]
struct UnderWay {
    count: Mutex<usize>,
    ended: Condvar,
}

/// What one read works with. Its place in the count goes last, when it has let go of everything else.
struct Lent {
    shared: Arc<Shared>,
    _permit: Option<OwnedSemaphorePermit>,
    _place: Place,
}

struct Place(Arc<UnderWay>);

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.ended.notify_all();
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        let count = self.under_way.count.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.under_way.ended.wait_while(count, |count| *count > 0));
    }
}

impl Readers {
    /// Opens nothing yet.
    pub(super) fn new(file: PathBuf, context: Arc<Context>, lock: Arc<File>) -> Self {
        let shared = Arc::new(Shared { file, context, idle: Mutex::new(Vec::new()), _lock: lock });
        Self { shared, under_way: Arc::default(), permits: Arc::new(Semaphore::new(READERS)) }
    }

    /// Runs a short read; all its statements see one state.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Context) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|error| StoreError::Database { message: error.to_string(), retry: false })?;
        let lent = self.lend(Some(permit));
        blocking(move || lent.read(work)).await
    }

    /// Runs a read that may take minutes, on a connection of its own.
    pub(super) async fn run_long<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Context) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let lent = self.lend(None);
        blocking(move || lent.read_long(work)).await
    }

    fn lend(&self, permit: Option<OwnedSemaphorePermit>) -> Lent {
        *self.under_way.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        let place = Place(Arc::clone(&self.under_way));
        Lent { shared: Arc::clone(&self.shared), _permit: permit, _place: place }
    }
}

impl Lent {
    fn read<T>(
        &self,
        work: impl FnOnce(&Connection, &Context) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let shared = &self.shared;
        let idle = shared.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| schema::open_reader(&shared.file), Ok)?;
        let result = within(&connection, &shared.context, work);
        if connection.is_autocommit() {
            shared.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        result
    }

    fn read_long<T>(
        &self,
        work: impl FnOnce(&Connection, &Context) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        within(&schema::open_reader(&self.shared.file)?, &self.shared.context, work)
    }
}

fn within<T>(
    connection: &Connection,
    context: &Context,
    work: impl FnOnce(&Connection, &Context) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.prepare_cached("BEGIN")?.execute(())?;
    let result = work(connection, context);
    // A failed disk has ended the transaction already, and its error is the one to tell.
    if connection.is_autocommit() {
        return result;
    }
    // The end of a read transaction has nothing to lose.
    let ended = connection.prepare_cached("ROLLBACK").and_then(|mut end| end.execute(()));
    result.and_then(|found| Ok(ended.map(|_| found)?))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| StoreError::Database { message: error.to_string(), retry: false })?
}
