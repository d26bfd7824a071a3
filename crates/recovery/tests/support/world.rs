//! Regions for tests: each has a data directory of its own, and all share one folder of storage.

#![allow(dead_code, reason = "every test binary uses its own part of this")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use evergate_archive::RecoveryKey;
use evergate_model::{
    Properties, ResourceGroupName, ResourcePath, Secret, Secrets, Service, ServiceId, ServiceName, Sku,
    SubscriptionId,
};
use evergate_recovery::storage::StoreWrapper;
use evergate_recovery::{
    Access, AccountLocation, BackupRequest, Checkpoints, FolderAccount, NoCheckpoints, NoObserver, Recovery,
    RecoveryKeys, RecoveryParts, StorageAccounts,
};
use evergate_store::key::InstanceKey;
use evergate_store::sqlite::SqliteStore;
use evergate_store::{
    Commit, Edit, IfMatch, NewService, Operation, OperationFailure, OperationState, Page, SharedStore,
    StoreError, Verb,
};
use jiff::Timestamp;
use serde_json::{Value, json};

pub(crate) const ACCOUNT: &str = "devacct";
pub(crate) const CONTAINER: &str = "backups";

/// What all regions share.
pub(crate) struct World {
    pub(crate) folder: PathBuf,
    own: Option<tempfile::TempDir>,
    pub(crate) storage: FolderAccount,
    pub(crate) key: RecoveryKey,
    now: Arc<Mutex<Timestamp>>,
}

/// One server, without its listeners.
pub(crate) struct Region {
    pub(crate) store: SharedStore,
    pub(crate) recovery: Arc<Recovery>,
    access_key: Secret,
}

