//! Storage accounts: what a name stands for, how it is opened, and what can go wrong.
//!
//! An account is a local folder, an Azure Blob endpoint (Azurite's included) or an S3-compatible
//! store. Whatever it is, the rest of the crate sees a [`Container`] and a [`StorageError`].

mod account;
mod container;
mod error;
mod folder;
mod location;
mod open;
mod upload;

pub use account::{StorageAccounts, StoreWrapper};
pub use container::{Container, Entry};
pub use error::StorageError;
pub use folder::{FolderAccount, FolderError};
pub use location::{AccountLocation, MappingError};
pub(crate) use upload::{PART, Staged};
