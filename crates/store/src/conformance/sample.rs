//! Things to put into a store, and short words for doing so.

use std::collections::BTreeMap;

use evergate_model::{
    Properties, Resource, ResourceGroupName, ResourcePath, Secret, Secrets, Service, ServiceId, ServiceName,
    Sku, SubscriptionId,
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    Begin, Commit, Committed, Edit, IfMatch, LoadItem, NewOperation, NewService, Operation, RowSink,
    SharedStore, SnapshotInfo, SnapshotRow, StoreError, Verb,
};

/// The identity of a service in the resource group `rg`.
pub fn service_id(name: &str) -> ServiceId {
    ServiceId {
        subscription: SubscriptionId::new("00000000-0000-0000-0000-00000000000a").unwrap(),
        resource_group: ResourceGroupName::new("rg").unwrap(),
        name: ServiceName::new(name).unwrap(),
    }
}

/// A service to create.
pub fn new_service(name: &str) -> NewService {
    NewService {
        id: service_id(name),
        location: "westeurope".to_owned(),
        sku: Sku { name: "Developer".to_owned(), capacity: 1 },
        tags: object(json!({"team": "payments"})),
        body: object(json!({"properties": {"publisherName": "Lab"}})),
    }
}

/// Creates a service without configuration.
pub async fn created(store: &SharedStore, name: &str) -> Service {
    store.create_service(new_service(name), Vec::new()).await.unwrap()
}

/// A path.
pub fn path(text: &str) -> ResourcePath {
    ResourcePath::parse(text).unwrap()
}

/// A JSON object.
pub fn object(value: Value) -> Properties {
    match value {
        Value::Object(properties) => properties,
        other => panic!("{other} is no object"),
    }
}

/// Puts `{"value": value}`, without condition or secrets.
pub fn put(at: &str, value: impl Into<Value>) -> Edit {
    put_if(at, value, IfMatch::None)
}

/// Puts `{"value": value}` under a condition.
pub fn put_if(at: &str, value: impl Into<Value>, if_match: IfMatch) -> Edit {
    let properties = object(json!({"value": value.into()}));
    Edit::Put { path: path(at), properties, secrets: Secrets::default(), if_match }
}

/// Puts `{}` with the secret `key`.
pub fn put_secret(at: &str, key: &str) -> Edit {
    let secrets = Secrets(object(json!({ "key": key })));
    Edit::Put { path: path(at), properties: Properties::new(), secrets, if_match: IfMatch::None }
}

/// Deletes without condition.
pub fn delete(at: &str) -> Edit {
    Edit::Delete { path: path(at), if_match: IfMatch::None }
}

/// Commits edits without preconditions.
pub async fn commit(
    store: &SharedStore,
    service: &ServiceId,
    edits: Vec<Edit>,
) -> Result<Committed, StoreError> {
    store.commit(service, Commit { preconditions: Vec::new(), edits }).await
}

