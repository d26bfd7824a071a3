//! Reads the configuration of a service whole, at one revision.

use std::sync::{Arc, Mutex, PoisonError};

use evergate_model::ServiceId;
use evergate_model::snapshot::ServiceConfiguration;
use evergate_store::{RowSink, SharedStore, SnapshotInfo, SnapshotRow, StoreError};

#[derive(Default)]
struct Loading(Arc<Mutex<ServiceConfiguration>>);

impl RowSink for Loading {
    fn begin(&mut self, info: &SnapshotInfo) -> Result<(), String> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = ServiceConfiguration::new(&info.service);
        Ok(())
    }

    fn row(&mut self, row: SnapshotRow<'_>) -> Result<(), String> {
        let mut configuration = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        configuration.put_text(row.path, row.properties, row.secrets).map_err(|error| error.to_string())
    }
}

pub(super) async fn whole(
    store: &SharedStore,
    service: &ServiceId,
) -> Result<ServiceConfiguration, StoreError> {
    let loading = Loading::default();
    let loaded = Arc::clone(&loading.0);
    store.snapshot(service, Box::new(loading)).await?;
    Ok(std::mem::take(&mut *loaded.lock().unwrap_or_else(PoisonError::into_inner)))
}
