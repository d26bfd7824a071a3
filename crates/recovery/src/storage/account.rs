//! Account names and what they stand for.

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::ObjectStore;
use url::Url;

use super::container::{Container, valid_container_name};
use super::error::{Site, StorageError};
use super::folder::{FolderAccount, FolderError};
use super::location::{AccountLocation, MappingError, valid_account_name};
use super::open;
use crate::Access;

/// Puts something around every store that is opened: tests inject faults with it.
pub type StoreWrapper = Arc<dyn Fn(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> + Send + Sync>;

/// The storage accounts a server knows.
#[derive(Clone)]
pub struct StorageAccounts {
    accounts: BTreeMap<String, AccountLocation>,
    public_cloud: bool,
    wrapper: Option<StoreWrapper>,
}

impl StorageAccounts {
    /// Reads mappings of the form `NAME=URL`. Names that are not mapped are looked for in the public cloud.
    pub fn parse<T: AsRef<str>>(mappings: impl IntoIterator<Item = T>) -> Result<Self, MappingError> {
        let mut accounts = Self::empty();
        for mapping in mappings {
            let mapping = mapping.as_ref();
            let (name, url) = mapping
                .split_once('=')
                .filter(|(name, _)| !name.is_empty())
                .ok_or_else(|| MappingError::Form(mapping.to_owned()))?;
            accounts.add(name.trim(), url.trim().parse()?)?;
        }
        Ok(accounts)
    }

    /// No account but those of the public cloud.
    pub fn empty() -> Self {
        Self { accounts: BTreeMap::new(), public_cloud: true, wrapper: None }
    }

    /// Maps a name.
    pub fn add(&mut self, name: &str, location: AccountLocation) -> Result<(), MappingError> {
        if !valid_account_name(name) {
            return Err(MappingError::Name(name.to_owned()));
        }
        if self.accounts.insert(name.to_owned(), location).is_some() {
            return Err(MappingError::Twice(name.to_owned()));
        }
        Ok(())
    }

    /// Whether a name that is not mapped is looked for in the public cloud, as
    /// `https://{name}.blob.core.windows.net`.
    #[must_use]
    pub fn with_public_cloud(mut self, allowed: bool) -> Self {
        self.public_cloud = allowed;
        self
    }

    /// Puts `wrapper` around every store that is opened from now on.
    #[must_use]
    pub fn with_wrapper(mut self, wrapper: StoreWrapper) -> Self {
        self.wrapper = Some(wrapper);
        self
    }

    /// The mapped accounts by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AccountLocation)> {
        self.accounts.iter().map(|(name, location)| (name.as_str(), location))
    }

    /// The folder account of a name, made when it is not there yet; none when the name is another kind.
    pub fn local_account(&self, name: &str) -> Result<Option<FolderAccount>, FolderError> {
        match self.accounts.get(&name.to_ascii_lowercase()) {
            Some(AccountLocation::Folder(path)) => FolderAccount::open(path).map(Some),
            _ => Ok(None),
        }
    }

    /// Opens a container. Talks to nobody yet, except that a folder is looked at.
    pub fn container(
        &self,
        account: &str,
        access: &Access,
        container: &str,
    ) -> Result<Container, StorageError> {
        let account = account.to_ascii_lowercase();
        let location = self.location(&account)?;
        if !valid_container_name(container) {
            return Err(StorageError::BadContainerName(container.to_owned()));
        }
        let site = Site {
            account,
            container: container.to_owned(),
            endpoint: location.to_string(),
            identity: !matches!(access, Access::AccessKey(_)),
        };
        open::container(site, &location, access, self.wrapper.as_ref())
    }

    fn location(&self, account: &str) -> Result<AccountLocation, StorageError> {
        if let Some(location) = self.accounts.get(account) {
            return Ok(location.clone());
        }
        let unknown = || StorageError::UnknownAccount { account: account.to_owned(), endpoint: None };
        if !self.public_cloud || !valid_account_name(account) {
            return Err(unknown());
        }
        Url::parse(&format!("https://{account}.blob.core.windows.net"))
            .map(AccountLocation::Blob)
            .map_err(|_| unknown())
    }
}

impl std::fmt::Debug for StorageAccounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(&self.accounts).finish()
    }
}
