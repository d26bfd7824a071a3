//! Cases about callers that come at the same time.

use std::collections::BTreeSet;
use std::sync::Arc;

use evergate_model::Revision;
use tokio::task::JoinSet;

use super::Subject;
use super::sample::{commit, created, path, put, put_if};
use crate::{Commit, IfMatch, Page, Precondition, StoreError};

/// Revisions are neither shared nor skipped.
pub async fn every_commit_takes_its_own_revision(subject: &Subject) {
    let store = &subject.store;
    let id = created(store, "one").await.id;
    let mut callers = JoinSet::new();
    for caller in 0..50 {
        let (store, id) = (Arc::clone(store), id.clone());
        callers.spawn(async move {
            commit(&store, &id, vec![put(&format!("/apis/a{caller}"), caller)]).await.unwrap().revision.0
        });
    }
    let revisions: BTreeSet<u64> = callers.join_all().await.into_iter().collect();
    assert_eq!(revisions, (2..52).collect());
    assert_eq!(store.list(&id, "/apis", Page::default()).await.unwrap().len(), 50);
    assert_eq!(store.service(&id).await.unwrap().unwrap().revision, Revision(51));
}

/// Callers that read, plan and commit at a revision count correctly together.
pub async fn a_stale_plan_is_refused(subject: &Subject) {
    let store = &subject.store;
    let id = created(store, "one").await.id;
    commit(store, &id, vec![put("/namedValues/counter", 0)]).await.unwrap();
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        let (store, id) = (Arc::clone(store), id.clone());
        callers.spawn(async move {
            let at = path("/namedValues/counter");
            loop {
                let revision = store.service(&id).await.unwrap().unwrap().revision;
                let found = store.resource(&id, &at).await.unwrap().unwrap();
                let next = found.properties["value"].as_u64().unwrap() + 1;
                let preconditions = vec![Precondition::Revision(revision)];
                let edits = vec![put(at.as_str(), next)];
                match store.commit(&id, Commit { preconditions, edits }).await {
                    Ok(_) => break,
                    Err(StoreError::Stale) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        });
    }
    callers.join_all().await;
    let counter = store.resource(&id, &path("/namedValues/counter")).await.unwrap().unwrap();
    assert_eq!(counter.properties["value"], 8);
}

/// A commit of any service moves the counter; a refused one and a record do not.
pub async fn watchers_are_woken(subject: &Subject) {
    let store = &subject.store;
    let mut watcher = store.watch();
    let one = created(store, "one").await.id;
    watcher.changed().await.unwrap();
    let before = *watcher.borrow_and_update();
    assert!(commit(store, &one, vec![put_if("/apis/a", 1, IfMatch::Exists)]).await.is_err());
    let record = crate::Record { collection: "c".to_owned(), key: "k".to_owned(), value: Vec::new() };
    store.put_record(record).await.unwrap();
    assert!(!watcher.has_changed().unwrap());
    commit(store, &one, vec![put("/apis/a", 1)]).await.unwrap();
    watcher.changed().await.unwrap();
    assert!(*watcher.borrow_and_update() > before);
    store.delete_service(&one, IfMatch::None).await.unwrap();
    watcher.changed().await.unwrap();
}

/// Commits that may share a transaction succeed and fail each on its own.
pub async fn a_refused_commit_does_not_undo_its_neighbours(subject: &Subject) {
    let store = &subject.store;
    let id = created(store, "one").await.id;
    let mut callers = JoinSet::new();
    for caller in 0..60 {
        let (store, id) = (Arc::clone(store), id.clone());
        callers.spawn(async move {
            let condition = if caller % 3 == 0 { IfMatch::Exists } else { IfMatch::None };
            let edits = vec![
                put(&format!("/products/p{caller}"), 1),
                put_if(&format!("/apis/a{caller}"), 1, condition),
            ];
            (caller, commit(&store, &id, edits).await.is_ok())
        });
    }
    for (caller, succeeded) in callers.join_all().await {
        assert_eq!(succeeded, caller % 3 != 0, "{caller}");
    }
    assert_eq!(store.list(&id, "/products", Page::default()).await.unwrap().len(), 40);
    assert_eq!(store.service(&id).await.unwrap().unwrap().revision, Revision(41));
}
