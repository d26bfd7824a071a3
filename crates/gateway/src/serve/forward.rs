//! Forwards a request to its upstream and takes the head of the response.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use evergate_policy::document::Forward;
use evergate_policy::{Exchange, Failure, query};
use http::header::{CONTENT_LENGTH, HOST};
use http::uri::PathAndQuery;
use http::{HeaderMap, Request, StatusCode, Uri};
use hyper::body::Incoming;

use super::Call;
use crate::body::{RequestBody, ResponseBody};
use crate::limits::Meter;
use crate::upstream::Upstream;
use crate::upstream::connect::ConnectError;
use crate::upstream::send::{SendError, send};
use crate::{answer, headers};

impl Call<'_> {
    pub(super) async fn forward(
        &self,
        exchange: &mut Exchange<'_>,
        forward: Forward,
        body: Incoming,
        meters: Vec<Meter>,
    ) -> Result<ResponseBody, Failure> {
        let upstream = self.upstream(exchange)?;
        let request = self.request(exchange, upstream, body)?;
        let started = Instant::now();
        let sent = send(upstream, request, self.shared.connect_timeout);
        let sent = tokio::time::timeout(forward.timeout, sent).await;
        let (response, lease) = match sent {
            Ok(Ok(answered)) => answered,
            Ok(Err(error)) => return Err(self.failure(upstream, &error)),
            Err(_) => {
                tracing::warn!(api = self.api.key, upstream = ?upstream.origin, "the backend did not answer in time");
                let message = "The backend service did not answer in time.";
                return Err(answer::refusal(StatusCode::GATEWAY_TIMEOUT, "Timeout", message));
            }
        };
        self.service.metrics.upstream(started.elapsed());
        let (mut parts, incoming) = response.into_parts();
        headers::forward_response(&mut parts.headers);
        exchange.response.status = parts.status;
        exchange.response.headers = parts.headers;
        Ok(ResponseBody::upstream(incoming, lease, meters))
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
        headers::forward_request(&mut headers, self.caller.address);
        self.set_host(&mut headers, upstream);
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

    /// The upstream's own host, unless a policy set another.
    fn set_host(&self, headers: &mut HeaderMap, upstream: &Upstream) {
        let by_policy = headers.get(HOST).is_some_and(|host| Some(host) != self.client_host.as_ref());
        if !by_policy {
            headers.insert(HOST, upstream.authority.clone());
        }
    }

    fn uri(&self, exchange: &Exchange<'_>, upstream: &Upstream) -> Result<Uri, Failure> {
        let path = exchange.path.as_deref().unwrap_or(self.rest);
        let query = exchange.current_query();
        let mut target = String::with_capacity(upstream.base_path.len() + path.len() + query.len() + 2);
        target.push_str(&upstream.base_path);
        if !path.is_empty() && !path.starts_with('/') {
            target.push('/');
        }
        target.push_str(path);
        if target.is_empty() {
            target.push('/');
        }
        if !query.is_empty() || !upstream.query.is_empty() {
            target.push('?');
            target.push_str(query);
            if !upstream.query.is_empty() {
                if !query.is_empty() {
                    target.push('&');
                }
                query::push_raw(&mut target, &upstream.query);
            }
        }
        PathAndQuery::from_maybe_shared(Bytes::from(target)).map(Uri::from).map_err(|_| {
            answer::refusal(StatusCode::BAD_REQUEST, "BadRequest", "The request's URL cannot be forwarded.")
        })
    }

    fn failure(&self, upstream: &Upstream, error: &SendError) -> Failure {
        if matches!(error, SendError::Client) {
            let message = "The request's body could not be read.";
            return answer::refusal(StatusCode::BAD_REQUEST, "ClientConnectionFailure", message);
        }
        tracing::warn!(api = self.api.key, upstream = ?upstream.origin, %error, "a request could not be forwarded");
        let (status, message) = match error {
            SendError::Connect(ConnectError::TimedOut) => {
                (StatusCode::GATEWAY_TIMEOUT, "The connection to the backend service was not made in time.")
            }
            SendError::Connect(_) => (StatusCode::BAD_GATEWAY, "The backend service cannot be reached."),
            SendError::Failed(_) | SendError::Client => {
                (StatusCode::BAD_GATEWAY, "The backend service failed before it answered.")
            }
        };
        answer::refusal(status, "BackendConnectionFailure", message)
    }
}
