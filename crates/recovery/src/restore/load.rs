//! The second half of a restore: from a verified archive into a new generation.

use std::fs::File;

use evergate_archive::{LineRef, Manifest, ReadError, Verified};
use evergate_model::{ETag, GenerationId, ResourcePath, Service};
use evergate_store::LoadItem;
use tokio::sync::mpsc;

use crate::RecoveryError;
use crate::runner::Job;

/// A batch is one transaction: large enough that its commit does not weigh, small enough for memory.
const BATCH_RESOURCES: usize = 2_000;
const BATCH_BYTES: usize = 4 << 20;
/// Batches that are ready while one is being stored.
const BATCHES_WAITING: usize = 1;

/// Loads every resource and checks that all arrived.
pub(super) async fn load(
    job: &Job<'_>,
    service: &Service,
    generation: GenerationId,
    verified: Verified<File>,
    manifest: &Manifest,
) -> Result<(), RecoveryError> {
    let expected = manifest.resources();
    job.meter.phase("loading", expected);
    let (sender, mut receiver) = mpsc::channel(BATCHES_WAITING);
    let reader = tokio::task::spawn_blocking(move || read(verified, &sender));
    let mut loaded: u64 = 0;
    while let Some(batch) = receiver.recv().await {
        let count = batch.len() as u64;
        // An early return drops the receiver, which stops the reader.
        job.parts.store.load(generation, batch).await?;
        if loaded == 0 {
            job.reach("restore.loading");
        }
        loaded += count;
        job.meter.add(count);
    }
    reader.await.map_err(|error| RecoveryError::Spool(std::io::Error::other(error)))??;

    let generations = job.parts.store.generations(&service.id).await?;
    let stored = generations.iter().find(|known| known.id == generation).map_or(0, |known| known.resources);
    if stored != expected || loaded != expected {
        return Err(RecoveryError::Incomplete { loaded: stored.min(loaded), expected });
    }
    Ok(())
}

/// Why the reader stopped.
enum Stop {
    Read(ReadError),
    Unloadable(String),
    /// Nobody takes batches any more; who stopped taking them knows why.
    Unwanted,
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// Sends every resource of the archive in batches.
fn read(mut verified: Verified<File>, sender: &mpsc::Sender<Vec<LoadItem>>) -> Result<(), RecoveryError> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    let send = |batch: Vec<LoadItem>| sender.blocking_send(batch).map_err(|_| Stop::Unwanted);
    let read = verified.for_each(|line| {
        let item = item(&line)?;
        bytes += item.properties.len() + item.secrets.as_ref().map_or(0, String::len);
        batch.push(item);
        if batch.len() < BATCH_RESOURCES && bytes < BATCH_BYTES {
            return Ok(());
        }
        bytes = 0;
        send(std::mem::take(&mut batch))
    });
    let read = read.and_then(|()| if batch.is_empty() { Ok(()) } else { send(batch) });
    match read {
        Ok(()) | Err(Stop::Unwanted) => Ok(()),
        Err(Stop::Read(error)) => Err(error.into()),
        Err(Stop::Unloadable(what)) => Err(RecoveryError::Unloadable(what)),
    }
}

fn item(line: &LineRef<'_>) -> Result<LoadItem, Stop> {
    let path = ResourcePath::parse(line.path).map_err(|error| Stop::Unloadable(error.to_string()))?;
    Ok(LoadItem {
        path,
        properties: line.properties.to_owned(),
        secrets: line.secrets.map(str::to_owned),
        etag: ETag(line.etag.to_owned()),
    })
}
