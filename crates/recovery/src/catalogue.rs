//! Looks at the backups of a container: what is there, what it says about itself, whether it is intact.
//!
//! This is what the command line does without any server, years later if need be.

use std::path::Path;

use evergate_archive::{Header, Manifest, ReadError, RecoveryKey, check_integrity};
use futures_util::{StreamExt, stream};

use crate::RecoveryError;
use crate::error::advice;
use crate::restore::verify as verify_file;
use crate::storage::{Container, Entry, StorageError};

/// The length of the plain header, which is all that a listing reads of each blob.
const HEADER: u64 = 4096;
const HEADERS_AT_ONCE: usize = 8;

/// A blob of a container and what its header says.
#[derive(Debug)]
pub struct Listed {
    /// The blob.
    pub entry: Entry,
    /// Its header, or why it has none that can be read.
    pub header: Result<Header, CatalogueError>,
}

/// What a check of a whole backup found, all of it good.
#[derive(Debug)]
pub struct Finding {
    /// The plain header.
    pub header: Header,
    /// The manifest; none when there was no key to look inside.
    pub manifest: Option<Manifest>,
    /// The backup's size.
    pub bytes: u64,
}

/// Why a backup cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The storage account refused or failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The backup cannot be read.
    #[error("{0}{advice}", advice = advice(.0))]
    Read(ReadError),
    /// No room to keep the backup while it is checked.
    #[error("the temporary folder failed: {0}")]
    Spool(#[from] std::io::Error),
}

impl From<ReadError> for CatalogueError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// All blobs of a container with their headers, by name.
pub async fn list(container: &Container) -> Result<Vec<Listed>, StorageError> {
    let entries = container.list().await?;
    let listed = stream::iter(entries)
        .map(|entry| async move {
            let header = header(container, &entry.name).await;
            Listed { entry, header }
        })
        .buffered(HEADERS_AT_ONCE)
        .collect()
        .await;
    Ok(listed)
}

/// The header and the size of one backup; needs no recovery key.
pub async fn show(container: &Container, name: &str) -> Result<(Header, u64), CatalogueError> {
    let start = container.start(name, HEADER).await?;
    let header = Header::read(start.bytes.as_ref())?;
    Ok((header, start.size))
}

async fn header(container: &Container, name: &str) -> Result<Header, CatalogueError> {
    show(container, name).await.map(|(header, _)| header)
}

/// Reads a whole backup and checks everything that the keys allow to check. Without any key that is
/// the file's own hash; with the right one every byte inside.
pub async fn verify(
    container: &Container,
    name: &str,
    keys: Vec<RecoveryKey>,
    spool: &Path,
    arrived: impl Fn(u64, u64),
) -> Result<Finding, CatalogueError> {
    let file = tempfile::tempfile_in(spool)?;
    let start = container.start(name, HEADER).await?;
    let bytes = start.size;
    let header = Header::read(start.bytes.as_ref())?;
    let file = container.download(name, start, file, |done| arrived(done, bytes)).await?;
    if keys.is_empty() && header.sealed {
        let checked = tokio::task::spawn_blocking(move || check_integrity(file)).await;
        let header = checked.map_err(std::io::Error::other)??;
        return Ok(Finding { header, manifest: None, bytes });
    }
    let verified = verify_file(file, keys).await.map_err(|error| match error {
        RecoveryError::Read(error) => CatalogueError::Read(error),
        other => CatalogueError::Spool(std::io::Error::other(other)),
    })?;
    Ok(Finding { header, manifest: Some(verified.manifest().clone()), bytes })
}
