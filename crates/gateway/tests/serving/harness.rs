//! A gateway with a configuration written as resources, an upstream that tells what reached it, and a
//! client that speaks bytes.

use std::convert::Infallible;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use evergate_gateway::{Gateway, GatewayConfig, Running};
use evergate_model::snapshot::{ServiceConfiguration, Snapshot};
use evergate_model::{
    ETag, GenerationId, Properties, ResourceGroupName, Revision, Service, ServiceId, ServiceName, Sku,
    SubscriptionId,
};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) fn service(name: &str) -> Service {
    Service {
        id: ServiceId {
            subscription: SubscriptionId::new("00000000-0000-0000-0000-000000000001").unwrap(),
            resource_group: ResourceGroupName::new("rg").unwrap(),
            name: ServiceName::new(name).unwrap(),
        },
        location: "westeurope".to_owned(),
        sku: Sku { name: "Developer".to_owned(), capacity: 1 },
        tags: Properties::new(),
        body: Properties::new(),
        etag: ETag("1".to_owned()),
        created_at: jiff::Timestamp::UNIX_EPOCH,
        revision: Revision(1),
        generation: GenerationId(1),
    }
}

/// A configuration under construction.
#[derive(Clone)]
pub(crate) struct Config(pub(crate) ServiceConfiguration);

impl Config {
    pub(crate) fn new(name: &str) -> Self {
        Self(ServiceConfiguration::new(&service(name)))
    }

    #[expect(clippy::needless_pass_by_value, reason = "tests write json!(…) in place")]
    pub(crate) fn put(mut self, path: &str, properties: Value) -> Self {
        self.0.put_text(path, &properties.to_string(), None).unwrap();
        self
    }

    #[expect(clippy::needless_pass_by_value, reason = "tests write json!(…) in place")]
    pub(crate) fn secret(mut self, path: &str, properties: Value, secrets: Value) -> Self {
        self.0.put_text(path, &properties.to_string(), Some(&secrets.to_string())).unwrap();
        self
    }

    /// An API that needs no key.
    pub(crate) fn api(self, id: &str, path: &str, upstream: SocketAddr) -> Self {
        let url = format!("http://{upstream}");
        self.put(
            &format!("/apis/{id}"),
            json!({"path": path, "serviceUrl": url, "subscriptionRequired": false}),
        )
    }

    pub(crate) fn operation(self, api: &str, id: &str, method: &str, template: &str) -> Self {
        let properties = json!({"displayName": id, "method": method, "urlTemplate": template});
        self.put(&format!("/apis/{api}/operations/{id}"), properties)
    }

    pub(crate) fn policy(self, scope: &str, xml: &str) -> Self {
        self.put(&format!("{scope}/policies/policy"), json!({"format": "xml", "value": xml}))
    }

    pub(crate) fn inbound(self, scope: &str, policies: &str) -> Self {
        self.policy(scope, &format!("<policies><inbound><base/>{policies}</inbound></policies>"))
    }
}

pub(crate) struct World {
    pub(crate) gateway: SocketAddr,
    pub(crate) https: Option<SocketAddr>,
    pub(crate) snapshots: watch::Sender<Arc<Snapshot>>,
    pub(crate) registry: Registry,
    pub(crate) stop: CancellationToken,
    pub(crate) running: Running,
}

pub(crate) fn snapshot(configs: impl IntoIterator<Item = Config>) -> Arc<Snapshot> {
    Arc::new(Snapshot { services: configs.into_iter().map(|config| Arc::new(config.0)).collect() })
}

pub(crate) fn base() -> GatewayConfig {
    GatewayConfig {
        http: Some("127.0.0.1:0".parse().unwrap()),
        workers: 2,
        connect_timeout: Duration::from_secs(5),
        ..GatewayConfig::default()
    }
}

impl World {
    pub(crate) fn new(configs: impl IntoIterator<Item = Config>) -> Self {
        Self::with(base(), configs)
    }

    pub(crate) fn with(config: GatewayConfig, configs: impl IntoIterator<Item = Config>) -> Self {
        let (snapshots, receiver) = watch::channel(snapshot(configs));
        let mut registry = Registry::default();
        let stop = CancellationToken::new();
        let running = Gateway::start(config, receiver, &mut registry, stop.clone()).unwrap();
        let (gateway, https) = (running.http_addr.unwrap(), running.https_addr);
        Self { gateway, https, snapshots, registry, stop, running }
    }

    /// Sends a request without body and returns the whole answer.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            text.push_str("Host: one.gateway.localhost\r\n");
        }
        for (name, value) in headers {
            write!(text, "{name}: {value}\r\n").unwrap();
        }
        if !body.is_empty() {
            write!(text, "Content-Length: {}\r\n", body.len()).unwrap();
        }
        text.push_str("\r\n");
        text.push_str(body);
        exchange(self.gateway, text.as_bytes()).await
    }

    pub(crate) fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }
}

/// A response as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// What the echoing upstream saw.
    pub(crate) fn seen(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn target(&self) -> String {
        if self.status == 200 {
            self.seen()["target"].as_str().unwrap().to_owned()
        } else {
            self.status.to_string()
        }
    }
}

/// Sends bytes and reads until the gateway closes.
pub(crate) async fn exchange(to: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut read = Vec::new();
    let _ = stream.read_to_end(&mut read).await;
    parse(&read)
}

pub(crate) fn parse(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let answer = Answer { status, head: head.to_owned(), body: body.to_owned() };
    if answer.header("transfer-encoding") == Some("chunked") {
        return Answer { body: dechunk(body), ..answer };
    }
    answer
}

fn dechunk(mut text: &str) -> String {
    let mut out = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or(0);
        if size == 0 || rest.len() < size {
            break;
        }
        out.push_str(&rest[..size]);
        text = rest[size..].strip_prefix("\r\n").unwrap_or("");
    }
    out
}

/// An upstream that answers with what it was sent, as JSON.
pub(crate) struct Echo {
    pub(crate) address: SocketAddr,
    requests: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

impl Echo {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, connections) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counts = (Arc::clone(&requests), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counts.1.fetch_add(1, Ordering::SeqCst);
                let requests = Arc::clone(&counts.0);
                let serving = service_fn(move |request| echo(request, Arc::clone(&requests)));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), serving),
                );
            }
        });
        Self { address, requests, connections }
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn echo(
    request: Request<Incoming>,
    count: Arc<AtomicUsize>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Ok(Response::builder().status(400).body(Full::default()).unwrap());
    };
    count.fetch_add(1, Ordering::SeqCst);
    let mut headers = serde_json::Map::new();
    for name in parts.headers.keys() {
        let values: Vec<_> = parts.headers.get_all(name).iter().map(|v| v.to_str().unwrap_or("?")).collect();
        headers.insert(name.to_string(), values.join(", ").into());
    }
    let seen = json!({
        "method": parts.method.as_str(),
        "target": parts.uri.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body.to_bytes()),
    });
    let status = parts.uri.query().and_then(|query| query.strip_prefix("answer=")).unwrap_or("200");
    let response = Response::builder()
        .status(status.parse::<u16>().unwrap_or(200))
        .header("content-type", "application/json")
        .header("x-upstream", "echo")
        .body(Full::from(seen.to_string()));
    Ok(response.unwrap())
}

/// An upstream that answers every connection with what `script` says.
pub(crate) async fn scripted<F, R>(script: F) -> SocketAddr
where
    F: Fn(TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(script(stream));
        }
    });
    address
}

/// Reads the head of a request.
pub(crate) async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).await.is_ok_and(|n| n == 1) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}
