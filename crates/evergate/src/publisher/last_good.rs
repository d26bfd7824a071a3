//! The last good snapshot on disk: sealed with the instance's key, written whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use evergate_model::snapshot::Snapshot;
use evergate_store::InstanceKey;
use serde::{Deserialize, Serialize};

/// What the file is sealed for.
const CONTEXT: &str = "evergate last good snapshot";
/// The form of the content; another one is ignored, the store has it all.
const FORMAT: u32 = 1;

/// Where the last good snapshot is kept.
pub(super) struct LastGoodFile {
    path: PathBuf,
    key: InstanceKey,
}

#[derive(Serialize, Deserialize)]
struct Content<S> {
    format: u32,
    snapshot: S,
}

/// Why the file could not be written or read.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Key(#[from] evergate_store::KeyError),
    #[error("{0}")]
    Content(#[from] serde_json::Error),
    #[error("it has format {0}, which this version does not know")]
    Format(u32),
}

impl LastGoodFile {
    pub(super) fn new(path: PathBuf, key: InstanceKey) -> Self {
        Self { path, key }
    }

    /// What was served last, or nothing: an unreadable file only means a slower first moment.
    pub(super) async fn read(self: &Arc<Self>) -> Snapshot {
        let file = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || file.read_now()).await;
        match read {
            Ok(Ok(snapshot)) => return snapshot,
            Ok(Err(FileError::Io(error))) if error.kind() == io::ErrorKind::NotFound => {}
            Ok(Err(error)) => {
                tracing::warn!(file = %self.path.display(), %error, "the last good snapshot cannot be used");
            }
            Err(error) => tracing::error!(%error, "reading the last good snapshot failed"),
        }
        Snapshot::default()
    }

    fn read_now(&self) -> Result<Snapshot, FileError> {
        let plain = self.key.open(CONTEXT, &fs::read(&self.path)?)?;
        let form: Content<serde::de::IgnoredAny> = serde_json::from_slice(&plain)?;
        if form.format != FORMAT {
            return Err(FileError::Format(form.format));
        }
        let content: Content<Snapshot> = serde_json::from_slice(&plain)?;
        Ok(content.snapshot)
    }

    /// Replaces the file.
    pub(super) async fn write(self: &Arc<Self>, snapshot: Arc<Snapshot>) -> anyhow::Result<()> {
        let file = Arc::clone(self);
        tokio::task::spawn_blocking(move || file.write_now(&snapshot)).await??;
        Ok(())
    }

    fn write_now(&self, snapshot: &Snapshot) -> Result<(), FileError> {
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(&Content { format: FORMAT, snapshot })?);
        let sealed = self.key.seal(CONTEXT, &plain)?;
        let staged = self.path.with_extension("new");
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&staged)?;
        file.write_all(&sealed)?;
        file.sync_all()?;
        fs::rename(&staged, &self.path)?;
        Ok(())
    }
}
