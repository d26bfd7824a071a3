//! Cases about changing resources.

use evergate_model::{ETag, Revision};

use super::Subject;
use super::sample::{
    Numbers, State, apply, commit, created, delete, path, paths, put, put_if, put_secret, snapshot,
};
use crate::{ChangeKind, Commit, Edit, IfMatch, Page, Precondition, StoreError};

/// `If-Match` on what exists and what does not, for puts and deletes.
pub async fn conditions_are_checked(subject: &Subject) {
    let store = &subject.store;
    let id = created(store, "one").await.id;
    let made = commit(store, &id, vec![put("/apis/a", 1)]).await.unwrap();
    let etag = made.etags[0].clone().unwrap();
    assert_eq!(made.existed, [false]);
    let wrong = IfMatch::Is(ETag("wrong".to_owned()));
    let remove = |at: &str, if_match: IfMatch| Edit::Delete { path: path(at), if_match };
    for edit in [put_if("/apis/a", 2, wrong.clone()), remove("/apis/a", wrong.clone())] {
        let refused = commit(store, &id, vec![edit]).await;
        assert!(
            matches!(&refused, Err(StoreError::ETagMismatch { path, current }) if path == "/apis/a" && *current == etag),
            "{refused:?}"
        );
    }
    for if_match in [IfMatch::Exists, wrong, IfMatch::Is(etag.clone())] {
        for edit in [put_if("/apis/b", 2, if_match.clone()), remove("/apis/b", if_match.clone())] {
            let refused = commit(store, &id, vec![edit]).await;
            assert!(matches!(refused, Err(StoreError::NotFound(_))), "{if_match:?}: {refused:?}");
        }
    }
    let second = commit(store, &id, vec![put_if("/apis/a", 2, IfMatch::Is(etag.clone()))]).await.unwrap();
    assert_ne!(second.etags, [Some(etag)]);
    let third = commit(store, &id, vec![put_if("/apis/a", 3, IfMatch::Exists)]).await.unwrap();
    let current = IfMatch::Is(third.etags[0].clone().unwrap());
    let last = commit(store, &id, vec![remove("/apis/a", current)]).await.unwrap();
    assert_eq!((last.etags, last.existed), (vec![None], vec![true]));
    assert!(store.resource(&id, &path("/apis/a")).await.unwrap().is_none());
}

/// Preconditions look at the state before the commit.
pub async fn preconditions_are_checked(subject: &Subject) {
    let store = &subject.store;
    let id = created(store, "one").await.id;
    let revision = commit(store, &id, vec![put("/apis/a", 1)]).await.unwrap().revision;
    let check = async |precondition: Precondition, holds: bool| {
        let edits = vec![put("/apis/a", 2), put("/apis/c", 2), delete("/apis/c")];
        let result =
            store.commit(&id, Commit { preconditions: vec![precondition.clone()], edits }).await.map(|_| ());
        match (&precondition, &result) {
            (_, Ok(())) if holds => {}
            (Precondition::Revision(_), Err(StoreError::Stale)) if !holds => {}
            (Precondition::Exists(at), Err(StoreError::Precondition { path, expected: true }))
            | (Precondition::Absent(at), Err(StoreError::Precondition { path, expected: false }))
                if !holds && path == at => {}
            _ => panic!("{precondition:?}: {result:?}"),
        }
    };
    check(Precondition::Revision(Revision(revision.0 - 1)), false).await;
    check(Precondition::Revision(revision), true).await;
    check(Precondition::Revision(revision), false).await;
    check(Precondition::Exists(path("/APIS/A")), true).await;
    check(Precondition::Exists(path("/apis/b")), false).await;
    check(Precondition::Exists(path("/apis/c")), false).await;
    check(Precondition::Absent(path("/apis/b")), true).await;
    check(Precondition::Absent(path("/apis/c")), true).await;
    check(Precondition::Absent(path("/apis/A")), false).await;
}

/// The last edit fails, so the first ones never happened.
pub async fn a_refused_commit_changes_nothing(subject: &Subject) {
    let store = &subject.store;
    let id = created(store, "one").await.id;
    commit(store, &id, vec![put("/apis/a", 1), put("/apis/a/operations/o", 1)]).await.unwrap();
    let before = (store.service(&id).await.unwrap(), snapshot(store, &id).await.1.state);
    let edits = vec![put("/apis/b", 1), delete("/apis/a"), put_if("/apis/c", 1, IfMatch::Exists)];
    assert!(commit(store, &id, edits).await.is_err());
    assert_eq!((store.service(&id).await.unwrap(), snapshot(store, &id).await.1.state), before);
    assert_eq!(store.changes(&id, before.0.unwrap().revision).await.unwrap(), []);
}

