//! One container: look, list, read.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use object_store::path::Path as ObjectPath;
use object_store::{GetOptions, GetRange, ObjectStore};
use tokio::io::AsyncWriteExt;

use super::error::{Site, StorageError, bad_name, container_answers, nothing_in_range};

/// How much is asked for at once, and how many questions are under way.
const RANGE: u64 = 8 << 20;
const RANGES_AT_ONCE: usize = 3;

/// A staged file that nobody wrote to for so long belongs to no living upload.
const ABANDONED: Duration = Duration::from_hours(24);

/// An opened container of a storage account.
pub struct Container {
    site: Site,
    question: Arc<dyn ObjectStore>,
    transfer: Arc<dyn ObjectStore>,
    folder: Option<PathBuf>,
}

/// One blob of a container.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The backup's name.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was written.
    pub modified_at: Timestamp,
}

/// The first bytes of a blob, and what pins the rest to the same version of it.
pub(crate) struct Start {
    pub(crate) bytes: Bytes,
    pub(crate) size: u64,
    etag: Option<String>,
}

impl Container {
    pub(super) fn new(
        site: Site,
        question: Arc<dyn ObjectStore>,
        transfer: Arc<dyn ObjectStore>,
        folder: Option<PathBuf>,
    ) -> Self {
        Self { site, question, transfer, folder }
    }

    /// Checks, before any work is done, that the account answers, its key opens it, the container
    /// exists and the backup's name can be used.
    pub async fn check(&self, name: &str) -> Result<(), StorageError> {
        let path = object_path(name)?;
        if let Some(folder) = &self.folder
            && !folder.is_dir()
        {
            return Err(self.site.container_missing());
        }
        let options = GetOptions::new().with_range(Some(GetRange::Bounded(0..1)));
        match self.question.get_opts(&path, options).await {
            Ok(_) => Ok(()),
            Err(error) if container_answers(&error) => Ok(()),
            Err(error) => Err(self.site.explain(&error, name)),
        }
    }

    /// All blobs, by name.
    pub async fn list(&self) -> Result<Vec<Entry>, StorageError> {
        let mut entries: Vec<Entry> = self
            .question
            .list(None)
            .map_ok(|meta| Entry {
                name: meta.location.to_string(),
                bytes: meta.size,
                modified_at: Timestamp::from_nanosecond(
                    meta.last_modified.timestamp_nanos_opt().unwrap_or_default().into(),
                )
                .unwrap_or_default(),
            })
            .try_collect()
            .await
            .map_err(|error| self.site.explain(&error, ""))?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Reads at most `length` bytes from the beginning of a blob.
    pub(crate) async fn start(&self, name: &str, length: u64) -> Result<Start, StorageError> {
        let path = object_path(name)?;
        let options = GetOptions::new().with_range(Some(GetRange::Bounded(0..length)));
        let result = match self.question.get_opts(&path, options).await {
            Ok(result) => result,
            Err(error) if nothing_in_range(&error) => {
                return Ok(Start { bytes: Bytes::new(), size: 0, etag: None });
            }
            Err(error) => return Err(self.site.explain(&error, name)),
        };
        let (size, etag, expected) =
            (result.meta.size, result.meta.e_tag.clone(), result.range.end - result.range.start);
        let bytes = result.bytes().await.map_err(|error| self.site.explain(&error, name))?;
        self.whole(&bytes, expected)?;
        Ok(Start { bytes, size, etag })
    }

    /// Writes a whole blob to `file`, several ranges under way at a time, and rewinds nothing.
    pub(crate) async fn download(
        &self,
        name: &str,
        start: Start,
        file: File,
        arrived: impl Fn(u64),
    ) -> Result<File, StorageError> {
        let path = object_path(name)?;
        let mut file = tokio::fs::File::from_std(file);
        let mut done = start.bytes.len() as u64;
        let step = usize::try_from(RANGE).unwrap_or(usize::MAX);
        let mut parts = stream::iter((done..start.size).step_by(step))
            .map(|from| self.range(&path, name, from..(from + RANGE).min(start.size), start.etag.clone()))
            .buffered(RANGES_AT_ONCE);
        self.write(&mut file, &start.bytes).await?;
        while let Some(bytes) = parts.next().await {
            let bytes = bytes?;
            self.write(&mut file, &bytes).await?;
            done += bytes.len() as u64;
            arrived(done);
        }
        file.flush().await.map_err(|error| self.spool_failed(&error))?;
        Ok(file.into_std().await)
    }

    async fn range(
        &self,
        path: &ObjectPath,
        name: &str,
        range: std::ops::Range<u64>,
        etag: Option<String>,
    ) -> Result<Bytes, StorageError> {
        let expected = range.end - range.start;
        let options = GetOptions::new().with_range(Some(GetRange::Bounded(range))).with_if_match(etag);
        let explain = |error: object_store::Error| self.site.explain(&error, name);
        let result = self.transfer.get_opts(path, options).await.map_err(explain)?;
        let bytes = result.bytes().await.map_err(explain)?;
        self.whole(&bytes, expected)?;
        Ok(bytes)
    }

    fn whole(&self, bytes: &Bytes, expected: u64) -> Result<(), StorageError> {
        if bytes.len() as u64 == expected {
            return Ok(());
        }
        Err(StorageError::Failed {
            account: self.site.account.clone(),
            reason: format!(
                "it sent {} of {expected} bytes and stopped; send the request again",
                bytes.len()
            ),
        })
    }

    async fn write(&self, file: &mut tokio::fs::File, bytes: &[u8]) -> Result<(), StorageError> {
        file.write_all(bytes).await.map_err(|error| self.spool_failed(&error))
    }

    fn spool_failed(&self, error: &std::io::Error) -> StorageError {
        StorageError::Failed {
            account: self.site.account.clone(),
            reason: format!("what it sent could not be kept in the data directory: {error}"),
        }
    }

    /// Removes what crashed uploads of this backup left beside it in a folder account. `mine` says
    /// that the upload that was interrupted was the caller's own.
    pub(crate) fn sweep(&self, name: &str, mine: bool) {
        let Some(folder) = &self.folder else { return };
        let target = folder.join(name);
        let (Some(parent), Some(file)) = (target.parent(), target.file_name().and_then(|name| name.to_str()))
        else {
            return;
        };
        for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
            let staged = entry.file_name().to_str().is_some_and(|other| is_staged(file, other));
            if staged && (mine || is_abandoned(&entry.path())) {
                match std::fs::remove_file(entry.path()) {
                    Ok(()) => tracing::info!(path = %entry.path().display(), "removed an abandoned upload"),
                    Err(error) => {
                        tracing::warn!(path = %entry.path().display(), %error, "cannot remove an abandoned upload");
                    }
                }
            }
        }
    }

