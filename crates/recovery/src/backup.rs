//! A backup: one consistent snapshot, through the archive, into a staged upload.

mod sink;

use evergate_store::{ChangeKind, StoreError};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::RecoveryError;
use crate::runner::Job;
use crate::storage::{Container, Staged};
use sink::{Produced, Producer};

/// Parts that wait between the archive and the upload, beside those that are under way.
const PARTS_WAITING: usize = 1;
/// Changes that a result lists; the rest is counted.
pub(crate) const CHANGES_LISTED: usize = 100;

/// Runs a backup and returns its result as a JSON document.
pub(crate) async fn run(job: &Job<'_>) -> Result<String, RecoveryError> {
    let request = job.request;
    job.meter.phase("opening the storage account", 0);
    let container =
        job.parts.accounts.container(&request.storage_account, &request.access, &request.container)?;
    container.check(&request.backup_name).await?;
    container.sweep(&request.backup_name, job.resumed);

    let (staged, produced) = stage(job, &container).await?;
    job.reach("backup.staged");
    job.meter.phase("committing the upload", produced.resources);
    job.meter.add(produced.resources);
    staged.commit().await?;
    job.reach("backup.committed");
    Ok(result(job, &produced).await)
}

/// Writes and uploads at the same time. Whichever side fails stops the other, and nothing is visible.
async fn stage<'a>(job: &Job<'_>, container: &'a Container) -> Result<(Staged<'a>, Produced), RecoveryError> {
    let (sender, receiver) = mpsc::channel(PARTS_WAITING);
    let producer = Producer::new(job, sender);
    let produce = async {
        let snapshot = job.parts.store.snapshot(&job.operation.service, producer.sink()).await;
        job.reach("backup.snapshot");
        match snapshot {
            Ok(info) => producer.finish(info).await,
            // Either way the producer is dropped, which ends the upload.
            Err(StoreError::NotFound(_)) => {
                drop(producer);
                Err(RecoveryError::ServiceGone)
            }
            Err(error) => Err(producer.failure().map_or_else(|| error.into(), RecoveryError::Write)),
        }
    };
    let (produced, staged) = tokio::join!(produce, container.stage(&job.request.backup_name, receiver));
    match (produced, staged) {
        (Ok(produced), Ok(staged)) => Ok((staged, produced)),
        (Err(error), Ok(staged)) => {
            staged.abort().await;
            Err(error)
        }
        // The producer stopped because nobody received any more.
        (_, Err(error)) => Err(error.into()),
    }
}

/// The operation's result: what the backup is, and what has changed since.
async fn result(job: &Job<'_>, produced: &Produced) -> String {
    let info = &produced.info;
    let changes = job.parts.store.changes(&job.operation.service, info.service.revision).await;
    let later = changes.map_or(Value::Null, |changes| changes_json(&changes));
    json!({
        "backup": location(job),
        "service": job.operation.service.to_string(),
        "revision": info.service.revision.0,
        "createdAt": info.at.to_string(),
        "expiresAt": produced.expires_at.to_string(),
        "bytes": produced.bytes,
        "sha256": produced.sha256,
        "resources": produced.resources,
        "counts": counts_json(&info.counts),
        "keyIds": job.parts.keys.ids(),
        "changesNotIncluded": later,
    })
    .to_string()
}

/// Which backup an operation was about.
pub(crate) fn location(job: &Job<'_>) -> Value {
    json!({
        "storageAccount": job.request.storage_account,
        "containerName": job.request.container,
        "backupName": job.request.backup_name,
    })
}

pub(crate) fn counts_json(counts: &[(String, u64)]) -> Value {
    counts
        .iter()
        .map(|(name, count)| (name.clone(), Value::from(*count)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Changes as a result lists them: all counted, the first ones named.
pub(crate) fn changes_json(changes: &[evergate_store::Change]) -> Value {
    let listed: Vec<Value> = changes
        .iter()
        .take(CHANGES_LISTED)
        .map(|change| {
            let kind = match change.kind {
                ChangeKind::Put => "put",
                ChangeKind::Deleted => "deleted",
                ChangeKind::Swapped => "swapped",
                ChangeKind::Service => "service",
            };
            json!({
                "revision": change.revision.0,
                "kind": kind,
                "path": change.path.as_ref().map(ToString::to_string),
                "at": change.at.to_string(),
            })
        })
        .collect();
    json!({ "count": changes.len(), "changes": listed })
}
