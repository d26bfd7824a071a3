//! Why a backup or a restore failed, and how the client is told.

use evergate_archive::{ReadError, WriteError};
use evergate_store::{OperationFailure, OperationId, StoreError, Verb};

use crate::StorageError;

/// Why an operation failed. Each message says what the operator can do.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The storage account refused or failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The backup cannot be read.
    #[error("{0}{advice}", advice = advice(.0))]
    Read(#[from] ReadError),
    /// The backup cannot be written.
    #[error("{0}")]
    Write(#[from] WriteError),
    /// The backup is older than it may be.
    #[error("backup expired")]
    Expired,
    /// The service has another tier than the backup.
    #[error("current SKU is '{current}', backup SKU is '{backup}'")]
    Sku {
        /// The service's.
        current: String,
        /// The backup's.
        backup: String,
    },
    /// The backup is intact but holds what this version cannot load.
    #[error(
        "the backup holds what this version cannot load ({0}): restore it with the version that made it, named in its manifest"
    )]
    Unloadable(String),
    /// What was loaded is not what the manifest says.
    #[error("{loaded} of {expected} resources were loaded: nothing was changed; send the request again")]
    Incomplete {
        /// In the store.
        loaded: u64,
        /// In the manifest.
        expected: u64,
    },
    /// The service is gone.
    #[error("the service was deleted meanwhile")]
    ServiceGone,
    /// The store failed.
    #[error("the store failed ({}): nothing was changed; send the request again", reason(.0))]
    Store(#[from] StoreError),
    /// The disk of the data directory failed.
    #[error("the data directory failed ({0}): free some space or repair it, then send the request again")]
    Spool(std::io::Error),
    /// Another kind of operation was under way when the process ended.
    #[error("the server was stopped while it worked; send the request again")]
    Interrupted,
    /// A taken-over operation's request cannot be read.
    #[error("the request could not be read again after a restart; send it again")]
    RequestUnreadable,
    /// A fault of this program.
    #[error("Evergate made a mistake; its log says more under operation {0}. Nothing was changed")]
    Fault(OperationId),
}

impl RecoveryError {
    /// What the poll of the operation answers.
    pub(crate) fn failure(&self, verb: Verb) -> OperationFailure {
        let (code, what) = match verb {
            Verb::Backup => ("BackupFailed", "Cannot back up"),
            Verb::Restore => ("RestoreFailed", "Cannot restore"),
            Verb::Update => ("OperationInterrupted", "Cannot finish"),
        };
        OperationFailure { status: self.status(), code: code.to_owned(), message: format!("{what}: {self}") }
    }

    /// 409 when the same request can succeed once something else has changed or passed, 400 when the
    /// request itself must change.
    fn status(&self) -> u16 {
        match self {
            Self::Storage(
                StorageError::Changed(_) | StorageError::Unreachable { .. } | StorageError::Failed { .. },
            )
            | Self::Read(ReadError::Io(_))
            | Self::Write(WriteError::Io(_))
            | Self::Sku { .. }
            | Self::Incomplete { .. }
            | Self::ServiceGone
            | Self::Store(_)
            | Self::Spool(_)
            | Self::Interrupted
            | Self::Fault(_) => 409,
            Self::Storage(_)
            | Self::Read(_)
            | Self::Write(_)
            | Self::Expired
            | Self::Unloadable(_)
            | Self::RequestUnreadable => 400,
        }
    }
}

/// What a store's error says beyond that the store failed.
fn reason(error: &StoreError) -> String {
    match error {
        StoreError::Database { message, .. } => message.clone(),
        error => error.to_string(),
    }
}

/// What helps against a backup that cannot be read.
pub(crate) fn advice(error: &ReadError) -> &'static str {
    match error {
        ReadError::NotABackup => ": check the container and the backup name",
        ReadError::Truncated { .. } => ": its upload was cut; restore another backup",
        ReadError::Altered { .. } => ": it was damaged or changed after it was made; restore another backup",
        ReadError::KeyMissing { .. } | ReadError::WrongKey { .. } => {
            ": start the server with --recovery-key and the file of that key"
        }
        ReadError::Io(_) => ": send the request again",
        ReadError::NewerFormat { .. } => "",
    }
}
