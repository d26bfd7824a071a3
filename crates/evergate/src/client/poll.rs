//! Waits for long-running operations.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::error::{ClientError, OperationFailed};
use super::{Client, Reply};

/// What is known while an operation runs.
#[derive(Debug)]
pub(crate) struct Waited {
    /// Since the request was accepted.
    pub(crate) elapsed: Duration,
    /// The body of the last poll, where endpoints tell how far they are; often null.
    pub(crate) body: Value,
}

/// Follows `Location` until the answer is no longer 202, or `Azure-AsyncOperation` until its status is final.
pub(super) async fn wait(
    client: &mut Client,
    mut reply: Reply,
    mut on_progress: impl FnMut(&Waited),
) -> anyhow::Result<Value> {
    let begun = Instant::now();
    let mut location = reply.location.take();
    while running(&reply)? {
        let Some(at) = location.clone() else {
            let message = "the endpoint accepted the request but does not say where to ask for its result";
            return Err(OperationFailed { code: "NoLocation".to_owned(), message: message.to_owned() }.into());
        };
        let pause = Duration::from_secs(reply.retry_after.unwrap_or(2).clamp(1, 60));
        tokio::time::sleep(pause).await;
        reply = client.send(reqwest::Method::GET, &at, None).await.map_err(as_failure)?;
        location = reply.location.take().or(location);
        on_progress(&Waited { elapsed: begun.elapsed(), body: reply.body.clone() });
    }
    Ok(reply.body)
}

/// Whether an answer says that the work goes on. An operation of `Azure-AsyncOperation` answers 200 throughout and
/// says it in its body, failures included.
fn running(reply: &Reply) -> Result<bool, OperationFailed> {
    let failed = |otherwise: &str| {
        let text = |name: &str| reply.body["error"][name].as_str();
        OperationFailed {
            code: text("code").unwrap_or(otherwise).to_owned(),
            message: text("message").unwrap_or("the endpoint does not say why").to_owned(),
        }
    };
    match reply.body["status"].as_str() {
        _ if reply.status == 202 => Ok(true),
        None | Some("Succeeded") => Ok(false),
        Some(ended @ ("Failed" | "Canceled")) => Err(failed(ended)),
        Some(_) => Ok(true),
    }
}

/// A refused poll is how an operation says that it failed; what is about the caller stays what it is.
fn as_failure(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<ClientError>() {
        Ok(ClientError { status: 400 | 409, code, message }) => OperationFailed { code, message }.into(),
        Ok(other) => other.into(),
        Err(other) => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_operation_is_running_until_it_says_otherwise() {
        let check = |status, body: Value, expected: Result<bool, &str>| {
            let reply = Reply { status, location: None, retry_after: None, body };
            let found = running(&reply).map_err(|failed| failed.to_string());
            assert_eq!(found, expected.map_err(str::to_owned));
        };
        check(202, Value::Null, Ok(true));
        check(200, json!({ "name": "shop", "properties": {} }), Ok(false));
        check(200, json!({ "status": "InProgress" }), Ok(true));
        check(200, json!({ "status": "Succeeded" }), Ok(false));
        let failed = json!({ "status": "Failed", "error": { "code": "RestoreFailed", "message": "no" } });
        check(200, failed, Err("(RestoreFailed) no"));
        check(200, json!({ "status": "Canceled" }), Err("(Canceled) the endpoint does not say why"));
    }
}
