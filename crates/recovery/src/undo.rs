//! Undoing a restore: the generation that served before becomes live again.
//!
//! The undone generation stays as a former one, so that an undo can be undone.

use std::fmt;

use evergate_model::{Revision, Service, ServiceId};
use evergate_store::{Generation, GenerationState, StoreError, Swap};

use crate::Recovery;
use crate::restore::{forget_former, former, keep_former, merged};

/// What an undo will do; printable, and applied as it was printed or not at all.
#[derive(Debug, Clone)]
pub struct UndoPlan {
    /// The service.
    pub service: ServiceId,
    /// What serves now.
    pub from: Generation,
    /// What will serve again.
    pub to: Generation,
    /// The commit the plan was made at.
    pub revision: Revision,
    /// Changes made since the last swap; they go to rest with the undone generation.
    pub changes_since: u64,
}

/// Why an undo is not possible.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// There is no such service.
    #[error("service '{0}' was not found")]
    ServiceNotFound(ServiceId),
    /// No restore is left to undo.
    #[error("there is nothing to undo: no former configuration of service '{0}' is kept")]
    Nothing(ServiceId),
    /// The service has changed since the plan.
    #[error("the service changed after this undo was planned: look at the new plan, then undo")]
    Changed,
    /// The store refused or failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for UndoError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale => Self::Changed,
            error => Self::Store(error),
        }
    }
}

impl Recovery {
    /// Plans the undo of the last swap.
    pub async fn undo_plan(&self, id: &ServiceId) -> Result<UndoPlan, UndoError> {
        let store = &self.parts.store;
        let service = store.service(id).await?.ok_or_else(|| UndoError::ServiceNotFound(id.clone()))?;
        let generations = store.generations(id).await?;
        let nothing = || UndoError::Nothing(id.clone());
        let live = generations.iter().find(|generation| generation.id == service.generation);
        let newest = generations
            .iter()
            .filter(|generation| generation.state == GenerationState::Former)
            .max_by_key(|generation| (generation.replaced_at, generation.id));
        let (from, to) = live.zip(newest).ok_or_else(nothing)?;
        // The swap itself took the revision after the former generation's last.
        let swapped = former(store, to.id).await?.map_or(Revision(0), |former| Revision(former.last.0 + 1));
        let changes = store.changes(id, swapped).await?;
        Ok(UndoPlan {
            service: id.clone(),
            from: from.clone(),
            to: to.clone(),
            revision: service.revision,
            changes_since: changes.len() as u64,
        })
    }

    /// Applies a plan, in one transaction. [`StoreError::Busy`] while an operation runs.
    pub async fn undo(&self, plan: &UndoPlan) -> Result<Service, UndoError> {
        let store = &self.parts.store;
        let service = store
            .service(&plan.service)
            .await?
            .ok_or_else(|| UndoError::ServiceNotFound(plan.service.clone()))?;
        if service.revision != plan.revision {
            return Err(UndoError::Changed);
        }
        let former = former(store, plan.to.id).await?.and_then(|former| former.body);
        keep_former(store, &service).await?;
        let swap = Swap {
            to: plan.to.id,
            from: plan.from.id,
            operation: None,
            // The body that the swap writes was made from this commit's.
            at: Some(plan.revision),
            body: former.map(|former| merged(&service.body, &former)),
        };
        let service = store.swap(&plan.service, swap).await?;
        // It is done: an error now would have a client send the request again, which undoes the undo.
        if let Err(error) = forget_former(store, plan.to.id).await {
            tracing::warn!(service = %plan.service, %error, "what was noted about a former generation could not be removed");
        }
        Ok(service)
    }
}

impl fmt::Display for UndoPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Undo the last restore of {}", self.service)?;
        writeln!(f, "  serving now:         {} ({} resources)", self.from.origin, self.from.resources)?;
        writeln!(f, "  will serve again:    {} ({} resources)", self.to.origin, self.to.resources)?;
        if let Some(replaced) = self.to.replaced_at {
            writeln!(f, "                       replaced at {replaced}")?;
        }
        write!(f, "  changes since then:  {}, kept with what serves now", self.changes_since)
    }
}
