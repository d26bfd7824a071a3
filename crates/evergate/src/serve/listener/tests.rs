//! Connections that are slow, wrong, or open at the end.

use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// A server whose `/slow` answers when `finish` is notified, and says `begun` when it was asked.
async fn start(grace: Duration) -> (std::net::SocketAddr, Parts) {
    let (begun, finish) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (said, awaited) = (Arc::clone(&begun), Arc::clone(&finish));
    let router = Router::new().route("/fast", get(async || "fast")).route(
        "/slow",
        get(async move || {
            said.notify_one();
            awaited.notified().await;
            "slow"
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = Server { listener, tls: None, router, grace };
    let task = tokio::spawn(server.run(stop.clone()));
    (address, Parts { begun, finish, stop, task })
}

struct Parts {
    begun: Arc<tokio::sync::Notify>,
    finish: Arc<tokio::sync::Notify>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

async fn ask(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let mut chunk = [0; 1024];
    while !answer.ends_with(path.trim_matches('/').as_bytes()) {
        match stream.read(&mut chunk).await.unwrap() {
            0 => break,
            read => answer.extend_from_slice(&chunk[..read]),
        }
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_request_under_way_finishes_after_the_signal() {
    let (address, parts) = start(Duration::from_hours(1)).await;
    assert!(ask(address, "/fast").await.starts_with("HTTP/1.1 200"));
    let slow = tokio::spawn(ask(address, "/slow"));
    parts.begun.notified().await;
    parts.stop.cancel();
    parts.finish.notify_one();
    assert!(slow.await.unwrap().ends_with("slow"));
    parts.task.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_request_that_does_not_finish_is_cut_off() {
    let (address, parts) = start(Duration::ZERO).await;
    let slow = tokio::spawn(ask(address, "/slow"));
    parts.begun.notified().await;
    parts.stop.cancel();
    parts.task.await.unwrap();
    slow.abort();
}