/// How a region differs from the usual one.
#[derive(Default)]
pub(crate) struct Unusual {
    pub(crate) key: Option<RecoveryKey>,
    pub(crate) additional: Vec<RecoveryKey>,
    pub(crate) wrapper: Option<StoreWrapper>,
    pub(crate) checkpoints: Option<Arc<dyn Checkpoints>>,
    pub(crate) accounts: Option<StorageAccounts>,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut world = Self::at(folder.path().to_owned(), RecoveryKey::generate());
        world.own = Some(folder);
        world
    }

    /// In a folder that is there already, with what earlier processes left in it.
    pub(crate) fn at(folder: PathBuf, key: RecoveryKey) -> Self {
        let storage = FolderAccount::open(&folder.join("storage")).unwrap();
        storage.create_container(CONTAINER).unwrap();
        let now = "2026-11-23T12:00:00Z".parse().unwrap();
        Self { folder, own: None, storage, key, now: Arc::new(Mutex::new(now)) }
    }

    pub(crate) fn pass(&self, hours: i64) {
        let mut now = self.now.lock().unwrap();
        *now += jiff::SignedDuration::from_hours(hours);
    }

    pub(crate) fn region(&self, name: &str) -> Region {
        self.unusual_region(name, Unusual::default())
    }

    pub(crate) fn unusual_region(&self, name: &str, unusual: Unusual) -> Region {
        let now = Arc::clone(&self.now);
        let clock: Arc<dyn Fn() -> Timestamp + Send + Sync> = Arc::new(move || *now.lock().unwrap());
        let data = self.folder.join(name);
        std::fs::create_dir_all(&data).unwrap();
        let instance_key = InstanceKey::load_or_create(&data.join("instance.key")).unwrap();
        let store =
            SqliteStore::open_with_clock(&data.join("store"), instance_key, Arc::clone(&clock)).unwrap();
        let store: SharedStore = Arc::new(store);
        let mut accounts = unusual.accounts.unwrap_or_else(|| self.accounts());
        if let Some(wrapper) = unusual.wrapper {
            accounts = accounts.with_wrapper(wrapper);
        }
        let recovery = Recovery::new(RecoveryParts {
            store: Arc::clone(&store),
            accounts,
            keys: RecoveryKeys {
                own: unusual.key.unwrap_or_else(|| self.key.clone()),
                additional: unusual.additional,
            },
            owner: name.to_owned(),
            producer: "evergate test".to_owned(),
            spool: data.join("spool"),
            clock,
            checkpoints: unusual.checkpoints.unwrap_or_else(|| Arc::new(NoCheckpoints)),
            observer: Arc::new(NoObserver),
        });
        Region { store, recovery, access_key: self.storage.access_key().clone() }
    }

    pub(crate) fn accounts(&self) -> StorageAccounts {
        let mut accounts = StorageAccounts::empty().with_public_cloud(false);
        accounts.add(ACCOUNT, AccountLocation::Folder(self.storage.root().to_owned())).unwrap();
        accounts
    }

    pub(crate) fn blob(&self, name: &str) -> PathBuf {
        self.storage.root().join(CONTAINER).join(name)
    }

    /// Everything that lies in the container, by name.
    pub(crate) fn blobs(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.storage.root().join(CONTAINER))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Region {
    pub(crate) async fn create(&self, name: &str, sku: &str, body: Value) -> Service {
        let new = NewService {
            id: id(name),
            location: "westeurope".into(),
            sku: Sku { name: sku.into(), capacity: 1 },
            tags: Properties::new(),
            body: serde_json::from_value(body).unwrap(),
        };
        self.store.create_service(new, Vec::new()).await.unwrap()
    }

    /// A small service with a bit of everything.
    pub(crate) async fn create_sample(&self, name: &str) -> Service {
        let service = self.create(name, "Developer", json!({"properties": {"publisherName": name}})).await;
        let edits = vec![
            put("/apis/pets", json!({"displayName": "Pets", "path": "pets"}), json!({})),
            put("/apis/pets/operations/list", json!({"method": "GET", "urlTemplate": "/"}), json!({})),
            put("/namedValues/key", json!({"secret": true}), json!({"value": "hush"})),
            put(
                "/subscriptions/first",
                json!({"scope": "/apis"}),
                json!({"primaryKey": "p1", "secondaryKey": "s1"}),
            ),
        ];
        self.commit(&service.id, edits).await.unwrap();
        self.store.service(&service.id).await.unwrap().unwrap()
    }

    pub(crate) async fn commit(&self, service: &ServiceId, edits: Vec<Edit>) -> Result<(), StoreError> {
        self.store.commit(service, Commit { preconditions: Vec::new(), edits }).await.map(drop)
    }

    pub(crate) fn request(&self, backup_name: &str) -> BackupRequest {
        BackupRequest {
            storage_account: ACCOUNT.into(),
            container: CONTAINER.into(),
            backup_name: backup_name.into(),
            access: Access::AccessKey(self.access_key.clone()),
        }
    }

    pub(crate) async fn run(
        &self,
        service: &ServiceId,
        verb: Verb,
        request: BackupRequest,
    ) -> Result<Value, OperationFailure> {
        let operation = self.recovery.begin(service, verb, request).await.unwrap();
        self.outcome(&operation).await
    }

    pub(crate) async fn outcome(&self, operation: &Operation) -> Result<Value, OperationFailure> {
        match self.recovery.wait(operation).await.unwrap().state {
            OperationState::Succeeded(result) => Ok(serde_json::from_str(&result).unwrap()),
            OperationState::Failed(failure) => Err(failure),
            OperationState::Running => unreachable!("wait() returns what has ended"),
        }
    }

    pub(crate) async fn backup(&self, service: &ServiceId, name: &str) -> Value {
        self.run(service, Verb::Backup, self.request(name)).await.unwrap()
    }

    pub(crate) async fn restore(&self, service: &ServiceId, name: &str) -> Value {
        self.run(service, Verb::Restore, self.request(name)).await.unwrap()
    }

    /// The whole configuration as comparable text: path, version, properties and secrets.
    pub(crate) async fn configuration(&self, service: &ServiceId) -> Vec<String> {
        let mut all = Vec::new();
        for resource_type in ["apis", "apis/operations", "namedValues", "subscriptions"] {
            for resource in self.store.list_type(service, resource_type).await.unwrap() {
                all.push(format!(
                    "{} {} {} {}",
                    resource.path,
                    resource.etag,
                    Value::Object(resource.properties),
                    Value::Object(resource.secrets.0.clone())
                ));
            }
        }
        all
    }

    /// The names in one collection.
    pub(crate) async fn names(&self, service: &ServiceId, collection: &str) -> Vec<String> {
        let resources = self.store.list(service, collection, Page::default()).await.unwrap();
        resources.iter().map(|resource| resource.path.name().to_owned()).collect()
    }

    /// Lets go of the data directory, as a process that ends.
    pub(crate) async fn stop(self) {
        self.recovery.shutdown().await;
    }
}

pub(crate) fn id(name: &str) -> ServiceId {
    ServiceId {
        subscription: SubscriptionId::new("00000000-0000-0000-0000-000000000001").unwrap(),
        resource_group: ResourceGroupName::new("rg1").unwrap(),
        name: ServiceName::new(name).unwrap(),
    }
}

pub(crate) fn put(path: &str, properties: Value, secrets: Value) -> Edit {
    Edit::Put {
        path: ResourcePath::parse(path).unwrap(),
        properties: serde_json::from_value(properties).unwrap(),
        secrets: Secrets(serde_json::from_value(secrets).unwrap()),
        if_match: IfMatch::None,
    }
}

/// Whether a folder holds no file at all.
pub(crate) fn is_bare(folder: &Path) -> bool {
    std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}
