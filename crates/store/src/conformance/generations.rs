//! Cases about loading, swapping and dropping generations.

use evergate_model::{GenerationId, Revision};
use serde_json::json;

use super::Subject;
use super::sample::{commit, created, item, object, path, paths, put, snapshot};
use crate::{ChangeKind, GenerationState, Page, StoreError, Swap};

/// Before the swap nothing is seen of the load, after it nothing of the former state.
pub async fn a_swap_brings_everything_at_once(subject: &Subject) {
    let store = &subject.store;
    let before = created(store, "one").await;
    commit(store, &before.id, vec![put("/apis/old", 1), put("/apis/both", 1)]).await.unwrap();
    let to = store.begin_generation(&before.id, "nightly in westeurope").await.unwrap();
    store.load(to, vec![item("/apis/New", "kept-1"), item("/apis/both", "kept-2")]).await.unwrap();
    store.load(to, vec![item("/apis/New/operations/o", "kept-3")]).await.unwrap();
    assert_eq!(paths(&store.list_type(&before.id, "apis").await.unwrap()), ["/apis/both", "/apis/old"]);

    let body = object(json!({"properties": {"publisherName": "Restored"}}));
    let swap = Swap { to, from: before.generation, operation: None, at: None, body: Some(body.clone()) };
    let after = store.swap(&before.id, swap).await.unwrap();
    assert_eq!((after.revision, after.generation, &after.body), (Revision(3), to, &body));
    assert_eq!((&after.sku, &after.tags, &after.location), (&before.sku, &before.tags, &before.location));
    assert_ne!(after.etag, before.etag);
    assert_eq!(store.service(&before.id).await.unwrap().as_ref(), Some(&after));
    let listed = store.list(&before.id, "/apis", Page::default()).await.unwrap();
    assert_eq!(paths(&listed), ["/apis/both", "/apis/New"]);
    let loaded = store.resource(&before.id, &path("/apis/new")).await.unwrap().unwrap();
    assert_eq!((loaded.etag.0.as_str(), loaded.revision), ("kept-1", after.revision));
    assert_eq!(loaded.secrets.text("key"), Some("of /apis/New"));
    let (info, rows) = snapshot(store, &before.id).await;
    assert_eq!(
        (info.service.revision, rows.state.len(), rows.revisions["/apis/both"]),
        (after.revision, 3, 3)
    );
    let feed = store.changes(&before.id, Revision(2)).await.unwrap();
    assert_eq!(
        feed.iter().map(|change| (change.kind, &change.path)).collect::<Vec<_>>(),
        [(ChangeKind::Swapped, &None)]
    );

    let next = commit(store, &before.id, vec![put("/apis/new", 9)]).await.unwrap();
    assert_eq!((next.revision, next.existed), (Revision(4), vec![true]));
}

/// The former generation comes back as it was, and so does the restored one.
pub async fn a_swap_can_be_undone_and_done_again(subject: &Subject) {
    let store = &subject.store;
    let service = created(store, "one").await;
    commit(store, &service.id, vec![put("/apis/a", 1)]).await.unwrap();
    let first = snapshot(store, &service.id).await.1;
    let restored = store.begin_generation(&service.id, "backup").await.unwrap();
    store.load(restored, vec![item("/apis/b", "e")]).await.unwrap();
    let swap = async |to, from| {
        subject.clock.advance(jiff::SignedDuration::from_secs(1));
        store.swap(&service.id, Swap { to, from, operation: None, at: None, body: None }).await.unwrap()
    };
    let etag = swap(restored, service.generation).await.etag;
    assert_eq!(etag, service.etag, "a swap without a body leaves the service's version");
    let second = snapshot(store, &service.id).await.1;
    swap(service.generation, restored).await;
    let undone = snapshot(store, &service.id).await.1;
    assert_eq!((undone.state, undone.etags, undone.revisions), (first.state, first.etags, first.revisions));
    let states = store.generations(&service.id).await.unwrap();
    let short: Vec<_> = states.iter().map(|one| (one.id, one.state, one.resources)).collect();
    assert_eq!(
        short,
        [(restored, GenerationState::Former, 1), (service.generation, GenerationState::Live, 1)]
    );
    assert_eq!((states[0].replaced_at, states[1].replaced_at), (Some(subject.clock.now()), None));
    let last = swap(restored, service.generation).await;
    assert_eq!(last.revision, Revision(5));
    let again = snapshot(store, &service.id).await.1;
    assert_eq!((again.state, again.revisions), (second.state, second.revisions));
}

