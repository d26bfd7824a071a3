//! Fetches documents that clients link to instead of sending: API descriptions, policies.

use std::time::Duration;

use async_trait::async_trait;

use crate::import::LARGEST_DESCRIPTION;

/// Fetches a document.
#[async_trait]
pub trait Fetch: Send + Sync + 'static {
    /// The whole document; the error says why not, in words for the client.
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, String>;
}

/// Fetches over HTTP and HTTPS, with limits on time and size.
pub struct HttpFetch(reqwest::Client);

impl HttpFetch {
    /// Uses `client`, whose redirect and certificate rules it keeps.
    pub fn new(client: reqwest::Client) -> Self {
        Self(client)
    }
}

#[async_trait]
impl Fetch for HttpFetch {
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        let parsed = url::Url::parse(url).map_err(|error| format!("it is not an absolute URL: {error}"))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(format!("the scheme '{}' is neither http nor https", parsed.scheme()));
        }
        let request = self.0.get(parsed).timeout(Duration::from_secs(30));
        let mut response = request.send().await.map_err(|error| error.without_url().to_string())?;
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
