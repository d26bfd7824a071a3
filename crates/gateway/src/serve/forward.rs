//! Forwards a request to its upstream and takes the head of the response.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use evergate_policy::{Exchange, Failure};
use http::header::{CONTENT_LENGTH, HOST};
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode, Uri};
use hyper::body::Incoming;

use super::{After, Call};
use crate::body::{RequestBody, ResponseBody};
use crate::limits::Meter;
use crate::upstream::Upstream;
use crate::upstream::connect::ConnectError;
use crate::upstream::send::{Limits, SendError, send};
use crate::{answer, headers, target};

/// A request as its upstream will see it.
pub(super) struct Prepared {
    upstream: Arc<Upstream>,
    request: Request<RequestBody>,
    connect_timeout: Duration,
    timeout: Duration,
}

/// A request on its way.
pub(super) struct Forwarding {
    prepared: Prepared,
    after: After,
    meters: Vec<Meter>,
}

impl Forwarding {
    pub(super) fn new(prepared: Prepared, after: After, meters: Vec<Meter>) -> Self {
        Self { prepared, after, meters }
    }

    pub(super) async fn run(self) -> Response<ResponseBody> {
        let Self { prepared: Prepared { upstream, request, connect_timeout, timeout }, after, meters } = self;
        let started = Instant::now();
        let limits = Limits { from: started, connect: connect_timeout, answer: started + timeout };
        let answered = match send(&upstream, request, limits).await {
            Ok((response, lease)) => {
                after.service.metrics.upstream(started.elapsed());
                let (mut parts, incoming) = response.into_parts();
                headers::forward_response(&mut parts.headers);
                Ok((parts.status, parts.headers, ResponseBody::upstream(incoming, lease, meters)))
            }
            Err(error) => Err(failure(&after.api.key, &upstream, &error)),
        };
        after.finish(answered)
    }
}

impl Call<'_> {
    /// Makes the request to send.
    pub(super) fn prepare(&self, exchange: &mut Exchange<'_>, body: Incoming) -> Result<Prepared, Failure> {
        let upstream = self.upstream(exchange)?;
        Ok(Prepared {
            request: self.request(exchange, upstream, body)?,
            upstream: Arc::clone(upstream),
            connect_timeout: self.shared.connect_timeout,
            timeout: exchange.forward.unwrap_or_default().timeout,
        })
    }

    fn upstream(&self, exchange: &Exchange<'_>) -> Result<&Arc<Upstream>, Failure> {
        let upstream = match exchange.backend {
            Some(reference) => self.service.upstream(reference),
            None => self.api.upstream.as_ref().map_err(String::clone),
        };
        upstream
            .map_err(|reason| answer::refusal(StatusCode::INTERNAL_SERVER_ERROR, "BackendNotUsable", reason))
    }

    fn request(
        &self,
        exchange: &mut Exchange<'_>,
        upstream: &Upstream,
        body: Incoming,
    ) -> Result<Request<RequestBody>, Failure> {
        let mut headers = std::mem::take(&mut exchange.headers);
        // The upstream's own host, unless a policy set another.
        if !exchange.host_set {
            headers.insert(HOST, upstream.authority.clone());
        }
        for (name, value) in &upstream.headers {
            headers.insert(name.clone(), value.clone());
        }
        let body = match exchange.body.take() {
            Some(replaced) => {
                headers.remove(CONTENT_LENGTH);
                RequestBody::whole(replaced)
            }
            None => RequestBody::client(body),
        };
        let mut request = Request::new(body);
        *request.method_mut() = std::mem::take(&mut exchange.method);
        *request.uri_mut() = self.uri(exchange, upstream)?;
        *request.headers_mut() = headers;
        Ok(request)
    }

    fn uri(&self, exchange: &Exchange<'_>, upstream: &Upstream) -> Result<Uri, Failure> {
        let bad = |message: &str| answer::refusal(StatusCode::BAD_REQUEST, "BadRequest", message);
        let path = exchange.path.as_deref().unwrap_or(self.rest);
        if exchange.path.as_deref().is_some_and(|rewritten| !target::stays(rewritten)) {
            return Err(bad("The request's values lead out of the backend's path."));
        }
        let query = exchange.current_query();
        let target = target_text(&upstream.base_path, path, query, &upstream.query);
        PathAndQuery::from_maybe_shared(Bytes::from(target))
            .map(Uri::from)
            .map_err(|_| bad("The request's URL cannot be forwarded."))
    }
}

/// Path and query in a text of exactly its length, which becomes the URL without being copied.
fn target_text(base: &str, path: &str, query: &str, added: &str) -> String {
    let slash = if path.starts_with('/') || (path.is_empty() && !base.is_empty()) { "" } else { "/" };
    let mark = if query.is_empty() && added.is_empty() { "" } else { "?" };
    let and = if query.is_empty() || added.is_empty() || query.ends_with('&') { "" } else { "&" };
    let parts = [base, slash, path, mark, query, and, added];
    let mut target = String::with_capacity(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        target.push_str(part);
    }
    target
}

fn failure(api: &str, upstream: &Upstream, error: &SendError) -> Failure {
    if matches!(error, SendError::Client) {
        let message = "The request's body could not be read.";
        return answer::refusal(StatusCode::BAD_REQUEST, "ClientConnectionFailure", message);
    }
    tracing::warn!(api, upstream = ?upstream.origin, %error, "a request could not be forwarded");
    let (status, reason, message) = match error {
        SendError::TimedOut => {
            (StatusCode::GATEWAY_TIMEOUT, "Timeout", "The backend service did not answer in time.")
        }
        SendError::Connect(ConnectError::TimedOut) => (
            StatusCode::GATEWAY_TIMEOUT,
            "BackendConnectionFailure",
            "The connection to the backend service was not made in time.",
        ),
        SendError::Connect(_) => {
            (StatusCode::BAD_GATEWAY, "BackendConnectionFailure", "The backend service cannot be reached.")
        }
        SendError::Failed(_) | SendError::Client => (
            StatusCode::BAD_GATEWAY,
            "BackendConnectionFailure",
            "The backend service failed before it answered.",
        ),
    };
    answer::refusal(status, reason, message)
}
