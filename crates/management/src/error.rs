//! Turns every failure into a resource-manager error response. The one place that chooses statuses and codes.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use evergate_model::kind::Violation;
use evergate_model::{InvalidName, InvalidPath};
use evergate_store::{Operation, StoreError};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

/// A failed request as its client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The status.
    pub status: StatusCode,
    /// The word programs look at, for example `ResourceNotFound`.
    pub code: String,
    /// The sentence people read: what happened and what to do.
    pub message: String,
    /// What exactly is wrong, property by property.
    pub details: Vec<Violation>,
    /// The challenge of a 401.
    pub challenge: Option<String>,
}

impl ApiError {
    /// An error of any status.
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), details: Vec::new(), challenge: None }
    }

    /// 400 with a code of its own.
    pub fn bad_request(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 400 that names properties.
    pub fn validation(details: Vec<Violation>) -> Self {
        let message = match &details[..] {
            [only] => only.message.clone(),
            _ => "One or more fields contain incorrect values:".to_owned(),
        };
        Self { details, ..Self::bad_request("ValidationError", message) }
    }

    /// 400 that names one property.
    pub fn invalid(target: &str, message: impl Into<String>) -> Self {
        Self::validation(vec![Violation { target: target.to_owned(), message: message.into() }])
    }

    /// 404 for a thing inside a service.
    pub fn not_found(title: &str, name: &str) -> Self {
        let mut title = title.to_owned();
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Self::new(StatusCode::NOT_FOUND, "ResourceNotFound", format!("{title} '{name}' was not found."))
    }

    /// 404 for a resource type that does not exist.
    pub fn unknown_type(resource_type: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "InvalidResourceType",
            format!(
                "The resource type '{resource_type}' could not be found in the namespace 'Microsoft.ApiManagement'."
            ),
        )
    }

    /// 405.
    pub fn method_not_allowed(method: &http::Method, path: &str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            format!("{method} is not an operation of '{path}'."),
        )
    }

    /// 409 with a code of its own.
    pub fn conflict(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 412.
    pub fn precondition(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", message)
    }

    /// 409 because an operation runs on the service.
    pub fn busy(operation: &Operation) -> Self {
        Self::conflict(
            "ServiceLocked",
            format!(
                "The API Management service '{}' has a {} running (operation {}, started {}). \
                 Wait until it has ended, then try again.",
                operation.service.name, operation.verb, operation.id, operation.started_at
            ),
        )
    }

    /// The error object that bodies and failed operations carry.
    pub fn body(&self) -> Value {
        let mut error = Map::new();
        error.insert("code".to_owned(), self.code.as_str().into());
        error.insert("message".to_owned(), self.message.as_str().into());
        if !self.details.is_empty() {
            let details = self
                .details
                .iter()
                .map(|detail| json!({"code": self.code, "target": detail.target, "message": detail.message}));
            error.insert("details".to_owned(), details.collect());
        }
        json!({ "error": error })
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ApiError {}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body().to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        if let Ok(code) = HeaderValue::from_str(&self.code) {
            headers.insert("x-ms-error-code", code);
        }
        if let Some(challenge) = self.challenge.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NotFound(what) => {
                Self::new(StatusCode::NOT_FOUND, "ResourceNotFound", format!("{what} was not found."))
            }
            StoreError::Conflict(what) => Self::conflict("Conflict", format!("{what} exists already.")),
            StoreError::ETagMismatch { .. } => Self::precondition(
                "The resource was changed by somebody else: its ETag is not the one in If-Match. Read it again.",
            ),
            StoreError::Precondition { path, expected: true } => {
                Self::new(StatusCode::NOT_FOUND, "ResourceNotFound", format!("'{path}' was not found."))
            }
            StoreError::Precondition { path, expected: false } => {
                Self::conflict("Conflict", format!("'{path}' exists already."))
            }
            StoreError::Stale => Self::conflict(
                "Conflict",
                "The service was changed by others at the same time, again and again. Try once more.",
            ),
            StoreError::Busy(operation) => Self::busy(operation),
            StoreError::Database { retry: true, .. } => {
                tracing::warn!(%error, "the store could not serve a request");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "ServerBusy",
                    "The configuration store is busy. Try again shortly.",
                )
            }
            StoreError::Receiver(_) | StoreError::Damaged(_) | StoreError::Database { .. } => {
                internal(&error)
            }
        }
    }
}

impl From<InvalidName> for ApiError {
    fn from(error: InvalidName) -> Self {
        Self::bad_request("InvalidParameter", format!("The {error}."))
    }
}

impl From<InvalidPath> for ApiError {
    fn from(error: InvalidPath) -> Self {
        Self::bad_request("InvalidParameter", error.to_string())
    }
}

/// 500 whose cause goes to the log and not to the client.
pub(crate) fn internal(error: &dyn std::error::Error) -> ApiError {
    tracing::error!(%error, "a request failed");
    ApiError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "InternalServerError",
        "The request failed inside the server; its log has the reason under this request id.",
    )
}