    /// What the upload needs.
    pub(super) fn parts(&self) -> (&Site, &Arc<dyn ObjectStore>) {
        (&self.site, &self.transfer)
    }
}

/// The library stages an upload to `name` in `name#1`, `name#2`, …
fn is_staged(name: &str, other: &str) -> bool {
    other
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('#'))
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
}

fn is_abandoned(path: &Path) -> bool {
    path.metadata()
        .and_then(|meta| meta.modified())
        .is_ok_and(|modified| SystemTime::now().duration_since(modified).is_ok_and(|age| age > ABANDONED))
}

/// Checks a backup's name by the rules of blob names.
pub(super) fn object_path(name: &str) -> Result<ObjectPath, StorageError> {
    let broken = |rule| StorageError::BadBackupName { name: name.escape_debug().to_string(), rule };
    if name.is_empty() || name.chars().count() > 1024 {
        return Err(broken("it takes 1 to 1024 characters"));
    }
    if name.chars().any(char::is_control) || name.contains('\\') {
        return Err(broken("it must not hold control characters or backslashes"));
    }
    if name.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err(broken("no part between slashes may be empty, '.' or '..'"));
    }
    if name.ends_with('.') {
        return Err(broken("it must not end with a dot"));
    }
    if name.rsplit_once('#').is_some_and(|(_, rest)| rest.bytes().all(|b| b.is_ascii_digit())) {
        return Err(broken("it must not end with '#' and a number"));
    }
    ObjectPath::parse(name).map_err(|_| bad_name(name))
}

/// Checks a container's name.
pub(super) fn valid_container_name(name: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && alphanumeric(bytes[0])
        && alphanumeric(bytes[bytes.len() - 1])
        && bytes.iter().all(|b| alphanumeric(*b) || *b == b'-')
        && !name.contains("--")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bad_backup_names_are_refused() {
        for name in
            ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\nb", "a\\b", "a.", "a#12", &"x".repeat(1025)]
        {
            assert!(matches!(object_path(name), Err(StorageError::BadBackupName { .. })), "{name:?}");
        }
        for name in ["b1", "2026/11/night.evergate", "a#b", "100%", "größe", "a b"] {
            assert_eq!(object_path(name).unwrap().as_ref(), name);
        }
    }

    proptest! {
        #[test]
        fn an_accepted_name_stays_inside_its_container(name in "\\PC{0,30}|[./#a]{0,12}") {
            if let Ok(path) = object_path(&name) {
                prop_assert!(path.as_ref().split('/').all(|part| part != ".." && part != "." && !part.is_empty()));
            }
        }
    }
}
