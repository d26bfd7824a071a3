//! What arrives as bytes: framing that could be read in two ways, bodies that stream, connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Config, Echo, World, exchange, parse, read_head, scripted};

fn world(upstream: std::net::SocketAddr) -> World {
    World::new([Config::new("one")
        .api("a", "a", upstream)
        .operation("a", "get", "GET", "/*")
        .operation("a", "post", "POST", "/*")])
}

#[tokio::test]
async fn ambiguous_framing_never_reaches_the_upstream_as_two_requests() {
    let echo = Echo::start().await;
    let world = world(echo.address);
    let check = async |text: &str, statuses: &[u16]| {
        let before = echo.requests();
        let answer = exchange(world.gateway, text.as_bytes()).await;
        assert!(statuses.contains(&answer.status), "{text:?} got {answer:?}");
        let reached = echo.requests() - before;
        assert_eq!(reached, usize::from(answer.status == 200), "{text:?}");
        if answer.status == 200 {
            assert!(!answer.body.contains("smuggled\\r\\nHost"), "{answer:?}");
            assert_eq!(answer.seen()["headers"].get("content-length"), None, "{answer:?}");
        }
    };
    let head = "POST /a/x HTTP/1.1\r\nHost: h\r\n";
    // RFC 9112 §6.3: Transfer-Encoding wins and the connection may not be used for what follows.
    check(
        &format!(
            "{head}Content-Length: 6\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\nG"
        ),
        &[200, 400],
    )
    .await;
    check(
        &format!(
            "{head}Transfer-Encoding: chunked\r\nContent-Length: 6\r\nConnection: close\r\n\r\n0\r\n\r\nG"
        ),
        &[200, 400],
    )
    .await;
    check(&format!("{head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), &[400]).await;
    check(&format!("{head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"), &[400]).await;
    check(&format!("{head}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"), &[400]).await;
    check(&format!("{head}Content-Length: +5\r\n\r\nhello"), &[400]).await;
    check(&format!("{head}Content-Length : 5\r\n\r\nhello"), &[400]).await;
    check(&format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"), &[400]).await;
    check(&format!("{head}Transfer-Encoding: chunked\r\n\r\n-1\r\nhello\r\n0\r\n\r\n"), &[400]).await;
    check("POST /a/x HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400]).await;
    check("GET /a/x HTTP/1.1\r\nHost: h\r\nX: a\r\n b: c\r\n\r\n", &[400]).await;
    check("GET /a/x HTTP/1.1\r\nHost: h\r\nHost: i\r\nConnection: close\r\n\r\n", &[400]).await;
    check("GET /a/x HTTP/1.1\r\nConnection: close\r\n\r\n", &[400]).await;
    check("GET /a/x\u{0} HTTP/1.1\r\nHost: h\r\n\r\n", &[400]).await;
    check("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\nConnection: close\r\n\r\n", &[501]).await;
    check("GET /a/x HTTP/1.1\r\nHost: h\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n", &[501])
        .await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let echo = Echo::start().await;
    let world = world(echo.address);
    let mut stream = TcpStream::connect(world.gateway).await.unwrap();
    let request = |n: u32, close: &str| format!("GET /a/{n} HTTP/1.1\r\nHost: h\r\n{close}\r\n");
    let text = format!("{}{}{}", request(1, ""), request(2, ""), request(3, "Connection: close\r\n"));
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut read = String::new();
    stream.read_to_string(&mut read).await.unwrap();
    let places: Vec<_> = (1..=3).map(|n| read.find(&format!("\"target\":\"/{n}\"")).unwrap()).collect();
    assert!(places.is_sorted(), "{read}");
    assert_eq!(echo.connections(), 1, "one upstream connection serves them all");
}

#[tokio::test]
async fn a_chunked_request_arrives_whole() {
    let echo = Echo::start().await;
    let world = world(echo.address);
    let text = "POST /a/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n";
    let answer = exchange(world.gateway, text.as_bytes()).await;
    let text = format!("{}\r\n\r\n{}", answer.head, answer.body);
    let answer =
        if answer.status == 100 { parse(text.split_once("\r\n\r\n").unwrap().1.as_bytes()) } else { answer };
    assert_eq!(answer.seen()["body"], "hello world");
    assert_eq!(answer.seen()["headers"].get("expect"), None);
}

/// Bytes that a body test moves, and what the gateway may hold of them: socket buffers included.
const BIG: usize = 256 << 20;
const HELD: usize = 48 << 20;

#[tokio::test]
async fn big_bodies_stream_in_bounded_memory() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&sent);
    let upstream = scripted(move |mut stream| {
        let sent = Arc::clone(&counting);
        async move {
            read_head(&mut stream).await;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BIG}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let block = vec![b'x'; 1 << 16];
            while sent.load(Ordering::SeqCst) < BIG {
                if stream.write_all(&block).await.is_err() {
                    break;
                }
                sent.fetch_add(block.len(), Ordering::SeqCst);
            }
        }
    })
    .await;
    let world = world(upstream);
    let mut client = TcpStream::connect(world.gateway).await.unwrap();
    client.write_all(b"GET /a/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut block = vec![0; 1 << 16];
    let mut received = 0;
    let mut most = 0;
    loop {
        let read = client.read(&mut block).await.unwrap();
        if read == 0 {
            break;
        }
        received += read;
        most = most.max(sent.load(Ordering::SeqCst).saturating_sub(received));
    }
    assert!(received >= BIG, "{received}");
    assert!(most < HELD, "{most} bytes were on their way at once");
}

#[tokio::test]
async fn a_big_request_body_waits_for_a_slow_upstream() {
    let go = Arc::new(tokio::sync::Semaphore::new(0));
    let gate = Arc::clone(&go);
    let upstream = scripted(move |mut stream| {
        let gate = Arc::clone(&gate);
        async move {
            read_head(&mut stream).await;
            let _permit = gate.acquire().await;
            let mut left = BIG;
            let mut block = vec![0; 1 << 16];
            while left > 0 {
                let read = stream.read(&mut block).await.unwrap();
                assert!(read > 0);
                left -= read;
            }
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        }
    })
    .await;
    let world = world(upstream);
    let (mut reading, mut writing) = TcpStream::connect(world.gateway).await.unwrap().into_split();
    let head = format!("POST /a/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {BIG}\r\n\r\n");
    writing.write_all(head.as_bytes()).await.unwrap();
    let block = vec![b'x'; 1 << 16];
    let mut written = 0;
    // Until nothing more fits: everything between the two ends is full.
    while written < BIG {
        let write = tokio::time::timeout(std::time::Duration::from_millis(300), writing.write(&block)).await;
        match write {
            Ok(count) => written += count.unwrap(),
            Err(_) => break,
        }
    }
    assert!(written < HELD, "{written} bytes were taken although nobody read them");
    go.add_permits(1);
    let sending = tokio::spawn(async move {
        while written < BIG {
            let end = block.len().min(BIG - written);
            written += writing.write(&block[..end]).await.unwrap();
        }
        writing
    });
    let mut answer = Vec::new();
    reading.read_to_end(&mut answer).await.unwrap();
    assert_eq!(parse(&answer).status, 204);
    drop(sending.await.unwrap());
}

#[tokio::test]
async fn responses_without_a_body_keep_their_headers() {
    let upstream = scripted(|mut stream| async move {
        loop {
            let head = read_head(&mut stream).await;
            let answer: &[u8] = match head.split(' ').nth(1) {
                Some("/304") => b"HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nContent-Length: 10\r\n\r\n",
                Some("/204") => b"HTTP/1.1 204 No Content\r\n\r\n",
                Some("/close") => b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
                Some(_) => b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nConnection: x-gone\r\nX-Gone: 1\r\nKeep-Alive: timeout=5\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok",
                None => return,
            };
            stream.write_all(answer).await.unwrap();
            if head.contains("/close") {
                return;
            }
        }
    })
    .await;
    let world = world(upstream);
    let unchanged = world.get("/a/304").await;
    assert_eq!((unchanged.status, unchanged.header("etag")), (304, Some("\"1\"")));
    assert_eq!(world.get("/a/204").await.status, 204);
    assert_eq!(world.get("/a/close").await.body, "until the end");
    let full = world.get("/a/x").await;
    assert_eq!((full.body.as_str(), full.header("x-gone"), full.header("keep-alive")), ("ok", None, None));
    assert_eq!(full.head.matches("set-cookie").count(), 2);
}
