//! Opens a storage account from the command line. A key is never an argument: arguments are seen by
//! every user of the machine.

use std::io::{IsTerminal, stderr, stdin};

use anyhow::Context;
use evergate_model::Secret;
use evergate_recovery::storage::Container;
use evergate_recovery::{Access, AccountLocation, FolderAccount, StorageAccounts};

use crate::client::error::Usage;

/// The variable that holds an account's access key.
pub(crate) const KEY_VARIABLE: &str = "EVERGATE_STORAGE_KEY";

/// Where backups are, for commands that open the storage themselves.
#[derive(clap::Args)]
pub(crate) struct StorageArgs {
    /// The storage account; with --storage-url it can be left out.
    #[arg(long, value_name = "NAME", required_unless_present = "storage_url")]
    storage_account: Option<String>,
    /// The container that holds the backups.
    #[arg(long, value_name = "NAME")]
    container: String,
    /// Where the account is, unless it is Azure's own: `file:///folder`, `http(s)://host:port/account` or
    /// `s3://bucket-prefix?endpoint=…&region=…`.
    #[arg(long, value_name = "URL", env = "EVERGATE_STORAGE_URL")]
    storage_url: Option<AccountLocation>,
}

impl StorageArgs {
    /// Opens the container. The key is the folder's own, that of `EVERGATE_STORAGE_KEY`, or asked for.
    pub(crate) fn open(&self) -> anyhow::Result<Container> {
        let account = match (&self.storage_account, &self.storage_url) {
            (Some(name), _) => name.clone(),
            (None, Some(location)) => account_name(location),
            (None, None) => anyhow::bail!("give --storage-account or --storage-url"),
        };
        let mut accounts = StorageAccounts::empty();
        let mut key = None;
        if let Some(location) = &self.storage_url {
            accounts.add(&account, location.clone())?;
            key = folder_key(location)?;
        }
        let key = match key {
            Some(key) => key,
            None => access_key(&account)?,
        };
        Ok(accounts.container(&account, &Access::AccessKey(key), &self.container)?)
    }
}

/// Who may read a folder's key file needs no other proof.
fn folder_key(location: &AccountLocation) -> anyhow::Result<Option<Secret>> {
    let AccountLocation::Folder(folder) = location else { return Ok(None) };
    anyhow::ensure!(folder.is_dir(), "there is no storage folder {}", folder.display());
    Ok(Some(FolderAccount::open(folder)?.access_key().clone()))
}

/// A name for an account that was given by its URL alone.
fn account_name(location: &AccountLocation) -> String {
    let text = match location {
        AccountLocation::Blob(url) => {
            let last = url.path_segments().and_then(|segments| segments.rev().find(|part| !part.is_empty()));
            let host = url.host_str().and_then(|host| host.split('.').next());
            last.or(host).unwrap_or_default().to_owned()
        }
        _ => String::new(),
    };
    let name: String =
        text.chars().filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit()).take(24).collect();
    if name.len() < 3 { "storage".to_owned() } else { name }
}

/// The key from the environment, or from the person at the terminal.
pub(crate) fn access_key(account: &str) -> anyhow::Result<Secret> {
    match std::env::var(KEY_VARIABLE) {
        Ok(key) if !key.is_empty() => return Ok(Secret::new(key)),
        Err(std::env::VarError::NotUnicode(_)) => anyhow::bail!("{KEY_VARIABLE} is not text"),
        _ => {}
    }
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Err(Usage(format!(
            "the access key of storage account '{account}' is needed: set {KEY_VARIABLE}, or run this in a terminal to be asked"
        ))
        .into());
    }
    let key = rpassword::prompt_password(format!("Access key of storage account '{account}': "))
        .context("the access key could not be read")?;
    if key.trim().is_empty() {
        return Err(Usage("no access key was given".to_owned()).into());
    }
    Ok(Secret::new(key.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_named_by_its_url() {
        for (url, name) in [
            ("https://corpacct.blob.core.windows.net", "corpacct"),
            ("http://127.0.0.1:10000/devacct", "devacct"),
            ("file:///var/backups", "storage"),
            ("s3://corp-?region=eu", "storage"),
        ] {
            assert_eq!(account_name(&url.parse().unwrap()), name, "{url}");
        }
    }
}
