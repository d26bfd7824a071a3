//! The conformance suite on SQLite, and what only an embedded database has to keep.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use tempfile::TempDir;

use super::writer::Effect;
use super::{Context, SqliteStore, generations};
use crate::conformance::sample::{
    commit, created, item, new_operation, path, put, put_secret, service_id, snapshot, started,
};
use crate::conformance::{HandClock, Subject};
use crate::key::InstanceKey;
use crate::{GenerationState, IfMatch, Page, Record, SharedStore, Store, StoreError, Verb};

fn subject() -> Subject {
    let directory = tempfile::tempdir().unwrap();
    let clock = HandClock::new();
    let told = clock.clone();
    let store = SqliteStore::open_with_clock(
        directory.path(),
        InstanceKey::generate().unwrap(),
        Arc::new(move || told.now()),
    );
    Subject { store: Arc::new(store.unwrap()), clock, keep: Box::new(directory) }
}

crate::conformance_suite!(subject);

/// A data directory and its key, to open more than once.
struct Place {
    directory: TempDir,
    key: InstanceKey,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), key: InstanceKey::generate().unwrap() }
    }

    fn open(&self) -> SharedStore {
        Arc::new(SqliteStore::open(self.directory.path(), self.key.clone()).unwrap())
    }

    fn database(&self) -> Connection {
        Connection::open(self.directory.path().join("evergate.db")).unwrap()
    }

    /// The message of a refusal to open.
    fn refused(dir: &Path, key: InstanceKey) -> StoreError {
        SqliteStore::open(dir, key).err().expect("it must not open")
    }
}

#[tokio::test]
async fn a_directory_has_one_owner() {
    let place = Place::new();
    let store = place.open();
    let refused = Place::refused(place.directory.path(), place.key.clone());
    assert!(
        matches!(&refused, StoreError::Database { message, .. } if message.contains("another process")),
        "{refused}"
    );
    drop(store);
    place.open().ping().await.unwrap();
}

#[tokio::test]
async fn a_read_that_nobody_waits_for_ends_before_the_directory_is_free() {
    let place = Place::new();
    let store = SqliteStore::open(place.directory.path(), place.key.clone()).unwrap();
    let (started, begun) = tokio::sync::oneshot::channel();
    let (go, gate) = std::sync::mpsc::channel();
    let read = store.read(move |_, _| {
        started.send(()).unwrap();
        gate.recv().unwrap();
        Ok(())
    });
    tokio::select! {
        _ = read => unreachable!("the gate is closed"),
        begun = begun => begun.unwrap(),
    }
    let closing = std::thread::spawn(move || drop(store));
    go.send(()).unwrap();
    closing.join().unwrap();
    place.open().ping().await.unwrap();
}

#[tokio::test]
async fn a_closed_store_is_one_file() {
    let place = Place::new();
    let store = place.open();
    created(&store, "one").await;
    assert_eq!(store.services().await.unwrap().len(), 1);
    drop(store);
    let mut files: Vec<_> =
        fs::read_dir(place.directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["evergate.db", "lock"]);
}

#[tokio::test]
async fn another_key_is_told_at_once() {
    let place = Place::new();
    created(&place.open(), "one").await;
    let refused = Place::refused(place.directory.path(), InstanceKey::generate().unwrap());
    assert!(
        matches!(&refused, StoreError::Damaged(message) if message.contains("another instance key")),
        "{refused}"
    );
    assert_eq!(place.open().services().await.unwrap().len(), 1);
}

#[test]
fn data_of_a_newer_version_is_left_alone() {
    let place = Place::new();
    drop(place.open());
    place.database().pragma_update(None, "user_version", 1000).unwrap();
    let refused = Place::refused(place.directory.path(), place.key.clone());
    assert!(
        matches!(&refused, StoreError::Database { message, retry: false } if message.contains("newer Evergate")),
        "{refused}"
    );
}

#[test]
fn what_is_no_database_is_damaged() {
    let place = Place::new();
    fs::write(place.directory.path().join("evergate.db"), vec![b'x'; 8192]).unwrap();
    let refused = Place::refused(place.directory.path(), place.key.clone());
    assert!(matches!(&refused, StoreError::Damaged(_)), "{refused}");
}

