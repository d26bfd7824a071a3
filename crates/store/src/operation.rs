//! Long-running operations as rows: any node answers the poll, a crashed owner's work is taken over.

use std::fmt;

use evergate_model::{Secret, ServiceId};
use jiff::Timestamp;
use uuid::Uuid;

/// Names one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OperationId(pub Uuid);

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Backs a service up.
    Backup,
    /// Restores a service.
    Restore,
    /// Any other service-management work that clients poll.
    Update,
}

impl Verb {
    /// The word stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Restore => "restore",
            Self::Update => "update",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An operation to begin.
#[derive(Debug, Clone)]
pub struct NewOperation {
    /// The service it runs on.
    pub service: ServiceId,
    /// What it does.
    pub verb: Verb,
    /// A digest of the request: the same request again joins the running operation.
    pub digest: String,
    /// The request as JSON, with its access key; sealed at rest and forgotten at the end.
    pub request: Secret,
    /// The process that runs it.
    pub owner: String,
    /// How long the owner has before another may take over.
    pub lease: jiff::SignedDuration,
}

/// What [`crate::Store::begin_operation`] found.
#[derive(Debug, Clone)]
pub enum Begin {
    /// It is new: run it.
    Started(Operation),
    /// The same request runs already: nothing to do.
    Joined(Operation),
}

/// How far an operation is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// The step, in words.
    pub phase: String,
    /// Resources done.
    pub done: u64,
    /// Resources in all, when known.
    pub total: u64,
}

/// Why an operation failed, as the client will read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationFailure {
    /// The HTTP status of the poll: 400 or 409.
    pub status: u16,
    /// The error code, for example `RestoreFailed`.
    pub code: String,
    /// What happened and what to do.
    pub message: String,
}

/// Where an operation stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationState {
    /// Under way.
    Running,
    /// Done; the text is a JSON document.
    Succeeded(String),
    /// Ended without effect.
    Failed(OperationFailure),
}

/// An operation as stored.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// The service it runs on.
    pub service: ServiceId,
    /// What it does.
    pub verb: Verb,
    /// Where it stands.
    pub state: OperationState,
    /// How far it is.
    pub progress: Progress,
    /// The request, while it runs.
    pub request: Option<Secret>,
    /// When it was accepted.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}
