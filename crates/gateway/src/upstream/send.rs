//! Sends a request over a pooled connection, or a new one.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use http::{Method, Request, Response};
use hyper::body::Incoming;

use super::connect::{ConnectError, connect};
use super::pool::{self, Lease};
use super::{Origin, Upstream};
use crate::body::{RequestBody, Sending};

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the connection failed before the response came: {0}")]
    Failed(#[source] hyper::Error),
    #[error("the request's body could not be read from the client")]
    Client,
    #[error("the response did not come in time")]
    TimedOut,
}

/// How long sending may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// From when on.
    pub(crate) from: Instant,
    /// To make a connection.
    pub(crate) connect: Duration,
    /// Until the head of the response.
    pub(crate) answer: Instant,
}

/// Servers close connections that were idle for seconds. One that was in use a moment ago is trusted,
/// so that a busy gateway copies no headers.
const MAY_BE_STALE: Duration = Duration::from_millis(100);

/// Sends a request. A pooled connection may have been closed by the other side meanwhile: then the
/// request is sent once more over a new one, if nothing of it was sent, or if it has no body that is
/// gone and may be repeated.
pub(crate) async fn send(
    upstream: &Upstream,
    mut request: Request<RequestBody>,
    limits: Limits,
) -> Result<(Response<Incoming>, Lease), SendError> {
    let origin = &upstream.origin;
    let sending = request.body().sending();
    if let Some(mut connection) = pool::take(origin.id) {
        let spare = (connection.idle(limits.from) >= MAY_BE_STALE).then(|| spare(&request)).flatten();
        let sent = pin!(connection.sender.try_send_request(request));
        match answered(&mut connection, limits.answer, sent).await {
            None => return Err(SendError::TimedOut),
            Some(Ok(response)) => return Ok((response, Lease::new(origin.id, connection, sending))),
            Some(Err(mut error)) => match error.take_message().or(spare) {
                Some(unsent) => request = unsent,
                None if sending.failed() => return Err(SendError::Client),
                None => return Err(SendError::Failed(error.into_error())),
            },
        }
    }
    // On the heap, because it is rare and big.
    Box::pin(send_anew(origin, request, sending, limits)).await
}

async fn send_anew(
    origin: &Origin,
    request: Request<RequestBody>,
    sending: Sending,
    limits: Limits,
) -> Result<(Response<Incoming>, Lease), SendError> {
    let mut connection = connect(origin, limits.connect).await?;
    let sent = pin!(connection.sender.send_request(request));
    match answered(&mut connection, limits.answer, sent).await {
        None => Err(SendError::TimedOut),
        Some(Ok(response)) => Ok((response, Lease::new(origin.id, connection, sending))),
        Some(Err(_)) if sending.failed() => Err(SendError::Client),
        Some(Err(error)) => Err(SendError::Failed(error)),
    }
}

/// Drives a connection until its answer is there; none when the deadline comes first.
async fn answered<F: Future>(
    connection: &mut pool::Connection,
    deadline: Instant,
    mut answer: Pin<&mut F>,
) -> Option<F::Output> {
    poll_fn(|cx| {
        connection.drive(cx);
        match answer.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending => connection.deadline.poll(deadline, cx).map(|()| None),
        }
    })
    .await
}

/// A copy of a request that may be repeated.
fn spare(request: &Request<RequestBody>) -> Option<Request<RequestBody>> {
    let repeatable = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
    );
    let body = if repeatable { request.body().copy()? } else { return None };
    let mut spare = Request::new(body);
    *spare.method_mut() = request.method().clone();
    *spare.uri_mut() = request.uri().clone();
    *spare.headers_mut() = request.headers().clone();
    Some(spare)
}