/// A swap planned against another live generation, or to what cannot be live, is refused.
pub async fn a_swap_says_what_it_expects(subject: &Subject) {
    let store = &subject.store;
    let one = created(store, "one").await;
    let two = created(store, "two").await;
    let to = store.begin_generation(&one.id, "backup").await.unwrap();
    let foreign = store.begin_generation(&two.id, "backup").await.unwrap();
    let swap = async |to, from| {
        store.swap(&one.id, Swap { to, from, operation: None, at: None, body: None }).await.map(|_| ())
    };
    for (to, from) in [(to, to), (to, two.generation)] {
        let refused = swap(to, from).await;
        assert!(matches!(refused, Err(StoreError::Stale)), "{to} {from}: {refused:?}");
    }
    for to in [one.generation, two.generation, foreign, GenerationId(1_000_000)] {
        let refused = swap(to, one.generation).await;
        assert!(matches!(refused, Err(StoreError::NotFound(_))), "{to}: {refused:?}");
    }
    assert_eq!(store.service(&one.id).await.unwrap(), Some(one.clone()));

    let later = commit(store, &one.id, vec![put("/apis/late", 1)]).await.unwrap().revision;
    let at = async |at| {
        let swap = Swap { to, from: one.generation, operation: None, at: Some(at), body: None };
        store.swap(&one.id, swap).await.map(|_| ())
    };
    let refused = at(one.revision).await;
    assert!(matches!(refused, Err(StoreError::Stale)), "{refused:?}");
    at(later).await.unwrap();
}

/// Doubles, and generations that are not being loaded.
pub async fn loading_refuses_what_cannot_be(subject: &Subject) {
    let store = &subject.store;
    let service = created(store, "one").await;
    let loading = store.begin_generation(&service.id, "backup").await.unwrap();
    store.load(loading, vec![item("/apis/a", "e")]).await.unwrap();
    let double = store.load(loading, vec![item("/apis/b", "e"), item("/APIS/A", "f")]).await;
    assert!(matches!(double, Err(StoreError::Conflict(_))), "{double:?}");
    store.load(loading, vec![item("/apis/b", "e")]).await.unwrap();
    assert_eq!(store.generations(&service.id).await.unwrap()[0].resources, 2);
    let swap = Swap { to: loading, from: service.generation, operation: None, at: None, body: None };
    store.swap(&service.id, swap).await.unwrap();
    for closed in [loading, service.generation, GenerationId(1_000_000)] {
        let refused = store.load(closed, vec![item("/apis/c", "e")]).await;
        assert!(matches!(refused, Err(StoreError::NotFound(_))), "{closed}: {refused:?}");
    }
}

/// Loading and former ones go; the live one stays; numbers are not used again.
pub async fn generations_can_be_dropped(subject: &Subject) {
    let store = &subject.store;
    let service = created(store, "one").await;
    commit(store, &service.id, vec![put("/apis/live", 1)]).await.unwrap();
    let abandoned = store.begin_generation(&service.id, "backup").await.unwrap();
    let items = (0..1200).map(|number| item(&format!("/apis/a{number}"), "e")).collect();
    store.load(abandoned, items).await.unwrap();
    let refused = store.drop_generation(service.generation).await;
    assert!(matches!(refused, Err(StoreError::NotFound(_))), "{refused:?}");
    store.drop_generation(abandoned).await.unwrap();
    assert!(matches!(store.drop_generation(abandoned).await, Err(StoreError::NotFound(_))));
    assert!(matches!(store.load(abandoned, Vec::new()).await, Err(StoreError::NotFound(_))));
    let next = store.begin_generation(&service.id, "backup").await.unwrap();
    assert!(next > abandoned);
    let left = store.generations(&service.id).await.unwrap();
    let short: Vec<_> = left.iter().map(|one| (one.id, one.state, one.resources)).collect();
    assert_eq!(short, [(next, GenerationState::Loading, 0), (service.generation, GenerationState::Live, 1)]);
    assert_eq!(paths(&store.list_type(&service.id, "apis").await.unwrap()), ["/apis/live"]);
}
