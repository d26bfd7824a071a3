//! Plans and runs backup, restore and undo.
//!
//! A backup streams one consistent snapshot through the archive into a staged upload and makes it
//! visible in one step. A restore fetches a backup, verifies every byte of it, loads it as a new
//! generation beside the live one and swaps the two in one transaction. Both are operations of the
//! store: whatever the process does, the service is left with its old state or with its new one.

mod backup;
mod catalogue;
mod checkpoint;
mod error;
mod keys;
mod observer;
mod request;
mod restore;
mod runner;
pub mod storage;
mod undo;

pub use catalogue::{CatalogueError, Finding, Listed, list, show, verify};
pub use checkpoint::{Checkpoints, NoCheckpoints};
pub use error::RecoveryError;
pub use keys::RecoveryKeys;
pub use observer::{Finished, NoObserver, Observer};
pub use request::{Access, BackupRequest};
pub use runner::{Clock, Recovery, RecoveryParts};
pub use storage::{AccountLocation, FolderAccount, FolderError, MappingError, StorageAccounts, StorageError};
pub use undo::{UndoError, UndoPlan};
