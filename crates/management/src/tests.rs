//! The API as its clients use it, in process: a real store in a temporary directory, a guard that needs no token.

mod apis;
mod arm;
mod concurrency;
mod configuration;
mod legacy;
mod lists;
mod policies;
mod recovery;
mod revisions;
mod secrets;
mod services;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use evergate_model::{Secret, Service, ServiceId, SubscriptionId};
use evergate_recovery::{BackupRequest, UndoError, UndoPlan};
use evergate_store::sqlite::SqliteStore;
use evergate_store::{Begin, InstanceKey, NewOperation, Operation, SharedStore, StoreError, Verb};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::error::ApiError;
use crate::fetch::Fetch;
use crate::guard::{Caller, Guard};
use crate::parts::{App, Instance};
use crate::recover::Recover;

const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000001";
const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1";
const SERVICE: &str = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/svc1";
const NOW: &str = "2026-01-02T03:04:05Z";

/// An answer, read whole.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks the status and returns the body.
    #[track_caller]
    fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    /// Checks that it is a refusal with this status and code, and returns its message.
    #[track_caller]
    fn refused(&self, status: u16, code: &str) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(self.body["error"]["code"], code, "{}", self.body);
        self.body["error"]["message"].as_str().unwrap().to_owned()
    }
}

/// A server with one store.
struct Server {
    router: Router,
    store: SharedStore,
    guard: Arc<TestGuard>,
    documents: Arc<TestDocuments>,
    version: &'static str,
    _directory: tempfile::TempDir,
}

impl Server {
    /// An empty server.
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = || Arc::new(|| NOW.parse().unwrap());
        let key = InstanceKey::generate().unwrap();
        let store: SharedStore =
            Arc::new(SqliteStore::open_with_clock(directory.path(), key, clock()).unwrap());
        let guard = Arc::new(TestGuard::default());
        let documents = Arc::new(TestDocuments::default());
        let keys = AtomicU32::new(0);
        let app = App {
            store: Arc::clone(&store),
            recover: Arc::new(TestRecover(Arc::clone(&store))),
            guard: Arc::clone(&guard) as Arc<dyn Guard>,
            instance: Instance {
                endpoint: "https://localhost:9443".to_owned(),
                location: "westeurope".to_owned(),
                subscription: SubscriptionId::new(SUBSCRIPTION).unwrap(),
                tenant: "00000000-0000-0000-0000-00000000000a".to_owned(),
                gateway_url: Arc::new(|name| format!("http://{name}.gateway.localhost:8080")),
                clock: clock(),
                key: Arc::new(move || Secret::new(format!("key{:04}", keys.fetch_add(1, Ordering::Relaxed)))),
                fetch: Arc::clone(&documents) as Arc<dyn Fetch>,
            },
        };
        let router = crate::management(app);
        Self { router, store, guard, documents, version: "2022-08-01", _directory: directory }
    }

    /// A server with the service `svc1` in the group `rg1`.
    async fn with_service() -> Self {
        let server = Self::start();
        server.put(GROUP, json!({"location": "westeurope"})).await.expect(201);
        server.put(SERVICE, service_body()).await.expect(201);
        server
    }

    /// The same server asked with another api-version.
    fn at(&self, version: &'static str) -> Self {
        Self {
            router: self.router.clone(),
            store: Arc::clone(&self.store),
            guard: Arc::clone(&self.guard),
            documents: Arc::clone(&self.documents),
            version,
            _directory: tempfile::tempdir().unwrap(),
        }
    }

    /// Sends a request; a path that does not begin with a known word is inside the service.
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
        let outside = ["/subscriptions/0", "/metadata", "/tenants", "/providers", "/exports", "/nothing"];
        let listed = path == "/subscriptions?all";
        let path = path.strip_suffix("?all").unwrap_or(path);
        let inside = !listed && !outside.iter().any(|prefix| path.to_lowercase().starts_with(prefix));
        let path = if inside { format!("{SERVICE}{path}") } else { path.to_owned() };
        let mut uri = path.replace(' ', "%20").replace('\'', "%27");
        if !uri.contains("api-version") && !uri.contains("/exports/") {
            let separator = if uri.contains('?') { '&' } else { '?' };
            uri = format!("{uri}{separator}api-version={}", self.version);
        }
        let mut request = Request::builder().method(method).uri(uri).header("authorization", "Bearer test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, |body| match body {
            Value::String(text) => Body::from(text),
            body => Body::from(body.to_string()),
        });
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None).await
    }

    async fn head(&self, path: &str) -> Answer {
        self.send("HEAD", path, &[], None).await
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, &[], Some(body)).await
    }

    /// `PUT` of properties.
    async fn set(&self, path: &str, properties: Value) -> Answer {
        self.put(path, json!({"properties": properties})).await
    }

    async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, &[("if-match", "*")], Some(body)).await
    }

    async fn post(&self, path: &str, body: Option<Value>) -> Answer {
        self.send("POST", path, &[], body).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[("if-match", "*")], None).await
    }

    /// The names in a list.
    async fn names(&self, path: &str) -> Vec<String> {
        let body = self.get(path).await.expect(200);
        let values = body["value"].as_array().unwrap();
        values.iter().map(|value| value["name"].as_str().unwrap().to_owned()).collect()
    }
}

