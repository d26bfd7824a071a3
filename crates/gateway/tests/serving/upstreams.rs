//! Upstreams that are slow, gone, early or short.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::harness::{Config, World, base, read_head, scripted};

fn world(upstream: std::net::SocketAddr) -> World {
    // One worker, so that a pooled connection is found again.
    let config = evergate_gateway::GatewayConfig { workers: 1, ..base() };
    World::with(
        config,
        [Config::new("one")
            .api("a", "a", upstream)
            .operation("a", "get", "GET", "/*")
            .operation("a", "put", "PUT", "/*")
            .operation("a", "post", "POST", "/*")
            .operation("a", "hasty", "GET", "/hasty")
            .policy(
                "/apis/a/operations/hasty",
                r#"<policies><backend><forward-request timeout-ms="300"/></backend></policies>"#,
            )],
    )
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn an_upstream_that_is_silent_or_gone_is_told_apart() {
    let silent = scripted(|mut stream| async move {
        read_head(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let answer = world(silent).get("/a/hasty").await;
    assert_eq!(
        answer.body,
        r#"{ "statusCode": 504, "message": "The backend service did not answer in time." }"#
    );

    // Bound, so that nobody else gets the port, but not listening.
    let gone = TcpSocket::new_v4().unwrap();
    gone.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let answer = world(gone.local_addr().unwrap()).get("/a/x").await;
    assert_eq!(answer.body, r#"{ "statusCode": 502, "message": "The backend service cannot be reached." }"#);

    let hangs_up = scripted(|mut stream| async move {
        read_head(&mut stream).await;
    })
    .await;
    let answer = world(hangs_up).get("/a/x").await;
    assert_eq!(
        answer.body,
        r#"{ "statusCode": 502, "message": "The backend service failed before it answered." }"#
    );

    let nonsense = scripted(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"SSH-2.0-OpenSSH\r\n\r\n").await.unwrap();
    })
    .await;
    assert_eq!(world(nonsense).get("/a/x").await.status, 502);
}

#[tokio::test]
async fn a_stale_connection_is_replaced_when_that_is_safe() {
    // Every connection answers once and closes without a word at its second request.
    let requests = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&requests);
    let upstream = scripted(move |mut stream| {
        let requests = Arc::clone(&counting);
        async move {
            read_head(&mut stream).await;
            requests.fetch_add(1, Ordering::SeqCst);
            stream.write_all(OK).await.unwrap();
            if !read_head(&mut stream).await.is_empty() {
                requests.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await;
    let world = world(upstream);
    assert_eq!(world.get("/a/1").await.body, "ok");
    // Long enough idle for the gateway to expect that the other side may have closed.
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(world.get("/a/2").await.body, "ok", "a GET is repeated on a new connection");
    assert_eq!(requests.load(Ordering::SeqCst), 3);
    assert_eq!(world.send("POST", "/a/4", &[], "").await.status, 502, "a POST might be done twice");
}

#[tokio::test]
async fn a_connection_whose_request_was_not_finished_is_not_used_again() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&connections);
    let upstream = scripted(move |mut stream| {
        let connections = Arc::clone(&counting);
        async move {
            connections.fetch_add(1, Ordering::SeqCst);
            let head = read_head(&mut stream).await;
            if head.starts_with("POST") {
                // The answer comes before the body: what follows on this connection is the body's rest.
                stream.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig").await.unwrap();
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
                assert!(
                    !rest.windows(4).any(|window| window == b"GET "),
                    "a request followed an unfinished body"
                );
            } else {
                stream.write_all(OK).await.unwrap();
                std::future::pending::<()>().await;
            }
        }
    })
    .await;
    let world = world(upstream);
    let mut client = TcpStream::connect(world.gateway).await.unwrap();
    client
        .write_all(b"POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nonly this")
        .await
        .unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    assert_eq!(world.get("/a/y").await.body, "ok");
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_response_cut_short_is_not_passed_off_as_whole() {
    let upstream = scripted(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await.unwrap();
    })
    .await;
    let answer = world(upstream).get("/a/x").await;
    // Nothing at all, when the end came before the head was sent; or less than the head promises.
    assert!(answer.status == 0 || answer.header("content-length") == Some("10"), "{answer:?}");
    assert!(answer.body.len() < 10, "{answer:?}");
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_upstream_request() {
    let (told, mut tell) = tokio::sync::mpsc::unbounded_channel();
    let upstream = scripted(move |mut stream| {
        let told = told.clone();
        async move {
            read_head(&mut stream).await;
            told.send("arrived").unwrap();
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            told.send("closed").unwrap();
        }
    })
    .await;
    let world = world(upstream);
    let mut client = TcpStream::connect(world.gateway).await.unwrap();
    client.write_all(b"PUT /a/x HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    assert_eq!(tell.recv().await, Some("arrived"));
    drop(client);
    assert_eq!(tell.recv().await, Some("closed"));
}

#[tokio::test]
async fn requests_under_way_finish_when_the_gateway_stops() {
    let (arrived, mut wait) = tokio::sync::mpsc::unbounded_channel();
    let go = Arc::new(tokio::sync::Semaphore::new(0));
    let gate = Arc::clone(&go);
    let upstream = scripted(move |mut stream| {
        let (arrived, gate) = (arrived.clone(), Arc::clone(&gate));
        async move {
            read_head(&mut stream).await;
            arrived.send(()).unwrap();
            let _permit = gate.acquire().await;
            stream.write_all(OK).await.unwrap();
        }
    })
    .await;
    let world = world(upstream);
    let mut idle = TcpStream::connect(world.gateway).await.unwrap();
    let mut client = TcpStream::connect(world.gateway).await.unwrap();
    client.write_all(b"PUT /a/x HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    wait.recv().await.unwrap();
    world.stop.cancel();
    let mut nothing = Vec::new();
    idle.read_to_end(&mut nothing).await.unwrap();
    go.add_permits(1);
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok"), "{answer}");
    tokio::time::timeout(Duration::from_secs(20), world.running.stopped()).await.unwrap();
    assert!(TcpStream::connect(world.gateway).await.is_err());
}
