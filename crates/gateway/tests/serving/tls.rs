//! TLS on both sides.

use std::sync::Arc;

use evergate_gateway::GatewayConfig;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::harness::{Config, Echo, World, base, parse};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    fn server(&self, name: &str) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }

    fn client(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.der()).unwrap();
        ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth()
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A TLS upstream that answers `ok` once a connection.
async fn upstream(config: Arc<ServerConfig>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut config = (*config).clone();
    config.alpn_protocols.clear();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
                let _ = stream.read(&mut head).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn https_upstreams_are_checked_as_their_backend_says() {
    let (known, unknown) = (Authority::new(), Authority::new());
    let check = async |authority: &Authority, name: &str, tls: serde_json::Value, status: u16| {
        let port = upstream(authority.server(name)).await;
        let config = GatewayConfig { upstream_authorities: vec![known.der()], ..base() };
        let world = World::with(
            config,
            [Config::new("one")
                .api("a", "a", "127.0.0.1:1".parse().unwrap())
                .operation("a", "x", "GET", "/x")
                .put("/backends/b", json!({"url": format!("https://localhost:{port}"), "tls": tls}))
                .inbound("/apis/a", r#"<set-backend-service backend-id="b"/>"#)],
        );
        let answer = world.get("/a/x").await;
        assert_eq!(answer.status, status, "{name} {tls} {answer:?}");
    };
    check(&known, "localhost", json!({}), 200).await;
    check(&known, "elsewhere", json!({}), 502).await;
    check(&known, "elsewhere", json!({"validateCertificateName": false}), 200).await;
    check(&unknown, "localhost", json!({}), 502).await;
    check(&unknown, "localhost", json!({"validateCertificateChain": false}), 200).await;
    check(&unknown, "elsewhere", json!({"validateCertificateChain": false}), 502).await;
}

#[tokio::test]
async fn https_clients_are_served_over_both_versions_of_http() {
    let authority = Authority::new();
    let echo = Echo::start().await;
    let config = GatewayConfig {
        https: Some(("127.0.0.1:0".parse().unwrap(), authority.server("localhost"))),
        ..base()
    };
    let world = World::with(
        config,
        [Config::new("one")
            .api("a", "a", echo.address)
            .operation("a", "x", "GET", "/x")
            .operation("a", "p", "POST", "/x")],
    );
    let connect = async |alpn: &[u8]| {
        let mut client = authority.client();
        client.alpn_protocols = vec![alpn.to_vec()];
        let stream = TcpStream::connect(world.https.unwrap()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(client)).connect(name, stream).await.unwrap()
    };
    let mut stream = connect(b"http/1.1").await;
    stream.write_all(b"GET /a/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut read = Vec::new();
    let _ = stream.read_to_end(&mut read).await;
    assert_eq!(parse(&read).target(), "/x");

    let stream = connect(b"h2").await;
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(hyper_util::rt::TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    for (method, body) in [("GET", ""), ("POST", "hello")] {
        let request = hyper::Request::builder()
            .method(method)
            .uri("https://one.gateway.localhost/a/x?q=1")
            .body(http_body_util::Full::new(bytes::Bytes::from_static(body.as_bytes())))
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let bytes = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
        let seen: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!((&seen["target"], &seen["body"]), (&json!("/x?q=1"), &json!(body)));
        assert_eq!(seen["headers"]["host"], echo.address.to_string());
    }
}
