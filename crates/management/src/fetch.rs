//! Fetches documents that clients link to instead of sending: API descriptions, policies.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Response;
use reqwest::header::LOCATION;
use url::{Host, Url};

use crate::import::LARGEST_DESCRIPTION;

/// Fetches a document.
#[async_trait]
pub trait Fetch: Send + Sync + 'static {
    /// The whole document; the error says why not, in words for the client.
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, String>;
}

/// Fetches over HTTP and HTTPS, with limits on time and size.
///
/// Clients choose the URL, so link-local addresses are refused: that is where cloud machines keep their
/// credentials. Other addresses of the server's own network are where API descriptions often are.
pub struct HttpFetch(reqwest::Client);

/// How many redirects are followed.
const REDIRECTS: usize = 5;
const TIMEOUT: Duration = Duration::from_secs(30);

impl HttpFetch {
    /// Uses `client`, which should not follow redirects itself: they are followed here, and checked.
    pub fn new(client: reqwest::Client) -> Self {
        Self(client)
    }

    async fn answer(&self, mut url: Url) -> Result<Response, String> {
        for _ in 0..=REDIRECTS {
            check(&url).await?;
            let request = self.0.get(url.clone()).timeout(TIMEOUT);
            let response = request.send().await.map_err(|error| error.without_url().to_string())?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let to = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let to = to.ok_or_else(|| format!("it answers {} without saying where to", response.status()))?;
            url =
                url.join(to).map_err(|error| format!("it redirects to '{to}', which is no URL: {error}"))?;
        }
        Err(format!("it redirects more than {REDIRECTS} times"))
    }
}

#[async_trait]
impl Fetch for HttpFetch {
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        let url = Url::parse(url).map_err(|error| format!("it is not an absolute URL: {error}"))?;
        let mut response = self.answer(url).await?;
        if !response.status().is_success() {
            return Err(format!("it answers {}", response.status()));
        }
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| error.without_url().to_string())? {
            if document.len() + chunk.len() > LARGEST_DESCRIPTION {
                return Err(format!("it is larger than {LARGEST_DESCRIPTION} bytes"));
            }
            document.extend_from_slice(&chunk);
        }
        Ok(document)
    }
}

async fn check(url: &Url) -> Result<(), String> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("the scheme '{}' is neither http nor https", url.scheme()));
    }
    let addresses: Vec<IpAddr> = match url.host() {
        None => return Err("it names no host".to_owned()),
        Some(Host::Ipv4(address)) => vec![address.into()],
        Some(Host::Ipv6(address)) => vec![address.into()],
        Some(Host::Domain(name)) => {
            let port = url.port_or_known_default().unwrap_or(443);
            let found = tokio::net::lookup_host((name, port)).await;
            found.map_err(|_| format!("the host '{name}' is not known"))?.map(|found| found.ip()).collect()
        }
    };
    match addresses.into_iter().find(|address| is_link_local(*address)) {
        Some(address) => {
            Err(format!("the address {address} is link-local, and nothing is fetched from there"))
        }
        None => Ok(()),
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_unicast_link_local() || address.segments()[..3] == [0xfd00, 0xec2, 0]
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::response::Redirect;
    use axum::routing::get;

    use super::*;

    async fn check(path: &str) -> String {
        let routes = Router::new()
            .route("/document", get(|| async { "text" }))
            .route("/moved", get(|| async { Redirect::temporary("/document") }))
            .route("/loop", get(|| async { Redirect::temporary("/loop") }))
            .route("/stolen", get(|| async { Redirect::temporary("http://169.254.169.254/latest") }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, routes).await });
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        let url = if path.starts_with('/') { format!("{base}{path}") } else { path.to_owned() };
        let fetched = HttpFetch::new(client).fetch(&url).await;
        server.abort();
        match fetched {
            Ok(document) => String::from_utf8(document).unwrap(),
            Err(problem) => problem,
        }
    }

    #[tokio::test]
    async fn documents_are_fetched_within_limits() {
        for (path, answer) in [
            ("/document", "text"),
            ("/moved", "text"),
            ("/loop", "it redirects more than 5 times"),
            ("/none", "it answers 404 Not Found"),
            ("/stolen", "the address 169.254.169.254 is link-local, and nothing is fetched from there"),
            (
                "http://[::ffff:169.254.169.254]/",
                "the address ::ffff:169.254.169.254 is link-local, and nothing is fetched from there",
            ),
            ("file:///etc/passwd", "the scheme 'file' is neither http nor https"),
            ("pets.json", "it is not an absolute URL: relative URL without a base"),
        ] {
            assert_eq!(check(path).await, answer, "{path}");
        }
    }
}
