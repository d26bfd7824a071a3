//! From commits in a store to snapshots, and to the last good one on disk.

use std::path::Path;

use evergate_model::{
    ETag, Properties, ResourceGroupName, ResourcePath, Secrets, ServiceName, Sku, SubscriptionId,
};
use evergate_store::{Commit, Edit, IfMatch, InstanceKey, LoadItem, NewService, SqliteStore, Swap};
use serde_json::json;

use super::*;

fn service_id(name: &str) -> ServiceId {
    ServiceId {
        subscription: SubscriptionId::new("00000000-0000-0000-0000-000000000001").unwrap(),
        resource_group: ResourceGroupName::new("rg").unwrap(),
        name: ServiceName::new(name).unwrap(),
    }
}

fn object(value: &serde_json::Value) -> Properties {
    value.as_object().unwrap().clone()
}

fn put(path: &str, properties: &serde_json::Value, secrets: &serde_json::Value) -> Edit {
    Edit::Put {
        path: ResourcePath::parse(path).unwrap(),
        properties: object(properties),
        secrets: Secrets(object(secrets)),
        if_match: IfMatch::None,
    }
}

async fn commit(store: &SharedStore, service: &ServiceId, edits: Vec<Edit>) {
    store.commit(service, Commit { preconditions: Vec::new(), edits }).await.unwrap();
}

struct World {
    directory: tempfile::TempDir,
    key: InstanceKey,
    store: SharedStore,
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = InstanceKey::generate().unwrap();
        let (path, opened) = (directory.path().join("store"), key.clone());
        let store = tokio::task::spawn_blocking(move || SqliteStore::open(&path, opened)).await.unwrap();
        Self { directory, key, store: Arc::new(store.unwrap()) }
    }

    fn file(&self) -> LastGoodFile {
        LastGoodFile::new(self.path(), self.key.clone())
    }

    fn path(&self) -> PathBuf {
        Path::new(self.directory.path()).join("last-good")
    }

    async fn create(&self, name: &str) -> ServiceId {
        let id = service_id(name);
        let sku = Sku { name: "Developer".to_owned(), capacity: 1 };
        let (location, tags, body) = ("westeurope".to_owned(), Properties::new(), Properties::new());
        let new = NewService { id: id.clone(), location, sku, tags, body };
        self.store.create_service(new, Vec::new()).await.unwrap();
        id
    }
}

/// Waits for the snapshot in which `found` finds what it looks for.
async fn until<T>(
    snapshots: &mut watch::Receiver<Arc<Snapshot>>,
    found: impl Fn(&Snapshot) -> Option<T>,
) -> T {
    loop {
        if let Some(value) = found(&snapshots.borrow_and_update()) {
            return value;
        }
        snapshots.changed().await.unwrap();
    }
}