/// Everything below, of every type, and nothing beside.
pub async fn a_delete_takes_everything_below(subject: &Subject) {
    let store = &subject.store;
    let id = created(store, "one").await.id;
    let kept = [
        "/apis/pet-s",
        "/apis/pet2",
        "/apis/pet2/operations/o",
        "/apis/pet;rev=2",
        "/apis/pet;rev=2/operations/o",
        "/products/p/apis/pet",
    ];
    let gone = [
        "/apis/pet",
        "/apis/PET/operations/o",
        "/apis/pet/operations/o/policies/policy",
        "/apis/pet/schemas/s",
        "/apis/pet/policies/policy",
    ];
    commit(store, &id, kept.iter().chain(&gone).map(|at| put(at, 1)).collect()).await.unwrap();
    commit(store, &id, vec![delete("/apis/Pet")]).await.unwrap();
    let (info, left) = snapshot(store, &id).await;
    assert_eq!(left.state.keys().map(String::as_str).collect::<Vec<_>>(), kept);
    let counts: Vec<_> = info.counts.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(counts, [("apis", 3), ("apis/operations", 2), ("products/apis", 1)]);
    assert_eq!(store.generations(&id).await.unwrap()[0].resources, 6);
    let again = commit(store, &id, vec![put("/apis/pet", 2)]).await.unwrap();
    assert_eq!(again.existed, [false]);
    assert!(store.list(&id, "/apis/pet/operations", Page::default()).await.unwrap().is_empty());
}

/// The feed says what, when, and in which order.
pub async fn the_feed_tells_every_change(subject: &Subject) {
    let store = &subject.store;
    let id = created(store, "one").await.id;
    subject.clock.advance(jiff::SignedDuration::from_secs(5));
    commit(store, &id, vec![put("/apis/a", 1), put("/apis/b", 1)]).await.unwrap();
    commit(store, &id, vec![delete("/apis/a"), delete("/apis/missing"), put("/apis/a", 2)]).await.unwrap();
    let feed = store.changes(&id, Revision(1)).await.unwrap();
    let short: Vec<_> = feed
        .iter()
        .map(|change| (change.revision.0, change.kind, change.path.as_ref().unwrap().as_str()))
        .collect();
    let expected = [
        (2, ChangeKind::Put, "/apis/a"),
        (2, ChangeKind::Put, "/apis/b"),
        (3, ChangeKind::Deleted, "/apis/a"),
        (3, ChangeKind::Put, "/apis/a"),
    ];
    assert_eq!(short, expected);
    assert!(feed.iter().all(|change| change.at == subject.clock.now()));
    assert_eq!(store.changes(&id, Revision(2)).await.unwrap(), feed[2..]);
    assert_eq!(store.changes(&id, Revision(3)).await.unwrap(), []);
    let first = store.changes(&id, Revision(0)).await.unwrap();
    assert_eq!((first[0].kind, &first[0].path), (ChangeKind::Service, &None));
}

/// Deleting what is not there, or nothing at all, keeps the revision.
pub async fn a_commit_without_effect_is_no_revision(subject: &Subject) {
    let store = &subject.store;
    let service = created(store, "one").await;
    for edits in [Vec::new(), vec![delete("/apis/a"), delete("/apis/b/operations/o")]] {
        let committed = commit(store, &service.id, edits.clone()).await.unwrap();
        assert_eq!(committed.revision, service.revision);
        assert_eq!(committed.existed, vec![false; edits.len()]);
    }
    assert_eq!(store.service(&service.id).await.unwrap(), Some(service));
}

/// Long runs of random edits leave what a plain map says, in every way of reading.
pub async fn random_edits_agree_with_a_plain_map(subject: &Subject) {
    let store = &subject.store;
    for seed in 0..4 {
        let id = created(store, &format!("service-{seed}")).await.id;
        let mut numbers = Numbers(seed);
        let mut model = State::new();
        for _ in 0..40 {
            let edits: Vec<_> = (0..=numbers.below(4)).map(|_| numbers.edit()).collect();
            for edit in &edits {
                apply(&mut model, edit);
            }
            commit(store, &id, edits).await.unwrap();
        }
        commit(store, &id, vec![put_secret("/apis/last", "x")]).await.unwrap();
        apply(&mut model, &put_secret("/apis/last", "x"));
        let (info, found) = snapshot(store, &id).await;
        assert_eq!(found.state, model, "seed {seed}");
        assert_eq!(info.counts.iter().map(|(_, count)| *count).sum::<u64>(), model.len() as u64);
        for (resource_type, _) in &info.counts {
            let listed = store.list_type(&id, resource_type).await.unwrap();
            let expected: Vec<_> =
                model.keys().filter(|key| path(key).resource_type() == *resource_type).collect();
            assert_eq!(paths(&listed), expected, "seed {seed}, {resource_type}");
        }
    }
}
