//! Cases about long-running operations.

use std::sync::Arc;

use jiff::SignedDuration;
use tokio::task::JoinSet;

use super::Subject;
use super::sample::{commit, created, item, new_operation, put, started};
use crate::{
    Begin, IfMatch, OperationFailure, OperationId, OperationState, Progress, ServiceEdit, StoreError, Swap,
    Verb,
};

const LEASE: SignedDuration = SignedDuration::from_secs(30);

/// The same request joins; another one is told what runs.
pub async fn one_operation_runs_on_a_service(subject: &Subject) {
    let store = &subject.store;
    let id = created(store, "one").await.id;
    created(store, "two").await;
    assert!(store.running_operation(&id).await.unwrap().is_none());
    let first = started(store, "one", Verb::Backup).await;
    assert_eq!(
        (first.verb, first.state, first.started_at),
        (Verb::Backup, OperationState::Running, subject.clock.now())
    );
    assert_eq!(store.running_operation(&id).await.unwrap().unwrap().id, first.id);
    match store.begin_operation(new_operation("one", Verb::Backup, "digest", "second")).await.unwrap() {
        Begin::Joined(joined) => assert_eq!(joined.id, first.id),
        Begin::Started(other) => panic!("{} started", other.id),
    }
    for (verb, digest) in [(Verb::Backup, "other"), (Verb::Restore, "digest")] {
        let refused = store.begin_operation(new_operation("one", verb, digest, "second")).await;
        assert!(matches!(&refused, Err(StoreError::Busy(running)) if running.id == first.id), "{refused:?}");
    }
    started(store, "two", Verb::Restore).await;
    store.finish_operation(first.id, Ok("{}".to_owned())).await.unwrap();
    let next = started(store, "one", Verb::Backup).await;
    assert_ne!(next.id, first.id);
    let missing = store.begin_operation(new_operation("missing", Verb::Backup, "d", "first")).await;
    assert!(matches!(missing, Err(StoreError::NotFound(_))), "{missing:?}");
}

/// What may happen to a service while each kind of operation runs on it.
pub async fn an_operation_excludes_what_it_must(subject: &Subject) {
    let store = &subject.store;
    for verb in [Verb::Backup, Verb::Restore, Verb::Update] {
        let name = format!("service-{verb}");
        let service = created(store, &name).await;
        let to = store.begin_generation(&service.id, "backup").await.unwrap();
        let operation = started(store, &name, verb).await;
        let check = |what: &str, excluded: bool, result: Result<(), StoreError>| match result {
            Err(StoreError::Busy(running)) if excluded => {
                assert_eq!((running.id, running.verb), (operation.id, verb), "{verb}: {what}");
            }
            other => assert!(!excluded && other.is_ok(), "{verb}: {what}: {other:?}"),
        };
        let id = &service.id;
        let edited = commit(store, id, vec![put("/apis/a", 1)]).await.map(|_| ());
        check("commit", verb == Verb::Restore, edited);
        check("update", true, store.update_service(id, ServiceEdit::default()).await.map(|_| ()));
        check("delete", true, store.delete_service(id, IfMatch::None).await.map(|_| ()));
        check("load", false, store.load(to, vec![item("/apis/b", "e")]).await);
        let from = service.generation;
        for (what, own) in [("swap", None), ("swap by another", Some(OperationId(uuid::Uuid::nil())))] {
            let swap = Swap { to, from, operation: own, at: None, body: None };
            check(what, true, store.swap(id, swap).await.map(|_| ()));
        }
        let swap = Swap { to, from, operation: Some(operation.id), at: None, body: None };
        check("its own swap", false, store.swap(id, swap).await.map(|_| ()));

        store.finish_operation(operation.id, Ok("{}".to_owned())).await.unwrap();
        let late = Swap { to: from, from: to, operation: Some(operation.id), at: None, body: None };
        let late = store.swap(id, late).await;
        assert!(matches!(late, Err(StoreError::NotFound(_))), "{verb}: {late:?}");
        commit(store, id, vec![put("/apis/a", 1)]).await.unwrap();
        store.update_service(id, ServiceEdit::default()).await.unwrap();
        store.delete_service(id, IfMatch::None).await.unwrap();
    }
}

