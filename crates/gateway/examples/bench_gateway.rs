//! The gateway alone, for `cargo xtask bench gateway`: a key check and one `set-header` policy before
//! the upstream it is given. Prints where it listens; a line on standard input swaps the snapshot.

use std::io::BufRead as _;
use std::net::SocketAddr;
use std::sync::Arc;

use evergate_gateway::{Gateway, GatewayConfig};
use evergate_model::snapshot::{ServiceConfiguration, Snapshot};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// APIs of the service, and operations of each: enough that finding one is work.
const APIS: usize = 50;
const OPERATIONS: usize = 20;

#[expect(clippy::print_stdout, reason = "the benchmark reads the address")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let upstream: SocketAddr = arguments.next().ok_or("the upstream's address is missing")?.parse()?;
    let workers = arguments.next().ok_or("the number of workers is missing")?.parse()?;
    let (snapshots, receiver) = watch::channel(snapshot(upstream, 0)?);
    let config = GatewayConfig { http: Some("127.0.0.1:0".parse()?), workers, ..GatewayConfig::default() };
    let stop = CancellationToken::new();
    let running = Gateway::start(config, receiver, &mut Registry::default(), stop.clone())?;
    println!("{}", running.http_addr.ok_or("it does not listen")?);
    for (version, line) in std::io::stdin().lock().lines().enumerate() {
        line?;
        snapshots.send_replace(snapshot(upstream, version + 1)?);
    }
    Ok(())
}

fn snapshot(upstream: SocketAddr, version: usize) -> Result<Arc<Snapshot>, Box<dyn std::error::Error>> {
    let mut service =
        ServiceConfiguration { id: "bench".to_owned(), name: "bench".to_owned(), ..Default::default() };
    let mut put = |path: String, properties: Value, secrets: Value| {
        service.put_text(&path, &properties.to_string(), Some(&secrets.to_string()))
    };
    let policy = format!(
        r#"<policies><inbound><base/><set-header name="x-version"><value>{version}</value></set-header></inbound></policies>"#
    );
    for api in 0..APIS {
        let url = format!("http://{upstream}");
        put(format!("/apis/a{api}"), json!({"path": format!("a{api}"), "serviceUrl": url}), json!({}))?;
        put(format!("/apis/a{api}/policies/policy"), json!({"format": "xml", "value": policy}), json!({}))?;
        for operation in 0..OPERATIONS {
            let template = format!("/things{operation}/{{id}}");
            let properties = json!({"method": "GET", "urlTemplate": template});
            put(format!("/apis/a{api}/operations/o{operation}"), properties, json!({}))?;
        }
    }
    put("/products/p".to_owned(), json!({"state": "published"}), json!({}))?;
    put("/products/p/apis/a7".to_owned(), json!({}), json!({}))?;
    let subscription = json!({"scope": "/products/p", "state": "active"});
    put(
        "/subscriptions/s".to_owned(),
        subscription,
        json!({"primaryKey": "0123456789abcdef0123456789abcdef"}),
    )?;
    Ok(Arc::new(Snapshot { services: vec![Arc::new(service)] }))
}
