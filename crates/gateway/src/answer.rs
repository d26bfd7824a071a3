//! Answers that the gateway makes itself, worded as the original words them.

use bytes::Bytes;
use evergate_policy::{Answer, Failure};
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

/// An error answer: `{ "statusCode": 404, "message": "Resource not found" }`.
pub(crate) fn error(status: StatusCode, message: &str) -> Answer {
    let message = serde_json::Value::from(message);
    let body = format!("{{ \"statusCode\": {}, \"message\": {message} }}", status.as_u16());
    let mut answer = Answer { status, body: Bytes::from(body), ..Answer::default() };
    answer.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// The answer to what a policy refused.
pub(crate) fn failure(failure: &Failure) -> Answer {
    let mut answer = error(failure.status, &failure.message);
    for (name, value) in &failure.headers {
        answer.headers.insert(name.clone(), value.clone());
    }
    answer
}

/// No service, API or operation.
pub(crate) fn not_found() -> Failure {
    refusal(StatusCode::NOT_FOUND, "OperationNotFound", "Resource not found")
}

pub(crate) fn refusal(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Failure {
    Failure { status, reason, message: message.into(), headers: Vec::new() }
}

/// A missing or bad key, with the challenge that names where it belongs.
pub(crate) fn unauthorized(missing: bool, realm: &str, key_header: &str) -> Failure {
    let (reason, message) = if missing {
        (
            "SubscriptionKeyNotFound",
            "Access denied due to missing subscription key. \
             Make sure to include subscription key when making requests to an API.",
        )
    } else {
        (
            "SubscriptionKeyInvalid",
            "Access denied due to invalid subscription key. \
             Make sure to provide a valid key for an active subscription.",
        )
    };
    let mut failure = refusal(StatusCode::UNAUTHORIZED, reason, message);
    let realm: String = realm.chars().filter(|c| !c.is_control() && *c != '"' && *c != '\\').collect();
    let challenge = format!("AzureApiManagementKey realm=\"{realm}\",name=\"{key_header}\",type=\"header\"");
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        failure.headers.push((WWW_AUTHENTICATE, challenge));
    }
    failure
}
