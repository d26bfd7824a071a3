//! The directory as its clients see it, in process.

mod assignments;
mod browser;
mod external;
mod graph;
mod tokens;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use evergate_identity::directory::applications::NewApplication;
use evergate_identity::objects::{MANAGEMENT_API, USER_IMPERSONATION};
use evergate_identity::{
    Application, ApplicationKind, Bootstrap, Directory, DirectoryConfig, MemoryRecords, PasswordCost,
    Principal,
};
use evergate_model::Secret;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use tower::ServiceExt as _;
use url::form_urlencoded::Serializer;

const AUTHORITY: &str = "https://localhost:9443";
const VERIFIER: &str = "a-verifier-that-is-long-enough-for-anybody-1";

/// A directory with its first objects, and its routes.
struct Server {
    router: Router,
    directory: Arc<Directory>,
    records: Arc<MemoryRecords>,
    made: Bootstrap,
    clock: Arc<AtomicI64>,
}

/// An answer, read.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
    json: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

impl Server {
    async fn start() -> Self {
        Self::start_with(AUTHORITY, |_| {}).await
    }

    async fn start_with(authority: &str, configure: impl FnOnce(&mut DirectoryConfig)) -> Self {
        let clock = Arc::new(AtomicI64::new(1_800_000_000));
        let records = Arc::new(MemoryRecords::default());
        let mut config = config(authority, &clock);
        configure(&mut config);
        let directory = Arc::new(Directory::open(records.clone(), config).await.unwrap());
        let made = directory.bootstrap().await.unwrap().unwrap();
        let intercept =
            axum::middleware::from_fn_with_state(Arc::clone(&directory), super::authorization::intercept);
        let router = Router::new()
            .fallback(|| async { StatusCode::NOT_FOUND })
            .merge(super::router(Arc::clone(&directory)))
            .layer(intercept);
        Self { router, directory, records, made, clock }
    }

    fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answer { status: parts.status, headers: parts.headers, text, json }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(form_request(path, form).body(encode(form)).unwrap()).await
    }

    async fn post_from_browser(&self, path: &str, cookie: &str, form: &[(&str, &str)]) -> Answer {
        self.send(form_request(path, form).header(COOKIE, cookie).body(encode(form)).unwrap()).await
    }

    async fn call(&self, method: Method, path: &str, token: &str, body: &Value) -> Answer {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request =
            Request::builder().method(method).uri(path).header(AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(body).unwrap()).await
    }

    /// A token endpoint's path.
    fn path(&self, rest: &str) -> String {
        format!("/{}{rest}", self.made.tenant_id)
    }

    async fn token(&self, form: &[(&str, &str)]) -> Answer {
        self.post(&self.path("/oauth2/v2.0/token"), form).await
    }

    /// An access token of the owner application.
    async fn owner_token(&self) -> String {
        let id = self.made.application_id.to_string();
        self.client_token(&id, self.made.client_secret.expose()).await
    }

    async fn client_token(&self, id: &str, secret: &str) -> String {
        let answer = self
            .token(&[
                ("grant_type", "client_credentials"),
                ("client_id", id),
                ("client_secret", secret),
                ("scope", &format!("{AUTHORITY}/.default")),
            ])
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json["access_token"].as_str().unwrap().to_owned()
    }

    async fn authenticate(&self, token: &str) -> Result<Principal, String> {
        self.directory.authenticate(Some(&format!("Bearer {token}"))).await.map_err(|error| error.to_string())
    }

    /// A registered application; with consent it can get tokens.
    async fn application(
        &self,
        name: &str,
        kind: ApplicationKind,
        consent: bool,
    ) -> (Arc<Application>, String) {
        let tenant = self.made.tenant_id;
        let new = NewApplication {
            display_name: name.to_owned(),
            kind,
            redirect_uris: vec!["http://resources".to_owned(), "http://localhost/back".to_owned()],
            permissions: Vec::new(),
        };
        let id = self.directory.register(tenant, new).await.unwrap().id;
        let secret = match kind {
            ApplicationKind::Native => Secret::default(),
            ApplicationKind::Confidential => {
                self.directory.add_secret(tenant, id, "test", None).await.unwrap().secret
            }
        };
        let application = self.directory.ensure_service_principal(tenant, id).await.unwrap();
        if consent {
            let scopes = [USER_IMPERSONATION.to_owned()];
            self.directory.grant(tenant, id, MANAGEMENT_API, &scopes).await.unwrap();
        }
        (application, secret.expose().to_owned())
    }
}

fn config(authority: &str, clock: &Arc<AtomicI64>) -> DirectoryConfig {
    let clock = Arc::clone(clock);
    DirectoryConfig {
        clock: Arc::new(move || Timestamp::from_second(clock.load(Ordering::SeqCst)).unwrap()),
        password_cost: PasswordCost::CHEAP,
        ..DirectoryConfig::new(authority)
    }
}

fn form_request(path: &str, _form: &[(&str, &str)]) -> http::request::Builder {
    Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8")
}

fn encode(form: &[(&str, &str)]) -> Body {
    Body::from(Serializer::new(String::new()).extend_pairs(form).finish())
}

/// The claims of a token, unverified.
fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap())
        .unwrap()
}
