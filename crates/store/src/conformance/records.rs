//! Cases about records.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::Subject;
use crate::{Record, StoreError};

fn record(collection: &str, key: &str, value: &str) -> Record {
    Record { collection: collection.to_owned(), key: key.to_owned(), value: value.as_bytes().to_vec() }
}

/// Keys are exact; collections do not see each other.
pub async fn records_are_kept_by_collection_and_key(subject: &Subject) {
    let store = &subject.store;
    store.create_record(record("apps", "b", "1")).await.unwrap();
    store.put_record(record("apps", "a", "2")).await.unwrap();
    store.put_record(record("apps", "B", "3")).await.unwrap();
    store.put_record(record("codes", "b", "")).await.unwrap();
    let taken = store.create_record(record("apps", "b", "4")).await;
    assert!(matches!(taken, Err(StoreError::Conflict(_))), "{taken:?}");
    store.put_record(record("apps", "a", "5")).await.unwrap();
    let all = store.records("apps").await.unwrap();
    assert_eq!(all, [record("apps", "B", "3"), record("apps", "a", "5"), record("apps", "b", "1")]);
    assert_eq!(store.record("codes", "b").await.unwrap(), Some(record("codes", "b", "")));
    assert_eq!(store.record("codes", "c").await.unwrap(), None);
    assert_eq!(store.records("none").await.unwrap(), []);
    assert_eq!(store.take_record("apps", "b").await.unwrap(), Some(record("apps", "b", "1")));
    assert_eq!(store.take_record("apps", "b").await.unwrap(), None);
    store.create_record(record("apps", "b", "6")).await.unwrap();
    store.ping().await.unwrap();
}

/// One-time codes are good for one.
pub async fn of_racing_takers_one_succeeds(subject: &Subject) {
    let store = &subject.store;
    for round in 0..10 {
        let key = format!("code-{round}");
        store.create_record(record("codes", &key, "x")).await.unwrap();
        let mut callers = JoinSet::new();
        for _ in 0..8 {
            let (store, key) = (Arc::clone(store), key.clone());
            callers.spawn(async move { store.take_record("codes", &key).await.unwrap().is_some() });
        }
        assert_eq!(callers.join_all().await.into_iter().filter(|got| *got).count(), 1, "{key}");
    }
}
