//! The transport: certificates, time limits, and how answers are read.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::Certificate;
use reqwest::header::{HeaderName, LOCATION, RETRY_AFTER};
use serde_json::Value;

use super::Reply;
use super::error::{ClientError, Unreachable};

/// A client that trusts the system's authorities and those in `ca_file`.
pub(crate) fn build(ca_file: Option<&Path>) -> anyhow::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("evergate/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(15))
        .timeout(Duration::from_mins(5))
        .redirect(reqwest::redirect::Policy::none());
    if let Some(path) = ca_file {
        let pem =
            std::fs::read(path).with_context(|| format!("the CA file {} cannot be read", path.display()))?;
        let certificates = Certificate::from_pem_bundle(&pem)
            .with_context(|| format!("the CA file {} is not PEM", path.display()))?;
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().context("the HTTP client cannot be made")
}

/// Reads an answer; anything but success and redirection is a [`ClientError`].
pub(crate) async fn reply(response: reqwest::Response, endpoint: &str) -> anyhow::Result<Reply> {
    let status = response.status().as_u16();
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    // The public cloud answers some operations with this header alone.
    let location = header(LOCATION).or_else(|| header(HeaderName::from_static("azure-asyncoperation")));
    let retry_after = header(RETRY_AFTER).and_then(|text| text.parse().ok());
    let text = response.text().await.map_err(|error| Unreachable::new(endpoint, &error))?;
    let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    if (200..400).contains(&status) {
        Ok(Reply { status, location, retry_after, body })
    } else {
        Err(refusal(status, &body, &text).into())
    }
}

/// The error in a resource-manager or graph body, or what can be said without one.
fn refusal(status: u16, body: &Value, text: &str) -> ClientError {
    let error = body.get("error").unwrap_or(body);
    let member = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
    let fallback = || {
        let start: String = text.chars().take(200).collect();
        if start.trim().is_empty() { format!("the endpoint answered {status}") } else { start }
    };
    let mut message = member("message").unwrap_or_else(fallback);
    for detail in error.get("details").and_then(Value::as_array).into_iter().flatten() {
        if let Some(detail) =
            detail.get("message").and_then(Value::as_str).filter(|text| !message.contains(text))
        {
            message.push_str("; ");
            message.push_str(detail);
        }
    }
    ClientError { status, code: member("code").unwrap_or_else(|| status.to_string()), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_bodies_become_one_line() {
        for (status, text, expected) in [
            (409, r#"{"error":{"code":"Conflict","message":"busy"}}"#, "(Conflict) busy"),
            (
                400,
                r#"{"error":{"code":"ValidationError","message":"bad","details":[{"message":"path is empty"}]}}"#,
                "(ValidationError) bad; path is empty",
            ),
            (502, "<html>bad gateway</html>", "(502) <html>bad gateway</html>"),
            (500, "", "(500) the endpoint answered 500"),
        ] {
            let body = serde_json::from_str(text).unwrap_or(Value::Null);
            assert_eq!(refusal(status, &body, text).to_string(), expected);
        }
    }
}
