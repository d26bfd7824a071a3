//! Fetches the discovery documents and keys of external issuers.

use std::time::Duration;

use async_trait::async_trait;
use evergate_identity::{Fetch, FetchError};

/// Documents larger than this are not key sets.
const LARGEST: usize = 1024 * 1024;

/// GET over HTTPS, without redirects: the configured host answers, or nobody.
pub struct HttpFetch(reqwest::Client);

impl HttpFetch {
    /// A client that trusts the system's certificate authorities.
    pub fn new() -> Result<Self, FetchError> {
        reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map(Self)
            .map_err(|error| FetchError(error.to_string()))
    }
}

#[async_trait]
impl Fetch for HttpFetch {
    async fn get(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let failed = |error: reqwest::Error| FetchError(format!("'{url}' cannot be fetched: {error}"));
        let mut response =
            self.0.get(url).send().await.and_then(reqwest::Response::error_for_status).map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LARGEST {
                return Err(FetchError(format!("'{url}' is larger than {LARGEST} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}
