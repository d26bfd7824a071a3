//! The management API as a plain HTTP client sees it.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::{Certificate, Client, Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

use crate::{Bootstrap, ready};

/// The api-version that requests name unless they name another.
pub const API_VERSION: &str = "2024-05-01";

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; null when there was none.
    pub body: Value,
}

impl Answer {
    /// The body, when the request succeeded.
    pub fn ok(self) -> anyhow::Result<Value> {
        ensure!(self.status.is_success(), "{}: {}", self.status, self.body);
        Ok(self.body)
    }

    /// `error.code` of the body.
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// `error.message` of the body.
    pub fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A signed-in client of one server.
#[derive(Clone)]
pub struct Management {
    client: Client,
    endpoint: String,
    subscription: String,
    token: String,
}

impl Management {
    /// Signs in as the owner application.
    pub async fn sign_in(bootstrap: &Bootstrap) -> anyhow::Result<Self> {
        let authority = std::fs::read(&bootstrap.ca_file).context("the authority's certificate")?;
        let client = Client::builder()
            .tls_certs_only([Certificate::from_pem(&authority)?])
            .no_proxy()
            .timeout(Duration::from_mins(2))
            .build()?;
        let endpoint = bootstrap.management_endpoint.clone();
        let url = format!("{endpoint}/{}/oauth2/token", bootstrap.tenant_id);
        let answer = client
            .post(url)
            .form(&[
                ("grant_type", "client_credentials"),
                ("client_id", &bootstrap.application_id),
                ("client_secret", &bootstrap.client_secret),
                ("resource", "https://management.azure.com/"),
            ])
            .send()
            .await?;
        let body: Value = answer.json().await?;
        let token = body["access_token"].as_str().with_context(|| format!("no token: {body}"))?.to_owned();
        Ok(Self { client, endpoint, subscription: bootstrap.subscription_id.clone(), token })
    }

    /// The access token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The same client with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// The path of a service of resource group `rg`.
    pub fn service(&self, name: &str) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/rg/providers/Microsoft.ApiManagement/service/{name}",
            self.subscription
        )
    }

    /// Sends a request. A path without a query gets [`API_VERSION`]; an absolute URL is taken as it is.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
        let url = match path {
            path if path.starts_with("https://") => path.to_owned(),
            path if path.contains("api-version=") => format!("{}{path}", self.endpoint),
            path => {
                let joint = if path.contains('?') { '&' } else { '?' };
                format!("{}{path}{joint}api-version={API_VERSION}", self.endpoint)
            }
        };
        let mut request = self.client.request(method.clone(), &url).bearer_auth(&self.token);
        if method == Method::PUT || method == Method::PATCH || method == Method::DELETE {
            request = request.header("if-match", "*");
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.with_context(|| format!("{method} {url}"))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        let body = if body == Value::String(String::new()) { Value::Null } else { body };
        Ok(Answer { status, headers, body })
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, None).await
    }

    /// Creates or replaces; waits when the server does so in the background.
    pub async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.send(Method::PUT, path, Some(body)).await?;
        let answer = if answer.status == StatusCode::ACCEPTED { self.wait(&answer).await? } else { answer };
        answer.ok().with_context(|| format!("PUT {path}"))
    }

    /// Asks for an action.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// Deletes.
    pub async fn delete(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::DELETE, path, None).await
    }

    /// Every member of a collection, following `nextLink`.
    pub async fn list(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let mut next = Some(path.to_owned());
        let mut all = Vec::new();
        while let Some(path) = next {
            let mut page = self.get(&path).await?.ok().with_context(|| format!("GET {path}"))?;
            if let Value::Array(values) = page["value"].take() {
                all.extend(values);
            }
            next = page["nextLink"].as_str().filter(|link| !link.is_empty()).map(str::to_owned);
        }
        Ok(all)
    }

    /// Polls an accepted operation to its end.
    pub async fn wait(&self, accepted: &Answer) -> anyhow::Result<Answer> {
        ensure!(
            accepted.status == StatusCode::ACCEPTED,
            "not accepted: {} {}",
            accepted.status,
            accepted.body
        );
        let location = accepted.header("location").to_owned();
        ensure!(location.starts_with("https://"), "Location is '{location}', which is not absolute");
        ready::until("the operation's end", async || {
            let answer = self.get(&location).await?;
            Ok((answer.status != StatusCode::ACCEPTED).then_some(answer))
        })
        .await
    }

    /// Backs up or restores (`verb`), and waits for the end.
    pub async fn run(&self, service: &str, verb: &str, request: &Value) -> anyhow::Result<Answer> {
        let accepted = self.post(&format!("{}/{verb}", self.service(service)), request).await?;
        if accepted.status == StatusCode::ACCEPTED { self.wait(&accepted).await } else { Ok(accepted) }
    }

    /// The primary key of a subscription of a service.
    pub async fn subscription_key(&self, service: &str, subscription: &str) -> anyhow::Result<String> {
        let path = format!("{}/subscriptions/{subscription}/listSecrets", self.service(service));
        let secrets = self.post(&path, &Value::Null).await?.ok()?;
        Ok(secrets["primaryKey"].as_str().context("the subscription has no key")?.to_owned())
    }

    /// Creates a service of one unit in the group `rg`.
    pub async fn create_service(&self, name: &str, location: &str, sku: &str) -> anyhow::Result<Value> {
        let group = format!("/subscriptions/{}/resourcegroups/rg?api-version=2024-11-01", self.subscription);
        self.put(&group, &json!({"location": location})).await?;
        let body = json!({
            "location": location,
            "sku": {"name": sku, "capacity": 1},
            "properties": {"publisherName": "Contoso", "publisherEmail": "api@contoso.example"},
        });
        self.put(&self.service(name), &body).await
    }
}

/// The body of a backup or restore request with an account key.
pub fn storage_request(account: &str, key: &str, container: &str, backup: &str) -> Value {
    json!({"storageAccount": account, "accessKey": key, "containerName": container, "backupName": backup})
}