/// Something to load.
pub fn item(at: &str, etag: &str) -> LoadItem {
    LoadItem {
        path: path(at),
        properties: r#"{"value":"loaded"}"#.to_owned(),
        secrets: Some(format!(r#"{{"key":"of {at}"}}"#)),
        etag: evergate_model::ETag(etag.to_owned()),
    }
}

/// An operation to begin.
pub fn new_operation(service: &str, verb: Verb, digest: &str, owner: &str) -> NewOperation {
    NewOperation {
        service: service_id(service),
        verb,
        digest: digest.to_owned(),
        request: Secret::new(format!(r#"{{"accessKey":"{digest}"}}"#)),
        owner: owner.to_owned(),
        lease: SignedDuration::from_secs(30),
    }
}

/// Begins an operation where none runs.
pub async fn started(store: &SharedStore, service: &str, verb: Verb) -> Operation {
    match store.begin_operation(new_operation(service, verb, "digest", "first")).await.unwrap() {
        Begin::Started(operation) => operation,
        Begin::Joined(operation) => panic!("{} ran already", operation.id),
    }
}

/// The paths of resources.
pub fn paths(resources: &[Resource]) -> Vec<&str> {
    resources.iter().map(|resource| resource.path.as_str()).collect()
}

/// Resources as a comparable whole: properties and secrets by path.
pub type State = BTreeMap<String, (String, Option<String>)>;

/// What a snapshot brought.
#[derive(Debug, Default)]
pub struct Collected {
    /// Types and paths in the order they came.
    pub order: Vec<(String, String)>,
    /// The contents.
    pub state: State,
    /// The versions, by path.
    pub etags: BTreeMap<String, String>,
    /// The revisions of rows, by path.
    pub revisions: BTreeMap<String, u64>,
}

/// A receiver that keeps everything and hands it over at the end.
pub struct Collector<F: FnMut(&SnapshotInfo) + Send> {
    /// Called at the beginning.
    pub on_begin: F,
    /// What came so far.
    pub collected: std::sync::Arc<std::sync::Mutex<Collected>>,
}

impl<F: FnMut(&SnapshotInfo) + Send> RowSink for Collector<F> {
    fn begin(&mut self, info: &SnapshotInfo) -> Result<(), String> {
        (self.on_begin)(info);
        Ok(())
    }

    fn row(&mut self, row: SnapshotRow<'_>) -> Result<(), String> {
        let mut collected = self.collected.lock().unwrap();
        collected.order.push((row.resource_type.to_owned(), row.path.to_owned()));
        let content = (row.properties.to_owned(), row.secrets.map(str::to_owned));
        collected.state.insert(row.path.to_owned(), content);
        collected.etags.insert(row.path.to_owned(), row.etag.to_owned());
        collected.revisions.insert(row.path.to_owned(), row.revision.0);
        Ok(())
    }
}

/// A whole snapshot.
pub async fn snapshot(store: &SharedStore, service: &ServiceId) -> (SnapshotInfo, Collected) {
    snapshot_with(store, service, |_| ()).await
}

/// A whole snapshot, with something to do when it begins.
pub async fn snapshot_with(
    store: &SharedStore,
    service: &ServiceId,
    on_begin: impl FnMut(&SnapshotInfo) + Send + 'static,
) -> (SnapshotInfo, Collected) {
    let collected = std::sync::Arc::default();
    let sink = Collector { on_begin, collected: std::sync::Arc::clone(&collected) };
    let info = store.snapshot(service, Box::new(sink)).await.unwrap();
    let collected = std::mem::take(&mut *collected.lock().unwrap());
    (info, collected)
}

/// A sequence of numbers that is the same in every run (`SplitMix64`).
pub struct Numbers(pub u64);

impl Numbers {
    /// The next number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// A random edit among a few dozen paths on three levels.
    pub fn edit(&mut self) -> Edit {
        let at = match self.below(4) {
            0 => format!("/products/p{}", self.below(6)),
            1 | 2 => format!("/apis/a{}/operations/o{}", self.below(5), self.below(6)),
            _ => format!("/apis/a{}", self.below(5)),
        };
        match self.below(5) {
            0 => delete(&at),
            1 => put_secret(&at, &self.below(1_000_000).to_string()),
            _ => put(&at, self.below(1_000_000)),
        }
    }
}

/// Applies an edit as the simplest possible store would.
pub fn apply(state: &mut State, edit: &Edit) {
    match edit {
        Edit::Put { path, properties, secrets, .. } => {
            let secrets = (!secrets.is_empty()).then(|| serde_json::to_string(&secrets.0).unwrap());
            let content = (serde_json::to_string(properties).unwrap(), secrets);
            state.insert(path.as_str().to_owned(), content);
        }
        // Without its resource, what is below stays: a store does not judge hierarchies.
        Edit::Delete { path, .. } if state.contains_key(path.as_str()) => {
            let below = format!("{path}/");
            state.retain(|key, _| key != path.as_str() && !key.starts_with(&below));
        }
        Edit::Delete { .. } => {}
    }
}
