//! The recovery engine as the HTTP side sees it, so that tests can watch what would begin.

use std::sync::Arc;

use async_trait::async_trait;
use evergate_model::{Service, ServiceId};
use evergate_recovery::{BackupRequest, Recovery, UndoError, UndoPlan};
use evergate_store::{Operation, StoreError, Verb};

/// Begins backups and restores, and undoes restores.
#[async_trait]
pub trait Recover: Send + Sync + 'static {
    /// Registers and starts an operation, or joins the same one that runs.
    async fn begin(
        &self,
        service: &ServiceId,
        verb: Verb,
        request: BackupRequest,
    ) -> Result<Operation, StoreError>;
    /// What undoing the last restore would do.
    async fn undo_plan(&self, service: &ServiceId) -> Result<UndoPlan, UndoError>;
    /// Undoes it.
    async fn undo(&self, plan: &UndoPlan) -> Result<Service, UndoError>;
}

#[async_trait]
impl Recover for Arc<Recovery> {
    async fn begin(
        &self,
        service: &ServiceId,
        verb: Verb,
        request: BackupRequest,
    ) -> Result<Operation, StoreError> {
        Recovery::begin(self, service, verb, request).await
    }

    async fn undo_plan(&self, service: &ServiceId) -> Result<UndoPlan, UndoError> {
        Recovery::undo_plan(self, service).await
    }

    async fn undo(&self, plan: &UndoPlan) -> Result<Service, UndoError> {
        Recovery::undo(self, plan).await
    }
}
