//! Where the directory keeps its documents.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

/// Storage failed; the text is for the operator.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the directory's records cannot be reached: {0}")]
pub struct RecordsError(pub String);

/// Small documents by collection and key. Values hold key material: an implementation seals them at rest.
#[async_trait]
pub trait Records: Send + Sync + 'static {
    /// One document.
    async fn get(&self, collection: &str, key: &str) -> Result<Option<Vec<u8>>, RecordsError>;
    /// All documents of a collection with their keys.
    async fn list(&self, collection: &str) -> Result<Vec<(String, Vec<u8>)>, RecordsError>;
    /// Writes a document, new or not.
    async fn put(&self, collection: &str, key: &str, value: Vec<u8>) -> Result<(), RecordsError>;
    /// Creates a document; false when the key is taken.
    async fn create(&self, collection: &str, key: &str, value: Vec<u8>) -> Result<bool, RecordsError>;
    /// Deletes a document and returns it: of two callers exactly one gets it.
    async fn take(&self, collection: &str, key: &str) -> Result<Option<Vec<u8>>, RecordsError>;
}

/// Records in memory, for tests and for directories that need not outlive the process.
#[derive(Debug, Default)]
pub struct MemoryRecords(Mutex<BTreeMap<(String, String), Vec<u8>>>);

impl MemoryRecords {
    fn with<T>(&self, f: impl FnOnce(&mut BTreeMap<(String, String), Vec<u8>>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn id(collection: &str, key: &str) -> (String, String) {
    (collection.to_owned(), key.to_owned())
}

#[async_trait]
impl Records for MemoryRecords {
    async fn get(&self, collection: &str, key: &str) -> Result<Option<Vec<u8>>, RecordsError> {
        Ok(self.with(|all| all.get(&id(collection, key)).cloned()))
    }

    async fn list(&self, collection: &str) -> Result<Vec<(String, Vec<u8>)>, RecordsError> {
        Ok(self.with(|all| {
            all.iter()
                .filter(|((c, _), _)| c == collection)
                .map(|((_, k), v)| (k.clone(), v.clone()))
                .collect()
        }))
    }

    async fn put(&self, collection: &str, key: &str, value: Vec<u8>) -> Result<(), RecordsError> {
        self.with(|all| all.insert(id(collection, key), value));
        Ok(())
    }

    async fn create(&self, collection: &str, key: &str, value: Vec<u8>) -> Result<bool, RecordsError> {
        Ok(self.with(|all| match all.entry(id(collection, key)) {
            std::collections::btree_map::Entry::Occupied(_) => false,
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert(value);
                true
            }
        }))
    }

    async fn take(&self, collection: &str, key: &str) -> Result<Option<Vec<u8>>, RecordsError> {
        Ok(self.with(|all| all.remove(&id(collection, key))))
    }
}
