//! Tokens of another directory, which is another one of ours on the far side of a faked network.

use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;
use evergate_identity::{ExternalIssuer, Fetch, FetchError};

use super::*;

const ELSEWHERE: &str = "https://elsewhere:1";

/// Fetches from the other directory's router, and counts.
struct Wire {
    router: Router,
    fetched: AtomicUsize,
    broken: AtomicI64,
}

#[async_trait]
impl Fetch for Wire {
    async fn get(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        self.fetched.fetch_add(1, Ordering::SeqCst);
        let path = url.strip_prefix(ELSEWHERE).ok_or_else(|| FetchError(format!("unexpected {url}")))?;
        if self.broken.load(Ordering::SeqCst) != 0 {
            return Err(FetchError("the network is down".to_owned()));
        }
        let response =
            self.router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        Ok(to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec())
    }
}

struct Pair {
    here: Server,
    there: Server,
    wire: Arc<Wire>,
}

/// A server that trusts another one's tenant; `tenants` narrows that.
async fn pair(audience: &str, tenants: &[&str]) -> Pair {
    let there = Server::start_with(ELSEWHERE, |_| {}).await;
    let router = there.router.clone();
    let wire = Arc::new(Wire { router, fetched: AtomicUsize::new(0), broken: AtomicI64::new(0) });
    let issuer = ExternalIssuer {
        discovery: format!("{ELSEWHERE}/{}/v2.0", there.made.tenant_id),
        audiences: vec![audience.to_owned()],
        tenants: tenants.iter().map(|tenant| (*tenant).to_owned()).collect(),
    };
    let fetch: Arc<dyn Fetch> = wire.clone();
    let here = Server::start_with(AUTHORITY, |config| {
        config.external_issuers = vec![issuer];
        config.fetch = fetch;
    })
    .await;
    Pair { here, there, wire }
}

impl Pair {
    async fn token(&self) -> String {
        let id = self.there.made.application_id.to_string();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", id.as_str()),
            ("client_secret", self.there.made.client_secret.expose()),
            ("scope", "https://elsewhere:1/.default"),
        ];
        self.there.token(&form).await.json["access_token"].as_str().unwrap().to_owned()
    }

    fn fetched(&self) -> usize {
        self.wire.fetched.load(Ordering::SeqCst)
    }

    fn pass(&self, seconds: i64) {
        self.here.pass(seconds);
        self.there.pass(seconds);
    }
}

#[tokio::test]
async fn another_directory_is_trusted_by_its_discovery_document() {
    let pair = pair(ELSEWHERE, &[]).await;
    let token = pair.token().await;
    let principal = pair.here.authenticate(&token).await.unwrap();
    assert_eq!(principal.tenant, pair.there.made.tenant_id.to_string());
    assert_eq!(principal.name, "Evergate owner");
    // Trusted is who it is, not what it may do here.
    pair.here.directory.authorize(&principal, "Microsoft.ApiManagement/service/read", "/").unwrap_err();
    for _ in 0..3 {
        pair.here.authenticate(&token).await.unwrap();
    }
    assert_eq!(pair.fetched(), 2, "document and keys are kept");
}

#[tokio::test]
async fn its_keys_roll_over_without_a_restart() {
    let pair = pair(ELSEWHERE, &[]).await;
    pair.here.authenticate(&pair.token().await).await.unwrap();
    pair.pass(60);
    pair.there.directory.rotate_keys().await.unwrap();
    let token = pair.token().await;
    pair.here.authenticate(&token).await.unwrap();
    assert_eq!(pair.fetched(), 4);

    // Tokens with made-up keys do not make us fetch again and again.
    let forged = {
        use base64::Engine as _;
        let header = r#"{"alg":"RS256","kid":"made up"}"#;
        let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header);
        format!("{header}.{}", token.split_once('.').unwrap().1)
    };
    for _ in 0..5 {
        let error = pair.here.authenticate(&forged).await.unwrap_err();
        assert!(error.contains("a key its issuer does not publish"), "{error}");
    }
    assert_eq!(pair.fetched(), 4);
}

#[tokio::test]
async fn known_keys_work_on_while_the_network_is_down() {
    let pair = pair(ELSEWHERE, &[]).await;
    pair.wire.broken.store(1, Ordering::SeqCst);
    let error = pair.here.authenticate(&pair.token().await).await.unwrap_err();
    assert!(error.contains("cannot be fetched now"), "{error}");
    pair.wire.broken.store(0, Ordering::SeqCst);
    pair.pass(31);
    pair.here.authenticate(&pair.token().await).await.unwrap();
    pair.wire.broken.store(1, Ordering::SeqCst);
    pair.pass(48 * 3600);
    pair.here.authenticate(&pair.token().await).await.unwrap();
}

#[tokio::test]
async fn audience_tenant_and_time_are_checked() {
    let other_audience = pair("https://something-else", &[]).await;
    let error = other_audience.here.authenticate(&other_audience.token().await).await.unwrap_err();
    assert!(error.contains("audience 'https://elsewhere:1'"), "{error}");

    let other_tenant = pair(ELSEWHERE, &["11111111-1111-1111-1111-111111111111"]).await;
    let error = other_tenant.here.authenticate(&other_tenant.token().await).await.unwrap_err();
    assert!(error.contains("tenant '"), "{error}");

    let pair = pair(ELSEWHERE, &[]).await;
    let token = pair.token().await;
    pair.here.pass(3600 + 119);
    pair.here.authenticate(&token).await.unwrap();
    pair.here.pass(1);
    assert!(pair.here.authenticate(&token).await.unwrap_err().contains("expired at"));
}

#[tokio::test]
async fn an_issuer_without_tls_or_audience_is_refused() {
    let open = async |discovery: &str, audiences: &[&str]| {
        let mut config = config(AUTHORITY, &Arc::new(AtomicI64::new(0)));
        config.external_issuers = vec![ExternalIssuer {
            discovery: discovery.to_owned(),
            audiences: audiences.iter().map(|audience| (*audience).to_owned()).collect(),
            tenants: Vec::new(),
        }];
        Directory::open(Arc::new(MemoryRecords::default()), config)
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    };
    assert!(open("http://elsewhere/t", &["a"]).await.unwrap_err().contains("not an https URL"));
    assert!(open("https://elsewhere/t", &[]).await.unwrap_err().contains("has no audience"));
    open("https://elsewhere/t", &["a"]).await.unwrap();
    open("http://127.0.0.1:1/t", &["a"]).await.unwrap();
}
