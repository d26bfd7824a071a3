//! What a store can answer instead of a result.

use evergate_model::{ETag, ResourcePath};

use crate::Operation;

/// Why a store refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such service, resource, generation or operation.
    #[error("{0} was not found")]
    NotFound(String),
    /// The thing to create exists already.
    #[error("{0} exists already")]
    Conflict(String),
    /// `If-Match` names another version.
    #[error("{path} is at version {current}, which is not the one named")]
    ETagMismatch {
        /// The resource.
        path: String,
        /// Its current version.
        current: ETag,
    },
    /// A precondition of a commit does not hold.
    #[error("{path} {}", if *.expected { "does not exist" } else { "exists already" })]
    Precondition {
        /// The resource.
        path: ResourcePath,
        /// Whether it was expected to exist.
        expected: bool,
    },
    /// The service moved past the revision the commit was planned at; read again and retry.
    #[error("the service changed meanwhile; read it again and retry")]
    Stale,
    /// An operation runs on the service and excludes this change.
    #[error("operation {} ({}) runs on the service", .0.id, .0.verb)]
    Busy(Box<Operation>),
    /// The snapshot's receiver gave up; the text is its reason.
    #[error("the snapshot's receiver stopped: {0}")]
    Receiver(String),
    /// What is stored cannot be read: the key is another one, or the data is damaged.
    #[error("stored data cannot be read: {0}")]
    Damaged(String),
    /// The database failed.
    #[error("the store failed: {message}")]
    Database {
        /// What it said.
        message: String,
        /// Whether the same call may succeed later.
        retry: bool,
    },
}