/// Polls see the progress; the end is final and forgets the request.
pub async fn an_operation_tells_its_progress_and_its_end(subject: &Subject) {
    let store = &subject.store;
    let id = created(store, "one").await.id;
    let failure = OperationFailure {
        status: 400,
        code: "BackupFailed".to_owned(),
        message: "Choose another name".to_owned(),
    };
    for outcome in [Ok(r#"{"bytes":1}"#.to_owned()), Err(failure)] {
        let operation = started(store, "one", Verb::Backup).await;
        assert_eq!(operation.request.as_ref().unwrap().expose(), r#"{"accessKey":"digest"}"#);
        let progress = Progress { phase: "uploading".to_owned(), done: 5, total: 9 };
        store.progress_operation(operation.id, "first", progress.clone(), LEASE).await.unwrap();
        assert_eq!(store.operation(operation.id).await.unwrap().unwrap().progress, progress);

        subject.clock.advance(SignedDuration::from_secs(10));
        store.finish_operation(operation.id, outcome.clone()).await.unwrap();
        let found = store.operation(operation.id).await.unwrap().unwrap();
        let expected = outcome.clone().map_or_else(OperationState::Failed, OperationState::Succeeded);
        assert_eq!((found.state, found.finished_at), (expected, Some(subject.clock.now())));
        assert!(found.request.is_none());
        assert!(store.running_operation(&id).await.unwrap().is_none());
        for late in [
            store.finish_operation(operation.id, outcome).await,
            store.progress_operation(operation.id, "first", progress, LEASE).await,
        ] {
            assert!(matches!(late, Err(StoreError::NotFound(_))), "{late:?}");
        }
    }
    assert!(store.operation(OperationId(uuid::Uuid::nil())).await.unwrap().is_none());
}

/// A lease keeps others away until it expires; a restarted owner continues at once.
pub async fn an_operation_is_taken_over(subject: &Subject) {
    let store = &subject.store;
    created(store, "one").await;
    let operation = started(store, "one", Verb::Restore).await;
    let claim = async |owner: &str| -> Vec<OperationId> {
        let claimed = store.claim_operations(owner, LEASE).await.unwrap();
        assert!(claimed.iter().all(|one| one.request.is_some()));
        claimed.iter().map(|one| one.id).collect()
    };
    let renew =
        async |owner: &str| store.progress_operation(operation.id, owner, Progress::default(), LEASE).await;
    assert_eq!(claim("second").await, []);
    assert_eq!(claim("first").await, [operation.id]);
    subject.clock.advance(SignedDuration::from_secs(29));
    assert_eq!(claim("second").await, []);
    renew("first").await.unwrap();
    subject.clock.advance(SignedDuration::from_secs(29));
    assert_eq!(claim("second").await, [], "the lease was renewed");
    subject.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(claim("second").await, [operation.id]);
    assert!(matches!(renew("first").await, Err(StoreError::NotFound(_))));
    renew("second").await.unwrap();
    assert_eq!(claim("first").await, []);
    store.finish_operation(operation.id, Ok("{}".to_owned())).await.unwrap();
    subject.clock.advance(SignedDuration::from_secs(100));
    assert_eq!(claim("third").await, []);
}

/// Of one service only, and no more than asked for.
pub async fn operations_are_listed_newest_first(subject: &Subject) {
    let store = &subject.store;
    let id = created(store, "one").await.id;
    created(store, "two").await;
    let mut expected = Vec::new();
    for verb in [Verb::Backup, Verb::Restore, Verb::Update] {
        let operation = started(store, "one", verb).await;
        store.finish_operation(operation.id, Ok(String::new())).await.unwrap();
        expected.insert(0, operation.id);
    }
    started(store, "two", Verb::Backup).await;
    for (limit, count) in [(0, 0), (2, 2), (10, 3)] {
        let found: Vec<_> = store.operations(&id, limit).await.unwrap().iter().map(|one| one.id).collect();
        assert_eq!(found, expected[..count], "{limit}");
    }
}

/// A client that sends its request again at once starts nothing twice.
pub async fn of_racing_requests_one_starts(subject: &Subject) {
    let store = &subject.store;
    created(store, "one").await;
    let mut callers = JoinSet::new();
    for caller in 0..16 {
        let store = Arc::clone(store);
        callers.spawn(async move {
            let digest = if caller % 2 == 0 { "even" } else { "odd" };
            store.begin_operation(new_operation("one", Verb::Backup, digest, "owner")).await
        });
    }
    let (mut started, mut joined, mut busy) = (0, 0, 0);
    for answer in callers.join_all().await {
        match answer {
            Ok(Begin::Started(_)) => started += 1,
            Ok(Begin::Joined(_)) => joined += 1,
            Err(StoreError::Busy(_)) => busy += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((started, joined, busy), (1, 7, 8));
}
