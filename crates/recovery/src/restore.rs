//! A restore: fetch, verify, load beside the live configuration, swap in one step.
//!
//! Until the swap nothing the service serves has changed, and the swap is one transaction. Its report
//! is written down before it, so that a process that dies right after it still tells what happened.

mod body;
mod fetch;
mod load;
mod report;

use std::fs::File;

use evergate_archive::{Manifest, Verified};
use evergate_model::{GenerationId, Service};
use evergate_store::{GenerationState, Record, StoreError, Swap};

pub(crate) use body::{forget_former, former, keep_former, merged};
pub(crate) use fetch::verify;
use report::Report;
pub(crate) use report::forget_report;

use crate::RecoveryError;
use crate::runner::Job;

/// How many generations that served before are kept, the newest ones.
const FORMERS_KEPT: usize = 3;

/// Runs a restore and returns its result as a JSON document.
pub(crate) async fn run(job: &Job<'_>) -> Result<String, RecoveryError> {
    if job.resumed
        && let Some(result) = report::of_former_process(job).await?
    {
        forget_old_generations(job).await;
        return Ok(result);
    }
    let service = target(job).await?;
    job.meter.phase("opening the storage account", 0);
    let request = job.request;
    let container =
        job.parts.accounts.container(&request.storage_account, &request.access, &request.container)?;
    let verified = fetch::fetch(job, &container, &service).await?;
    let manifest = verified.manifest().clone();

    let generation = job.parts.store.begin_generation(&service.id, &origin(job, &manifest)).await?;
    match load_and_swap(job, &service, generation, verified, &manifest).await {
        Ok(result) => {
            forget_old_generations(job).await;
            Ok(result)
        }
        Err(error) => {
            discard(job, generation).await;
            Err(error)
        }
    }
}

async fn target(job: &Job<'_>) -> Result<Service, RecoveryError> {
    let service = job.parts.store.service(&job.operation.service).await?;
    service.ok_or(RecoveryError::ServiceGone)
}

/// What the new generation says it came from.
fn origin(job: &Job<'_>, manifest: &Manifest) -> String {
    format!(
        "backup '{}' in {}/{} of revision {}, made {}",
        job.request.backup_name,
        job.request.storage_account,
        job.request.container,
        manifest.revision,
        manifest.created_at,
    )
}

async fn load_and_swap(
    job: &Job<'_>,
    service: &Service,
    generation: GenerationId,
    verified: Verified<File>,
    manifest: &Manifest,
) -> Result<String, RecoveryError> {
    let store = &job.parts.store;
    load::load(job, service, generation, verified, manifest).await?;
    job.reach("restore.verified");

    job.meter.phase("swapping", manifest.resources());
    job.meter.add(manifest.resources());
    // Commits were refused since the operation began, so this is what the swap replaces.
    let current = target(job).await?;
    let report = Report::new(job, manifest, &current, generation).await?;
    report.write_down().await?;
    keep_former(store, &current).await?;
    let swap = Swap {
        to: generation,
        from: current.generation,
        operation: Some(job.operation.id),
        at: Some(current.revision),
        body: Some(body::restored(&current.body, manifest)),
    };
    match store.swap(&service.id, swap).await {
        Ok(restored) => {
            job.reach("restore.swapped");
            Ok(report.finish(restored.revision))
        }
        Err(error) => {
            report.forget().await;
            Err(match error {
                StoreError::NotFound(_) => RecoveryError::ServiceGone,
                error => error.into(),
            })
        }
    }
}

/// Removes what was loaded, unless it has become live after all. Best effort: the next start removes the rest.
async fn discard(job: &Job<'_>, generation: GenerationId) {
    if let Err(error) = job.parts.store.drop_generation(generation).await
        && !matches!(error, StoreError::NotFound(_))
    {
        tracing::warn!(%generation, %error, "an incomplete generation could not be removed; the next start removes it");
    }
}

/// Keeps the newest former generations and drops the others, with what was noted about them.
async fn forget_old_generations(job: &Job<'_>) {
    let store = &job.parts.store;
    let forget = async {
        let mut formers = store.generations(&job.operation.service).await?;
        formers.retain(|generation| generation.state == GenerationState::Former);
        formers.sort_by_key(|generation| std::cmp::Reverse((generation.replaced_at, generation.id)));
        for old in formers.iter().skip(FORMERS_KEPT) {
            store.drop_generation(old.id).await?;
            forget_former(store, old.id).await?;
        }
        Ok::<(), StoreError>(())
    };
    if let Err(error) = forget.await {
        tracing::warn!(service = %job.operation.service, %error, "old generations could not be removed; the next restore tries again");
    }
}

/// A record of this crate.
pub(crate) fn record(collection: &str, key: String, value: &serde_json::Value) -> Record {
    Record { collection: collection.to_owned(), key, value: value.to_string().into_bytes() }
}
