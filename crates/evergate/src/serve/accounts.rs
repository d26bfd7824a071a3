//! The storage accounts of this server: those configured, and the embedded one.

use evergate_model::Secret;
use evergate_recovery::{AccountLocation, StorageAccounts};

use super::data_directory::DataDirectory;
use crate::config::{Config, ConfigError};

/// The embedded account's name.
const EMBEDDED: &str = "evergatestore";

/// A folder account, to tell people about.
#[derive(Debug)]
pub(crate) struct Told {
    pub name: String,
    pub folder: std::path::PathBuf,
    pub access_key: Secret,
}

/// Maps the names, and opens the folder account that the first start tells about: the first one
/// configured, otherwise the embedded one.
pub(crate) fn open(config: &Config, data: &DataDirectory) -> anyhow::Result<(StorageAccounts, Told)> {
    let refused = |error: &dyn std::fmt::Display| ConfigError::key("storage-accounts", error);
    let mut accounts = StorageAccounts::empty().with_public_cloud(config.public_cloud_storage);
    let mut told = EMBEDDED;
    for (name, url) in config.storage_accounts.iter().rev() {
        let location: AccountLocation = url.parse().map_err(|error| refused(&error))?;
        if matches!(location, AccountLocation::Folder(_)) {
            told = &name.0;
        }
        accounts.add(&name.0, location).map_err(|error| refused(&error))?;
    }
    if !config.storage_accounts.keys().any(|name| name.0 == EMBEDDED) {
        accounts.add(EMBEDDED, AccountLocation::Folder(data.directory("storage")?))?;
    }
    // An embedded account that was mapped elsewhere leaves nothing to tell but the folder itself.
    let account = match accounts.local_account(told).map_err(|error| refused(&error))? {
        Some(account) => account,
        None => evergate_recovery::FolderAccount::open(&data.directory("storage")?)?,
    };
    let told = Told {
        name: told.to_owned(),
        folder: account.root().to_owned(),
        access_key: account.access_key().clone(),
    };
    Ok((accounts, told))
}
