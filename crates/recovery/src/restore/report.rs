//! What a restore did, written down before it is done.

use evergate_archive::Manifest;
use evergate_model::{GenerationId, Revision, Service};
use evergate_store::{GenerationState, OperationId, SharedStore};
use serde_json::{Value, json};

use super::record;
use crate::RecoveryError;
use crate::backup::{changes_json, counts_json, location};
use crate::runner::Job;

const REPORTS: &str = "restore-reports";

/// The report of a restore that is about to swap.
pub(super) struct Report<'a> {
    job: &'a Job<'a>,
    document: Value,
}

impl<'a> Report<'a> {
    pub(super) async fn new(
        job: &'a Job<'a>,
        manifest: &Manifest,
        current: &Service,
        generation: GenerationId,
    ) -> Result<Self, RecoveryError> {
        let mut backup = location(job);
        backup["service"] = json!(manifest.service);
        backup["location"] = json!(manifest.location);
        backup["revision"] = json!(manifest.revision);
        backup["createdAt"] = json!(manifest.created_at.to_string());
        backup["producer"] = json!(manifest.producer);
        let document = json!({
            "backup": backup,
            "service": current.id.to_string(),
            "resources": manifest.resources(),
            "counts": counts_json(&manifest.counts),
            "generation": generation.0,
            "formerGeneration": current.generation.0,
            "formerRevision": current.revision.0,
            "changesSuperseded": superseded(job, manifest, current).await?,
        });
        Ok(Self { job, document })
    }

    pub(super) async fn write_down(&self) -> Result<(), RecoveryError> {
        let key = self.job.operation.id.to_string();
        Ok(self.job.parts.store.put_record(record(REPORTS, key, &self.document)).await?)
    }

    pub(super) async fn forget(&self) {
        forget_report(&self.job.parts.store, self.job.operation.id).await;
    }

    /// The operation's result. The written one stays until the operation has ended: who died between
    /// would otherwise restore once more, and an undo would find the restored state in its place.
    pub(super) fn finish(mut self, revision: Revision) -> String {
        self.document["revision"] = json!(revision.0);
        self.document.to_string()
    }
}

/// Changes of the target that the backup does not hold, when both are the same service: the same
/// name at another instance counts its own revisions. They stay in the former generation.
async fn superseded(job: &Job<'_>, manifest: &Manifest, current: &Service) -> Result<Value, RecoveryError> {
    let created_at = manifest.service_body.get("createdAt").and_then(Value::as_str);
    let same = manifest.service.eq_ignore_ascii_case(&current.id.to_string())
        && created_at == Some(current.created_at.to_string().as_str());
    if !same {
        return Ok(Value::Null);
    }
    let changes = job.parts.store.changes(&current.id, Revision(manifest.revision)).await?;
    Ok(changes_json(&changes))
}

/// The result of this operation, when a former process swapped and died before it could say so.
pub(super) async fn of_former_process(job: &Job<'_>) -> Result<Option<String>, RecoveryError> {
    let store = &job.parts.store;
    let key = job.operation.id.to_string();
    let Some(record) = store.record(REPORTS, &key).await? else { return Ok(None) };
    let generations = store.generations(&job.operation.service).await?;
    let document: Option<Value> = serde_json::from_slice(&record.value).ok();
    let swapped = document.filter(|document| {
        generations.iter().any(|generation| {
            generation.state == GenerationState::Live && document["generation"] == json!(generation.id.0)
        })
    });
    let Some(mut document) = swapped else {
        forget_report(store, job.operation.id).await;
        return Ok(None);
    };
    if let Some(service) = store.service(&job.operation.service).await? {
        document["revision"] = json!(service.revision.0);
    }
    Ok(Some(document.to_string()))
}

/// Removes the report of an operation that has ended.
pub(crate) async fn forget_report(store: &SharedStore, operation: OperationId) {
    if let Err(error) = store.take_record(REPORTS, &operation.to_string()).await {
        tracing::debug!(%operation, %error, "a report could not be removed");
    }
}
