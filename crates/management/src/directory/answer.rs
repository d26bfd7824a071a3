//! The bodies of answers: JSON that is never cached, and OAuth errors in the public cloud's form.

use axum::body::Body;
use axum::response::Response;
use evergate_identity::TokenProblem;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

/// The ids by which a client and the log name the same request.
#[derive(Debug, Clone)]
pub(super) struct Ids {
    pub(super) trace: Uuid,
    pub(super) correlation: Uuid,
}

impl Ids {
    /// A new trace id, and the client's own id if it sent one as a header or in the query.
    pub(super) fn of(headers: &HeaderMap, query: Option<&str>) -> Self {
        let header = headers.get("client-request-id").and_then(|value| value.to_str().ok());
        let in_query = || {
            let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
            pairs.filter(|(name, _)| *name == "client-request-id").map(|(_, value)| value).next()
        };
        let trace = Uuid::new_v4();
        let correlation = header.or_else(in_query).and_then(|id| Uuid::parse_str(id).ok()).unwrap_or(trace);
        Self { trace, correlation }
    }

    fn put(&self, headers: &mut HeaderMap) {
        for (name, id) in [("x-ms-request-id", self.trace), ("client-request-id", self.correlation)] {
            if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
                headers.insert(name, value);
            }
        }
    }
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}

/// An error as the resource manager and Graph word it, with what a caller who is not known needs.
pub(super) fn refusal(status: StatusCode, code: &str, message: &str, challenge: Option<&str>) -> Response {
    let mut response = json(status, &json!({ "error": { "code": code, "message": message } }));
    if let Some(challenge) = challenge.and_then(|text| HeaderValue::from_str(text).ok()) {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

/// A JSON answer with the request's ids.
pub(super) fn identified(status: StatusCode, body: &Value, ids: &Ids) -> Response {
    let mut response = json(status, body);
    ids.put(response.headers_mut());
    response
}

/// The text of a problem with everything a person reports it by.
pub(super) fn description(problem: &TokenProblem, ids: &Ids, now: Timestamp) -> String {
    format!(
        "{problem}. Trace ID: {} Correlation ID: {} Timestamp: {}",
        ids.trace,
        ids.correlation,
        now.strftime("%Y-%m-%d %H:%M:%SZ")
    )
}

/// An OAuth error (RFC 6749, 5.2) with the public cloud's additions.
pub(super) fn problem(problem: &TokenProblem, authority: &str, ids: &Ids) -> Response {
    tracing::info!(
        trace_id = %ids.trace, correlation_id = %ids.correlation, code = problem.number, error = problem.error,
        "a token was refused"
    );
    let now = Timestamp::now();
    let mut body = json!({
        "error": problem.error,
        "error_description": description(problem, ids, now),
        "error_codes": [problem.number],
        "timestamp": now.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        "trace_id": ids.trace.to_string(),
        "correlation_id": ids.correlation.to_string(),
        "error_uri": format!("{authority}/error?code={}", problem.number),
    });
    if let Some(suberror) = problem.suberror {
        body["suberror"] = suberror.into();
    }
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = identified(status, &body, ids);
    if status == StatusCode::UNAUTHORIZED {
        response
            .headers_mut()
            .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"directory\""));
    }
    response
}
