//! The directory's documents in the store's records, which seals them.

use async_trait::async_trait;
use evergate_identity::{Records, RecordsError};
use evergate_store::{Record, SharedStore, StoreError};

/// Adapts a store.
pub struct StoreRecords(SharedStore);

impl StoreRecords {
    /// Keeps the documents in this store.
    pub fn new(store: SharedStore) -> Self {
        Self(store)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn failed(error: StoreError) -> RecordsError {
    RecordsError(error.to_string())
}

fn record(collection: &str, key: &str, value: Vec<u8>) -> Record {
    Record { collection: collection.to_owned(), key: key.to_owned(), value }
}

#[async_trait]
impl Records for StoreRecords {
    async fn get(&self, collection: &str, key: &str) -> Result<Option<Vec<u8>>, RecordsError> {
        Ok(self.0.record(collection, key).await.map_err(failed)?.map(|record| record.value))
    }

    async fn list(&self, collection: &str) -> Result<Vec<(String, Vec<u8>)>, RecordsError> {
        let records = self.0.records(collection).await.map_err(failed)?;
        Ok(records.into_iter().map(|record| (record.key, record.value)).collect())
    }

    async fn put(&self, collection: &str, key: &str, value: Vec<u8>) -> Result<(), RecordsError> {
        self.0.put_record(record(collection, key, value)).await.map_err(failed)
    }

    async fn create(&self, collection: &str, key: &str, value: Vec<u8>) -> Result<bool, RecordsError> {
        match self.0.create_record(record(collection, key, value)).await {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict(_)) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    async fn take(&self, collection: &str, key: &str) -> Result<Option<Vec<u8>>, RecordsError> {
        Ok(self.0.take_record(collection, key).await.map_err(failed)?.map(|record| record.value))
    }
}
