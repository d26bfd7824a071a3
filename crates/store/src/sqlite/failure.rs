//! What SQLite's errors mean to the rest of Evergate.

use rusqlite::ErrorCode;

use crate::StoreError;
use crate::key::KeyError;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        failure(&error)
    }
}

impl From<KeyError> for StoreError {
    fn from(error: KeyError) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// The store's error for one of SQLite's, which several callers of one transaction may share.
pub(super) fn failure(error: &rusqlite::Error) -> StoreError {
    let database = |message: String, retry| StoreError::Database { message, retry };
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged(error.to_string()),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => database(error.to_string(), true),
        Some(ErrorCode::DiskFull) => database("the disk is full; free some space".to_owned(), true),
        _ => database(error.to_string(), false),
    }
}

/// A stored value that is not what was written there.
pub(super) fn damaged(what: &str) -> impl FnOnce(serde_json::Error) -> StoreError {
    move |error| StoreError::Damaged(format!("{what} is not the JSON it was: {error}"))
}
