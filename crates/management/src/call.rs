//! One authenticated request, and the forms its answers take.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use evergate_model::{ETag, Properties};
use evergate_store::IfMatch;
use http::header::{CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::Value;

use crate::error::ApiError;
use crate::guard::Caller;
use crate::parts::App;
use crate::query::Query;

/// A request whose caller is known.
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    pub(crate) caller: Box<dyn Caller>,
    pub(crate) method: Method,
    /// The path as it was sent, for links back to it.
    pub(crate) path: String,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    /// The body as a JSON object.
    pub(crate) fn object(&self) -> Result<Properties, ApiError> {
        if self.body.is_empty() {
            return Err(ApiError::bad_request(
                "InvalidRequestContent",
                "The request has no body; a JSON object is expected.",
            ));
        }
        // serde_json itself bounds the depth, to 128.
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(ApiError::bad_request(
                "InvalidRequestContent",
                "The request's body is not a JSON object.",
            )),
            Err(error) => Err(ApiError::bad_request(
                "InvalidRequestContent",
                format!("The request's body is not valid JSON: {error}."),
            )),
        }
    }

    /// The body as a JSON object, which may be left out.
    pub(crate) fn object_or_empty(&self) -> Result<Properties, ApiError> {
        if self.body.is_empty() { Ok(Properties::new()) } else { self.object() }
    }

    fn header(&self, name: http::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim).filter(|text| !text.is_empty())
    }

    /// The `If-Match` condition.
    pub(crate) fn if_match(&self) -> IfMatch {
        match self.header(IF_MATCH) {
            None => IfMatch::None,
            Some("*") => IfMatch::Exists,
            Some(etag) => IfMatch::Is(ETag(unquoted(etag).to_owned())),
        }
    }

    /// Whether `If-None-Match` names this version.
    pub(crate) fn if_none_match(&self, etag: &ETag) -> bool {
        self.header(IF_NONE_MATCH).is_some_and(|list| {
            list.split(',').map(str::trim).any(|one| one == "*" || unquoted(one) == etag.0)
        })
    }

    /// The URL of this request with another query string.
    pub(crate) fn link(&self, query: &str) -> String {
        format!("{}{}?{query}", self.app.instance.endpoint, self.path)
    }

    /// A refusal of this request's method.
    pub(crate) fn method_not_allowed(&self) -> ApiError {
        ApiError::method_not_allowed(&self.method, &self.path)
    }
}

fn unquoted(etag: &str) -> &str {
    let etag = etag.strip_prefix("W/").unwrap_or(etag);
    etag.strip_prefix('"').and_then(|etag| etag.strip_suffix('"')).unwrap_or(etag)
}

/// An answer with a JSON body.
pub(crate) fn json(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// The same answer with an `ETag`.
pub(crate) fn with_etag(mut response: Response, etag: &ETag) -> Response {
    if let Ok(value) = HeaderValue::from_str(&format!("\"{etag}\"")) {
        response.headers_mut().insert(ETAG, value);
    }
    response
}
