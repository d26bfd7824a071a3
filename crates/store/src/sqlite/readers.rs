//! Connections that read, each on a blocking thread, none of them in anybody's way.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{Context, schema};
use crate::StoreError;

/// How many reads run at the same time; snapshots come on top, with connections of their own.
const READERS: usize = 4;

/// Opens and lends reading connections.
pub(super) struct Readers {
    shared: Arc<Shared>,
    permits: Arc<Semaphore>,
}

struct Shared {
    file: PathBuf,
    context: Arc<Context>,
    idle: Mutex<Vec<Connection>>,
    /// A read that outlives the store still owns the directory.
    _lock: Arc<File>,
}

impl Readers {
    /// Opens nothing yet.
    pub(super) fn new(file: PathBuf, context: Arc<Context>, lock: Arc<File>) -> Self {
        let shared = Shared { file, context, idle: Mutex::new(Vec::new()), _lock: lock };
        Self { shared: Arc::new(shared), permits: Arc::new(Semaphore::new(READERS)) }
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
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            let _permit = permit;
            let idle = shared.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = idle.map_or_else(|| schema::open_reader(&shared.file), Ok)?;
            let result = within(&connection, &shared.context, work);
            if connection.is_autocommit() {
                shared.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            }
            result
        })
        .await
    }

    /// Runs a read that may take minutes, on a connection of its own.
    pub(super) async fn run_long<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Context) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.shared);
        blocking(move || within(&schema::open_reader(&shared.file)?, &shared.context, work)).await
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