#[tokio::test]
async fn commits_swaps_and_deletions_reach_the_snapshot() {
    let world = World::new().await;
    let stop = CancellationToken::new();
    let publisher =
        Publisher::start(Arc::clone(&world.store), world.key.clone(), world.path(), stop.clone()).await;
    let mut snapshots = publisher.subscribe();

    let id = world.create("one").await;
    until(&mut snapshots, |s| (s.services.len() == 1).then_some(())).await;
    let api = put("/apis/pets", &json!({"path": "pets"}), &json!({}));
    let other = put("/apis/other", &json!({"path": "other"}), &json!({}));
    commit(&world.store, &id, vec![api, other]).await;
    let first =
        until(&mut snapshots, |s| (s.services[0].apis.len() == 2).then(|| Arc::clone(&s.services[0]))).await;

    let key = json!({"primaryKey": "k", "secondaryKey": "l"});
    let subscription = put("/subscriptions/s", &json!({"scope": "/apis", "state": "active"}), &key);
    let moved = put("/apis/pets", &json!({"path": "animals"}), &json!({}));
    commit(&world.store, &id, vec![subscription, moved]).await;
    let second = until(&mut snapshots, |s| {
        (!s.services[0].subscriptions.is_empty()).then(|| Arc::clone(&s.services[0]))
    })
    .await;
    assert_eq!(second.apis["pets"].path, "animals");
    assert!(Arc::ptr_eq(&first.apis["other"], &second.apis["other"]), "what no commit touched is shared");

    let gone = Edit::Delete { path: ResourcePath::parse("/apis/pets").unwrap(), if_match: IfMatch::None };
    commit(&world.store, &id, vec![gone]).await;
    until(&mut snapshots, |s| (!s.services[0].apis.contains_key("pets")).then_some(())).await;

    let service = world.store.service(&id).await.unwrap().unwrap();
    let generation = world.store.begin_generation(&id, "test").await.unwrap();
    let swap = Swap { to: generation, from: service.generation, operation: None, at: None, body: None };
    world.store.swap(&id, swap).await.unwrap();
    until(&mut snapshots, |s| s.services[0].apis.is_empty().then_some(())).await;

    world.store.delete_service(&id, IfMatch::None).await.unwrap();
    until(&mut snapshots, |s| s.services.is_empty().then_some(())).await;
    stop.cancel();
    publisher.stopped().await;
}

#[tokio::test]
async fn the_last_good_snapshot_serves_before_the_store_and_shows_no_key() {
    let world = World::new().await;
    let id = world.create("one").await;
    let key = json!({"primaryKey": "very-secret-key"});
    let subscription = put("/subscriptions/s", &json!({"scope": "/apis", "state": "active"}), &key);
    commit(&world.store, &id, vec![subscription]).await;
    let stop = CancellationToken::new();
    let publisher =
        Publisher::start(Arc::clone(&world.store), world.key.clone(), world.path(), stop.clone()).await;
    let mut snapshots = publisher.subscribe();
    until(&mut snapshots, |s| (!s.services.is_empty()).then_some(())).await;
    stop.cancel();
    publisher.stopped().await;

    let sealed = std::fs::read(world.path()).unwrap();
    assert!(!sealed.windows(15).any(|window| window == b"very-secret-key"));
    let restarted = Arc::new(world.file()).read().await;
    assert_eq!(restarted.services[0].subscriptions["s"].keys[0].expose(), "very-secret-key");

    let mut altered = sealed;
    let last = altered.len() - 1;
    altered[last] ^= 1;
    std::fs::write(world.path(), altered).unwrap();
    assert!(Arc::new(world.file()).read().await.services.is_empty());
}

#[tokio::test]
async fn a_service_that_cannot_be_read_holds_no_other_up() {
    let world = World::new().await;
    let stop = CancellationToken::new();
    let publisher =
        Publisher::start(Arc::clone(&world.store), world.key.clone(), world.path(), stop.clone()).await;
    let mut snapshots = publisher.subscribe();
    let id = world.create("broken").await;
    commit(&world.store, &id, vec![put("/apis/pets", &json!({"path": "pets"}), &json!({}))]).await;
    until(&mut snapshots, |s| s.services.first().is_some_and(|one| one.apis.len() == 1).then_some(())).await;

    let live = world.store.service(&id).await.unwrap().unwrap().generation;
    let generation = world.store.begin_generation(&id, "damaged").await.unwrap();
    let item = LoadItem {
        path: ResourcePath::parse("/apis/damaged").unwrap(),
        properties: "[".to_owned(),
        secrets: None,
        etag: ETag("e".to_owned()),
    };
    world.store.load(generation, vec![item]).await.unwrap();
    let swap = Swap { to: generation, from: live, operation: None, at: None, body: None };
    world.store.swap(&id, swap).await.unwrap();

    world.create("sound").await;
    let both = until(&mut snapshots, |s| (s.services.len() == 2).then(|| s.services.clone())).await;
    assert_eq!(both[0].apis["pets"].path, "pets", "what was served goes on");
    stop.cancel();
    publisher.stopped().await;
}
