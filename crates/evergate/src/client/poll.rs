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

/// Follows `Location` until the answer is no longer 202.
pub(super) async fn wait(
    client: &mut Client,
    mut reply: Reply,
    mut on_progress: impl FnMut(&Waited),
) -> anyhow::Result<Value> {
    let begun = Instant::now();
    let mut location = reply.location.take();
    while reply.status == 202 {
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

/// A refused poll is how an operation says that it failed; what is about the caller stays what it is.
fn as_failure(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<ClientError>() {
        Ok(ClientError { status: 400 | 409, code, message }) => OperationFailed { code, message }.into(),
        Ok(other) => other.into(),
        Err(other) => other,
    }
}