/// What was acknowledged is in the files even if the process ends without another word: a copy of the
/// files taken at that moment is what a crash would leave.
#[tokio::test]
async fn acknowledged_writes_survive_an_abrupt_end() {
    let place = Place::new();
    let store = place.open();
    let service = created(&store, "one").await;
    for number in 0..30 {
        commit(&store, &service.id, vec![put_secret(&format!("/apis/a{number}"), "key")]).await.unwrap();
    }
    let loading = store.begin_generation(&service.id, "backup").await.unwrap();
    store.load(loading, vec![item("/apis/loaded", "e")]).await.unwrap();
    let operation = started(&store, "one", Verb::Restore).await;

    let crashed = Place { directory: tempfile::tempdir().unwrap(), key: place.key.clone() };
    for file in ["evergate.db", "evergate.db-wal"] {
        fs::copy(place.directory.path().join(file), crashed.directory.path().join(file)).unwrap();
    }
    for place in [crashed, {
        drop(store);
        place
    }] {
        let store = place.open();
        let listed = store.list(&service.id, "/apis", Page::default()).await.unwrap();
        assert_eq!(listed.len(), 30);
        assert!(listed.iter().all(|resource| resource.secrets.text("key") == Some("key")));
        let states: Vec<_> =
            store.generations(&service.id).await.unwrap().iter().map(|one| (one.id, one.state)).collect();
        assert_eq!(
            states,
            [(loading, GenerationState::Loading), (service.generation, GenerationState::Live)]
        );
        let claimed = store.claim_operations("first", jiff::SignedDuration::from_secs(1)).await.unwrap();
        assert_eq!(claimed.iter().map(|one| one.id).collect::<Vec<_>>(), [operation.id]);
        assert_eq!(claimed[0].request.as_ref().unwrap().expose(), r#"{"accessKey":"digest"}"#);
    }
}

#[tokio::test]
async fn no_secret_reaches_the_disk_unsealed() {
    const MARK: &str = "a-very-secret-thing";
    let place = Place::new();
    let store = place.open();
    let service = created(&store, "one").await;
    commit(&store, &service.id, vec![put_secret("/subscriptions/s", MARK)]).await.unwrap();
    let loading = store.begin_generation(&service.id, "backup").await.unwrap();
    let mut loaded = item("/subscriptions/s", "e");
    loaded.secrets = Some(format!(r#"{{"key":"{MARK}"}}"#));
    store.load(loading, vec![loaded]).await.unwrap();
    store.begin_operation(new_operation("one", Verb::Backup, MARK, "owner")).await.unwrap();
    let value = MARK.as_bytes().to_vec();
    store.put_record(Record { collection: "c".to_owned(), key: "k".to_owned(), value }).await.unwrap();
    // The digest of a request is not a secret: here it carries the mark, to show that the search works.
    let mut found = 0;
    for entry in fs::read_dir(place.directory.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        found += bytes.windows(MARK.len()).filter(|window| *window == MARK.as_bytes()).count();
    }
    assert_eq!(found, 1);
}

#[tokio::test]
async fn a_moved_or_altered_secret_is_damaged() {
    let place = Place::new();
    let store = place.open();
    let id = created(&store, "one").await.id;
    commit(&store, &id, vec![put_secret("/subscriptions/a", "of a"), put_secret("/subscriptions/b", "of b")])
        .await
        .unwrap();
    drop(store);
    place
        .database()
        .execute(
            "UPDATE resource SET secrets = (SELECT secrets FROM resource WHERE path = '/subscriptions/a')
                WHERE path = '/subscriptions/b'",
            (),
        )
        .unwrap();
    let store = place.open();
    assert!(store.resource(&id, &path("/subscriptions/a")).await.unwrap().is_some());
    let moved = store.resource(&id, &path("/subscriptions/b")).await;
    assert!(matches!(moved, Err(StoreError::Damaged(_))), "{moved:?}");
}

#[tokio::test]
async fn garbage_is_collected_in_small_steps() {
    let place = Place::new();
    let store = place.open();
    let kept = created(&store, "kept").await.id;
    commit(&store, &kept, vec![put("/apis/a", 1)]).await.unwrap();
    let id = created(&store, "one").await.id;
    commit(&store, &id, (0..1200).map(|number| put(&format!("/apis/a{number}"), 1)).collect()).await.unwrap();
    store.delete_service(&id, IfMatch::None).await.unwrap();
    drop(store);
    // The writer may have begun; what it left is found again.
    let mut database = place.database();
    while generations::collect(&mut database).unwrap() {}
    let left: i64 = database.query_row("SELECT count(*) FROM resource", (), |row| row.get(0)).unwrap();
    assert_eq!(left, 1);
    assert_eq!(snapshot(&place.open(), &kept).await.1.state.len(), 1);
}

/// A full disk makes SQLite undo a whole transaction, in the middle of it.
#[tokio::test]
async fn a_full_disk_is_called_so_and_nothing_is_acknowledged_in_vain() {
    let place = Place::new();
    let store = Arc::new(SqliteStore::open(place.directory.path(), place.key.clone()).unwrap());
    let limit = async |pages: u32| {
        let limited = store.write(Effect::Private, move |db, _| {
            Ok(db.query_row(&format!("PRAGMA max_page_count = {pages}"), (), |_| Ok(()))?)
        });
        limited.await.unwrap();
    };
    limit(40).await;
    let record = |number: usize| Record {
        collection: "c".to_owned(),
        key: format!("{number:03}"),
        value: vec![7; 20_000],
    };
    let writes: Vec<_> = (0..100)
        .map(|number| {
            let (store, record) = (Arc::clone(&store), record(number));
            tokio::spawn(async move { store.put_record(record).await })
        })
        .collect();
    let mut acknowledged = Vec::new();
    let mut full = 0;
    for (number, write) in writes.into_iter().enumerate() {
        match write.await.unwrap() {
            Ok(()) => acknowledged.push(format!("{number:03}")),
            Err(StoreError::Database { message, retry: true }) => {
                full += usize::from(message.contains("disk is full"));
                assert!(message.contains("disk is full") || message.contains("make it again"), "{message}");
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(full > 0);
    let keys: Vec<_> = store.records("c").await.unwrap().into_iter().map(|record| record.key).collect();
    assert_eq!(keys, acknowledged);
    limit(1_000).await;
    store.put_record(record(100)).await.unwrap();
}

#[tokio::test]
async fn a_read_whose_transaction_was_lost_tells_its_own_error() {
    let place = Place::new();
    let store = SqliteStore::open(place.directory.path(), place.key.clone()).unwrap();
    for _ in 0..2 {
        let lost = store.read(|db, _| -> Result<(), _> {
            db.execute_batch("ROLLBACK")?;
            Err(StoreError::Damaged("the disk".to_owned()))
        });
        let lost = lost.await;
        assert!(matches!(lost, Err(StoreError::Damaged(_))), "{lost:?}");
    }
}

/// Every question the store asks often is answered from a range of a key, never by looking at everything.
#[test]
fn queries_use_their_keys() {
    let place = Place::new();
    drop(place.open());
    let database = place.database();
    for query in [
        "SELECT 1 FROM resource WHERE generation = 1 AND type = 'a' AND path = 'b'",
        "SELECT 1 FROM resource WHERE generation = 1 AND type = 'a' AND path > 'b' AND path < 'c' ORDER BY path",
        "SELECT 1 FROM resource WHERE generation = 1 AND type = 'a' ORDER BY path",
        "SELECT 1 FROM resource WHERE generation = 1 AND (type, path) <= ('a', 'b')",
        "SELECT 1 FROM resource_type WHERE generation = 1 AND name > 'a' AND name < 'b' ORDER BY name",
        "SELECT 1 FROM change WHERE service = 1 AND revision > 1 ORDER BY revision, sequence",
        "SELECT 1 FROM operation WHERE service = 1 AND state = 'running'",
        "SELECT 1 FROM operation WHERE service = 1 ORDER BY sequence DESC LIMIT 1",
        "SELECT 1 FROM operation WHERE state = 'running' AND (owner = 'a' OR lease_until <= 1)",
        "SELECT 1 FROM service WHERE name = 'a' AND resource_group = 'b' AND subscription = 'c'",
        "SELECT 1 FROM record WHERE collection = 'a' ORDER BY key",
    ] {
        let mut statement = database.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
        let plan: Vec<String> =
            statement.query_map((), |row| row.get(3)).unwrap().collect::<Result<_, _>>().unwrap();
        assert!(
            plan.iter().all(|step| !step.contains("TEMP B-TREE")
                && (!step.contains("SCAN") || step.contains("operation_running"))),
            "{query}: {plan:?}"
        );
    }
}

#[test]
fn the_context_tells_time_in_microseconds() {
    let clock: super::Clock = Arc::new(|| jiff::Timestamp::from_nanosecond(1_234_567_891).unwrap());
    let context = Context { key: InstanceKey::generate().unwrap(), clock };
    assert_eq!(context.now().as_nanosecond(), 1_234_567_000);
    assert_eq!(service_id("one"), service_id("ONE"));
}
