//! Fetches documents that clients link to instead of sending: API descriptions, policies.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Response;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
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
    /// A fetcher that names itself `user_agent`. Redirects are followed here, each one checked.
    pub fn new(user_agent: &str) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .user_agent(user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(CheckedNames))
            .build()?;
        Ok(Self(client))
    }

    async fn answer(&self, mut url: Url) -> Result<Response, String> {
        for _ in 0..=REDIRECTS {
            check(&url)?;
            let request = self.0.get(url.clone()).timeout(TIMEOUT);
            let response = request.send().await.map_err(cause)?;
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
        while let Some(chunk) = response.chunk().await.map_err(cause)? {
            if document.len() + chunk.len() > LARGEST_DESCRIPTION {
                return Err(format!("it is larger than {LARGEST_DESCRIPTION} bytes"));
            }
            document.extend_from_slice(&chunk);
        }
        Ok(document)
    }
}

/// Resolves names as the system does, and refuses what leads to a link-local address. Connections go to
/// just these addresses, so a name that changes its mind gains nothing.
struct CheckedNames;

impl Resolve for CheckedNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found: Vec<SocketAddr> =
                found.map_err(|_| format!("the host '{}' is not known", name.as_str()))?.collect();
            found.iter().try_for_each(|address| allowed(address.ip()))?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Checks what the resolver does not see: the scheme, and a host given as an address.
fn check(url: &Url) -> Result<(), String> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("the scheme '{}' is neither http nor https", url.scheme()));
    }
    match url.host() {
        None => Err("it names no host".to_owned()),
        Some(Host::Ipv4(address)) => allowed(address.into()),
        Some(Host::Ipv6(address)) => allowed(address.into()),
        Some(Host::Domain(_)) => Ok(()),
    }
}

fn allowed(address: IpAddr) -> Result<(), String> {
    if is_link_local(address) {
        return Err(format!("the address {address} is link-local, and nothing is fetched from there"));
    }
    Ok(())
}

/// The last cause in an error's chain: what the resolver or the network said.
fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut innermost: &dyn std::error::Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
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
        let url = if path.starts_with('/') { format!("{base}{path}") } else { path.to_owned() };
        let fetched = HttpFetch::new("tests").unwrap().fetch(&url).await;
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
            ("http://no-such-host.invalid/", "the host 'no-such-host.invalid' is not known"),
            ("file:///etc/passwd", "the scheme 'file' is neither http nor https"),
            ("pets.json", "it is not an absolute URL: relative URL without a base"),
        ] {
            assert_eq!(check(path).await, answer, "{path}");
        }
    }
}
