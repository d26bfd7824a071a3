//! A gateway as callers of APIs see it.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::{Client, StatusCode};
use serde_json::Value;

use crate::ready;

/// A client of one gateway.
#[derive(Clone)]
pub struct Gateway {
    client: Client,
    endpoint: String,
}

impl Gateway {
    /// A client of the gateway at an origin.
    pub fn at(endpoint: &str) -> anyhow::Result<Self> {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
        Ok(Self { client, endpoint: endpoint.to_owned() })
    }

    /// Calls a service by its host name, with a subscription key.
    pub async fn get(&self, service: &str, path: &str, key: &str) -> anyhow::Result<(StatusCode, Value)> {
        let answer = self
            .client
            .get(format!("{}{path}", self.endpoint))
            .header("host", format!("{service}.gateway.localhost"))
            .header("ocp-apim-subscription-key", key)
            .send()
            .await
            .with_context(|| format!("GET {}{path}", self.endpoint))?;
        let status = answer.status();
        let text = answer.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    /// Calls until the answer has a status: configuration is live within a second, not at once.
    pub async fn get_until(
        &self,
        service: &str,
        path: &str,
        key: &str,
        status: StatusCode,
    ) -> anyhow::Result<Value> {
        let mut last = (StatusCode::OK, Value::Null);
        let found = ready::until("the gateway's answer", async || {
            last = self.get(service, path, key).await?;
            Ok((last.0 == status).then(|| last.1.clone()))
        })
        .await;
        found.with_context(|| format!("GET {path} answered {} {}", last.0, last.1))
    }
}
