//! The first half of a restore: from the container to a verified archive.

use std::fs::File;

use evergate_archive::{Header, RecoveryKey, Unverified, Verified};
use evergate_model::Service;
use jiff::Timestamp;

use crate::RecoveryError;
use crate::runner::Job;
use crate::storage::Container;

/// Enough for the plain header, and for all of a small backup.
const START: u64 = 256 << 10;

/// Fetches and verifies a backup; what its plain header rules out is refused before the rest is fetched.
pub(super) async fn fetch(
    job: &Job<'_>,
    container: &Container,
    service: &Service,
) -> Result<Verified<File>, RecoveryError> {
    job.meter.phase("reading the backup's header", 0);
    let name = &job.request.backup_name;
    let start = container.start(name, START).await?;
    let header = Header::read(start.bytes.as_ref())?;
    let now = (job.parts.clock)();
    acceptable(&header.sku_name, header.expires_at, service, now)?;

    job.meter.phase("downloading", 0);
    job.meter.set_bytes(start.bytes.len() as u64);
    let spool = spool_file(job)?;
    let file = container.download(name, start, spool, |bytes| job.meter.set_bytes(bytes)).await?;
    job.reach("restore.downloaded");

    job.meter.phase("verifying", 0);
    let verified = verify(file, job.parts.keys.all()).await?;
    let manifest = verified.manifest();
    acceptable(&manifest.sku_name, manifest.expires_at, service, now)?;
    Ok(verified)
}

fn acceptable(
    sku: &str,
    expires_at: Timestamp,
    service: &Service,
    now: Timestamp,
) -> Result<(), RecoveryError> {
    if now >= expires_at {
        return Err(RecoveryError::Expired);
    }
    if !sku.eq_ignore_ascii_case(&service.sku.name) {
        return Err(RecoveryError::Sku { current: service.sku.name.clone(), backup: sku.to_owned() });
    }
    Ok(())
}

/// A file without a name: whatever happens to the process, nothing of it stays behind.
fn spool_file(job: &Job<'_>) -> Result<File, RecoveryError> {
    let folder = &job.parts.spool;
    std::fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder)).map_err(RecoveryError::Spool)
}

/// Reads every byte of an archive, on a thread that may block.
pub(crate) async fn verify(file: File, keys: Vec<RecoveryKey>) -> Result<Verified<File>, RecoveryError> {
    let task = tokio::task::spawn_blocking(move || Ok(Unverified::open(file, &keys)?.verify()?));
    task.await.map_err(|error| RecoveryError::Spool(std::io::Error::other(error)))?
}
