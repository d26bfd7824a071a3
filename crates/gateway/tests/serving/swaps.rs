//! A stream of snapshots under load: no request fails, and each is served by one snapshot whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::harness::{Config, Echo, World, snapshot};

const SWAPS: usize = 60;

fn config(echo: &Echo, version: usize) -> Config {
    let mark = |name: &str| format!(r#"<set-header name="{name}"><value>{version}</value></set-header>"#);
    let mut config = Config::new("one")
        .api("a", "a", echo.address)
        .operation("a", "x", "GET", "/x")
        .inbound("", &mark("x-service"))
        .inbound("/apis/a", &mark("x-api"))
        .secret("/subscriptions/s", json!({"scope": "/apis", "state": "active"}), json!({"primaryKey": "k"}));
    config.0.revision = version as u64;
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_snapshots_are_swapped() {
    let echo = Echo::start().await;
    let world = World::new([config(&echo, 0)]);
    let (done, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> =
        (0..8).map(|_| tokio::spawn(client(world.gateway, Arc::clone(&done), Arc::clone(&served)))).collect();
    for version in 1..=SWAPS {
        let before = served.load(Ordering::SeqCst);
        world.snapshots.send_replace(snapshot([config(&echo, version)]));
        while served.load(Ordering::SeqCst) < before + 8 {
            tokio::task::yield_now().await;
        }
    }
    done.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.unwrap();
    }
    let last = async || world.get("/a/x").await.seen()["headers"]["x-api"].as_str().unwrap().to_owned();
    while last().await != SWAPS.to_string() {}
    assert!(!world.metrics().contains("5xx"));
}

/// Sends requests over one connection until told to stop; every one must be served.
async fn client(gateway: std::net::SocketAddr, done: Arc<AtomicBool>, served: Arc<AtomicUsize>) {
    let mut stream = BufReader::new(TcpStream::connect(gateway).await.unwrap());
    while !done.load(Ordering::SeqCst) {
        let request = b"GET /a/x HTTP/1.1\r\nHost: h\r\nOcp-Apim-Subscription-Key: k\r\n\r\n";
        stream.get_mut().write_all(request).await.unwrap();
        let mut length = 0;
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        assert!(line.starts_with("HTTP/1.1 200"), "{line}");
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line).await.unwrap();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let seen: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(seen["headers"]["x-service"], seen["headers"]["x-api"], "a request saw two snapshots");
        served.fetch_add(1, Ordering::SeqCst);
    }
}