fn service_body() -> Value {
    // What `az apim create` sends.
    json!({
        "sku": {"name": "Developer", "capacity": 1},
        "location": "West Europe",
        "properties": {
            "notificationSenderEmail": "apimgmt-noreply@mail.windowsazure.com",
            "virtualNetworkType": "None",
            "restore": false,
            "publisherEmail": "a@b.c",
            "publisherName": "Lab",
        },
    })
}

/// Admits `Bearer test`, and refuses the actions it was told to.
#[derive(Default)]
struct TestGuard {
    forbidden: Mutex<Vec<&'static str>>,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

struct TestCaller {
    forbidden: Vec<&'static str>,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

#[async_trait]
impl Guard for TestGuard {
    async fn admit(&self, authorization: Option<&str>) -> Result<Box<dyn Caller>, ApiError> {
        if authorization == Some("Bearer test") {
            let forbidden = self.forbidden.lock().unwrap().clone();
            return Ok(Box::new(TestCaller { forbidden, asked: Arc::clone(&self.asked) }));
        }
        Err(ApiError {
            challenge: Some("Bearer".to_owned()),
            ..ApiError::new(StatusCode::UNAUTHORIZED, "AuthenticationFailed", "no token")
        })
    }
}

#[async_trait]
impl Caller for TestCaller {
    async fn may(&self, action: &str, scope: &str) -> Result<(), ApiError> {
        self.asked.lock().unwrap().push((action.to_owned(), scope.to_owned()));
        if self.forbidden.iter().any(|forbidden| action.ends_with(forbidden)) {
            let message = format!("no right to '{action}' over scope '{scope}'");
            return Err(ApiError::new(StatusCode::FORBIDDEN, "AuthorizationFailed", message));
        }
        Ok(())
    }
}

/// Documents by URL.
#[derive(Default)]
struct TestDocuments(Mutex<HashMap<String, Vec<u8>>>);

#[async_trait]
impl Fetch for TestDocuments {
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        self.0.lock().unwrap().get(url).cloned().ok_or_else(|| "it answers 404 Not Found".to_owned())
    }
}

/// Registers operations and leaves them running.
struct TestRecover(SharedStore);

#[async_trait]
impl Recover for TestRecover {
    async fn begin(
        &self,
        service: &ServiceId,
        verb: Verb,
        request: BackupRequest,
    ) -> Result<Operation, StoreError> {
        let operation = NewOperation {
            service: service.clone(),
            verb,
            digest: format!("{request:?}"),
            request: Secret::new("{}"),
            owner: "test".to_owned(),
            lease: jiff::SignedDuration::from_mins(1),
        };
        match self.0.begin_operation(operation).await? {
            Begin::Started(operation) | Begin::Joined(operation) => Ok(operation),
        }
    }

    async fn undo_plan(&self, service: &ServiceId) -> Result<UndoPlan, UndoError> {
        Err(UndoError::Nothing(service.clone()))
    }

    async fn undo(&self, plan: &UndoPlan) -> Result<Service, UndoError> {
        Err(UndoError::Nothing(plan.service.clone()))
    }
}
