//! The embedded storage account: a folder with its own access key.
//!
//! The key lives in the folder, readable by its owner only, and is made on first use; two servers
//! that share the folder share the key.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use evergate_model::Secret;
use serde::{Deserialize, Serialize};

use super::container::valid_container_name;

const ACCOUNT_FILE: &str = ".evergate-account.json";

/// A folder that serves as a storage account.
#[derive(Debug, Clone)]
pub struct FolderAccount {
    root: PathBuf,
    key: Secret,
}

/// Why a folder cannot serve as a storage account.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be read or written.
    #[error("the storage folder {path} cannot be used: {source}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Its key file is not one.
    #[error(
        "{path} does not hold an access key: restore it from a copy, or delete it to have a new key made"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The container's name breaks its rule.
    #[error(
        "container name '{0}' is not valid: it takes 3 to 63 lower-case letters, digits and single hyphens, and begins and ends with a letter or digit"
    )]
    BadContainerName(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccountFile {
    access_key: String,
}

impl FolderAccount {
    /// Opens a folder, making it and its key when they are not there yet.
    pub fn open(root: &Path) -> Result<Self, FolderError> {
        create_private_folder(root).map_err(|source| io_error(root, source))?;
        let path = root.join(ACCOUNT_FILE);
        if !path.exists() {
            create_key(root, &path)?;
        }
        Ok(Self { root: root.to_owned(), key: read_key(&path)? })
    }

    /// The key that opens the account.
    pub fn access_key(&self) -> &Secret {
        &self.key
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes a container; false when it is there already.
    pub fn create_container(&self, name: &str) -> Result<bool, FolderError> {
        if !valid_container_name(name) {
            return Err(FolderError::BadContainerName(name.to_owned()));
        }
        let path = self.root.join(name);
        match fs::create_dir(&path) {
            Ok(()) => {
                sync_folder(&self.root).map_err(|source| io_error(&self.root, source))?;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
            Err(source) => Err(io_error(&path, source)),
        }
    }

    /// The containers by name.
    pub fn containers(&self) -> Result<Vec<String>, FolderError> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(|source| io_error(&self.root, source))? {
            let entry = entry.map_err(|source| io_error(&self.root, source))?;
            if let Some(name) = entry.file_name().to_str()
                && valid_container_name(name)
                && entry.path().is_dir()
            {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Whether a key opens the account; takes as long for a wrong key as for the right one.
    pub(super) fn opens(&self, key: &Secret) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(
            self.key.expose().as_bytes(),
            key.expose().as_bytes(),
        )
        .is_ok()
    }
}

/// Writes the key aside and links it into place: of two processes that start at once one wins whole.
fn create_key(root: &Path, path: &Path) -> Result<(), FolderError> {
    let mut bytes = [0_u8; 64];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| io_error(path, io::Error::other("the system's random generator failed")))?;
    let document = AccountFile { access_key: STANDARD.encode(bytes) };
    let text = serde_json::to_string_pretty(&document).map_err(|error| io_error(path, error.into()))?;
    let write = || -> io::Result<()> {
        // Temporary files are readable by their owner only.
        let mut file = tempfile::NamedTempFile::new_in(root)?;
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
            _ => sync_folder(root),
        }
    };
    write().map_err(|source| io_error(path, source))
}

fn read_key(path: &Path) -> Result<Secret, FolderError> {
    let mut text = String::new();
    OpenOptions::new()
        .read(true)
        .open(path)
        .and_then(|file| file.take(64 * 1024).read_to_string(&mut text))
        .map_err(|source| io_error(path, source))?;
    serde_json::from_str::<AccountFile>(&text)
        .ok()
        .filter(|file| file.access_key.len() >= 16)
        .map(|file| Secret::new(file.access_key))
        .ok_or_else(|| FolderError::Damaged { path: path.to_owned() })
}

fn io_error(path: &Path, source: io::Error) -> FolderError {
    FolderError::Io { path: path.to_owned(), source }
}

fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes a new name in a folder durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gets_one_key_and_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("account");
        let first = FolderAccount::open(&root).unwrap();
        let second = FolderAccount::open(&root).unwrap();
        assert!(first.opens(second.access_key()));
        assert!(!first.opens(&Secret::new("another")));
        assert!(!format!("{first:?}").contains(second.access_key().expose()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(root.join(ACCOUNT_FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn containers_are_folders() {
        let folder = tempfile::tempdir().unwrap();
        let account = FolderAccount::open(folder.path()).unwrap();
        assert!(account.create_container("backups").unwrap());
        assert!(!account.create_container("backups").unwrap());
        assert!(account.create_container("archive-2").unwrap());
        for name in ["", "ab", "Backups", "../up", "a--b", "-ab", "ab-", ".evergate"] {
            assert!(account.create_container(name).is_err(), "{name}");
        }
        assert_eq!(account.containers().unwrap(), ["archive-2", "backups"]);
    }

    #[test]
    fn a_damaged_key_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(ACCOUNT_FILE), "{}").unwrap();
        let error = FolderAccount::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains(ACCOUNT_FILE), "{error}");
    }
}
