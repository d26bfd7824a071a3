//! Cases about snapshots.

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};

use super::Subject;
use super::sample::{
    Numbers, State, apply, commit, created, item, path, put, put_secret, service_id, snapshot, snapshot_with,
};
use crate::{RowSink, SnapshotInfo, SnapshotRow, StoreError, Swap};

/// By type, then by path, with counts known before the first row.
pub async fn a_snapshot_holds_everything_in_order(subject: &Subject) {
    let store = &subject.store;
    let id = created(store, "one").await.id;
    let empty = snapshot(store, &id).await;
    assert_eq!((empty.0.counts.len(), empty.1.order.len()), (0, 0));
    let edits = vec![
        put("/products/p", 1),
        put("/apis/b/operations/o", 2),
        put_secret("/subscriptions/s", "primary"),
        put("/apis/b", 3),
        put("/apiVersionSets/v", 4),
        put("/apis/A", 5),
    ];
    let committed = commit(store, &id, edits).await.unwrap();
    let (info, rows) = snapshot(store, &id).await;
    let order: Vec<_> = rows.order.iter().map(|(name, path)| (name.as_str(), path.as_str())).collect();
    let expected = [
        ("apis", "/apis/A"),
        ("apis", "/apis/b"),
        ("apis/operations", "/apis/b/operations/o"),
        ("apiVersionSets", "/apiVersionSets/v"),
        ("products", "/products/p"),
        ("subscriptions", "/subscriptions/s"),
    ];
    assert_eq!(order, expected);
    let counts: Vec<_> = info.counts.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    let expected =
        [("apis", 2), ("apis/operations", 1), ("apiVersionSets", 1), ("products", 1), ("subscriptions", 1)];
    assert_eq!(counts, expected);
    assert_eq!((info.service.revision, info.at), (committed.revision, subject.clock.now()));
    let subscription = &rows.state["/subscriptions/s"];
    assert_eq!(subscription, &("{}".to_owned(), Some(r#"{"key":"primary"}"#.to_owned())));
    let read = store.resource(&id, &path("/apis/b")).await.unwrap().unwrap();
    assert_eq!((rows.etags["/apis/b"].clone(), rows.revisions["/apis/b"]), (read.etag.0, read.revision.0));
}

/// Each snapshot has begun when further commits succeed, and holds none of them.
pub async fn a_snapshot_is_its_revision_while_writers_go_on(subject: &Subject) {
    let store = &subject.store;
    let id = created(store, "one").await.id;
    let mut numbers = Numbers(7);
    let mut model = State::new();
    let mut history: BTreeMap<u64, State> = BTreeMap::from([(1, State::new())]);
    let mut change = async || {
        let edits: Vec<_> = (0..8).map(|_| numbers.edit()).collect();
        for edit in &edits {
            apply(&mut model, edit);
        }
        let revision = commit(store, &id, edits).await.unwrap().revision.0;
        history.insert(revision, model.clone());
    };
    let mut taken = Vec::new();
    for _ in 0..6 {
        change().await;
        let (began, begin) = tokio::sync::oneshot::channel();
        let (resume, resumed) = mpsc::channel::<()>();
        let mut began = Some(began);
        let (copy, id) = (Arc::clone(store), id.clone());
        let running = tokio::spawn(async move {
            let on_begin = move |_: &SnapshotInfo| {
                began.take().unwrap().send(()).unwrap();
                resumed.recv().unwrap();
            };
            snapshot_with(&copy, &id, on_begin).await
        });
        begin.await.unwrap();
        for _ in 0..5 {
            change().await;
        }
        resume.send(()).unwrap();
        taken.push(running.await.unwrap());
    }
    for (info, rows) in taken {
        let revision = info.service.revision.0;
        assert_eq!(rows.state, history[&revision], "revision {revision}");
        assert!(rows.revisions.values().all(|row| *row <= revision));
        assert_eq!(info.counts.iter().map(|(_, count)| count).sum::<u64>(), rows.state.len() as u64);
    }
}

/// A restore and a clean-up in the middle of a snapshot do not reach it.
pub async fn a_snapshot_outlives_the_generation_it_reads(subject: &Subject) {
    let store = &subject.store;
    let service = created(store, "one").await;
    let edits = (0..50).map(|number| put(&format!("/apis/a{number:02}"), number)).collect();
    commit(store, &service.id, edits).await.unwrap();
    let to = store.begin_generation(&service.id, "restore").await.unwrap();
    store.load(to, vec![item("/apis/loaded", "e")]).await.unwrap();

    let (began, begin) = tokio::sync::oneshot::channel();
    let (resume, resumed) = mpsc::channel::<()>();
    let mut began = Some(began);
    let (copy, id) = (Arc::clone(store), service.id.clone());
    let running = tokio::spawn(async move {
        let on_begin = move |_: &SnapshotInfo| {
            began.take().unwrap().send(()).unwrap();
            resumed.recv().unwrap();
        };
        snapshot_with(&copy, &id, on_begin).await
    });
    begin.await.unwrap();
    let swap = Swap { to, from: service.generation, operation: None, at: None, body: None };
    store.swap(&service.id, swap).await.unwrap();
    store.drop_generation(service.generation).await.unwrap();
    resume.send(()).unwrap();
    let (info, rows) = running.await.unwrap();
    assert_eq!((info.service.generation, rows.state.len()), (service.generation, 50));
    assert_eq!(snapshot(store, &service.id).await.1.state.len(), 1);
}

/// The sink's error ends the snapshot, at the beginning or in the middle.
pub async fn the_receiver_can_stop(subject: &Subject) {
    struct Limited(usize);
    impl RowSink for Limited {
        fn begin(&mut self, _: &SnapshotInfo) -> Result<(), String> {
            self.take()
        }
        fn row(&mut self, _: SnapshotRow<'_>) -> Result<(), String> {
            self.take()
        }
    }
    impl Limited {
        fn take(&mut self) -> Result<(), String> {
            self.0 = self.0.checked_sub(1).ok_or("enough")?;
            Ok(())
        }
    }
    let store = &subject.store;
    let id = created(store, "one").await.id;
    commit(store, &id, vec![put("/apis/a", 1), put("/apis/b", 1)]).await.unwrap();
    for (limit, stops) in [(0, true), (1, true), (2, true), (3, false)] {
        match store.snapshot(&id, Box::new(Limited(limit))).await {
            Err(StoreError::Receiver(reason)) => assert!(stops && reason == "enough", "{limit}"),
            other => assert!(!stops && other.is_ok(), "{limit}: {other:?}"),
        }
    }
    let missing = store.snapshot(&service_id("missing"), Box::new(Limited(9))).await;
    assert!(matches!(missing, Err(StoreError::NotFound(_))), "{missing:?}");
}
