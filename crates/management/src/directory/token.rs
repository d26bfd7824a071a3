//! The token and device code endpoints, v1 and v2.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, FromRequest, Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use evergate_identity::flow::device::{DeviceCode, INTERVAL};
use evergate_identity::flow::{Asked, Tokens};
use evergate_identity::{Directory, Form, TokenProblem, TokenVersion};
use evergate_model::Secret;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::answer::{self, Ids};

pub(super) fn routes() -> Router<Arc<Directory>> {
    Router::new()
        .route("/{tenant}/oauth2/token", post(token_v1))
        .route("/{tenant}/oauth2/v2.0/token", post(token_v2))
        .route("/{tenant}/oauth2/devicecode", post(device_code_v1))
        .route("/{tenant}/oauth2/v2.0/devicecode", post(device_code_v2))
}

type Parts = (State<Arc<Directory>>, Path<String>, Request);

async fn token_v1((State(directory), Path(tenant), request): Parts) -> Response {
    token(TokenVersion::V1, &directory, tenant, request).await
}

async fn token_v2((State(directory), Path(tenant), request): Parts) -> Response {
    token(TokenVersion::V2, &directory, tenant, request).await
}

async fn device_code_v1((State(directory), Path(tenant), request): Parts) -> Response {
    device_code(TokenVersion::V1, &directory, tenant, request).await
}

async fn device_code_v2((State(directory), Path(tenant), request): Parts) -> Response {
    device_code(TokenVersion::V2, &directory, tenant, request).await
}

async fn token(version: TokenVersion, directory: &Directory, tenant: String, request: Request) -> Response {
    let ids = Ids::of(request.headers(), request.uri().query());
    let result = match read(version, tenant, request).await {
        Ok(asked) => directory.token(&asked).await,
        Err(Unread::Problem(problem)) => Err(problem),
        Err(Unread::Answer(response)) => return response,
    };
    match result {
        Ok(tokens) => answer::identified(StatusCode::OK, &body(&tokens), &ids),
        Err(problem) => answer::problem(&problem, directory.authority(), &ids),
    }
}

async fn device_code(
    version: TokenVersion,
    directory: &Directory,
    tenant: String,
    request: Request,
) -> Response {
    let ids = Ids::of(request.headers(), request.uri().query());
    let result = match read(version, tenant, request).await {
        Ok(asked) => directory.device_code(&asked).await,
        Err(Unread::Problem(problem)) => Err(problem),
        Err(Unread::Answer(response)) => return response,
    };
    match result {
        Ok(code) => answer::identified(StatusCode::OK, &device_body(version, &code), &ids),
        Err(problem) => answer::problem(&problem, directory.authority(), &ids),
    }
}

enum Unread {
    Problem(TokenProblem),
    Answer(Response),
}

impl From<TokenProblem> for Unread {
    fn from(problem: TokenProblem) -> Self {
        Self::Problem(problem)
    }
}

/// Reads a form request.
async fn read(version: TokenVersion, tenant: String, request: Request) -> Result<Asked, Unread> {
    let from = caller(&request);
    let basic = basic(request.headers())?;
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let message = "the request must be a form: 'Content-Type: application/x-www-form-urlencoded'";
        return Err(TokenProblem::malformed(message).into());
    }
    let body = body_of(request).await.map_err(Unread::Answer)?;
    let form = Form::parse(&body).map_err(|error| TokenProblem::malformed(error.to_string()))?;
    Ok(Asked { tenant, version, form, basic, from })
}

/// How long a form of 64 KiB may take to arrive. Nobody has signed in yet, and connections are counted.
const PATIENCE: Duration = Duration::from_secs(30);

/// A form's body, if it comes in time.
pub(super) async fn body_of(request: Request) -> Result<Bytes, Response> {
    match tokio::time::timeout(PATIENCE, Bytes::from_request(request, &())).await {
        Ok(read) => read.map_err(IntoResponse::into_response),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT.into_response()),
    }
}

/// The caller's address, where the listener tells it.
pub(super) fn caller(request: &Request) -> Option<std::net::IpAddr> {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip())
}

/// Client id and secret of `Authorization: Basic` (RFC 6749, 2.3.1: both are form-encoded first).
fn basic(headers: &HeaderMap) -> Result<Option<(String, Secret)>, TokenProblem> {
    let Some(header) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let malformed =
        || TokenProblem::malformed("the 'Authorization' header does not hold 'Basic' credentials");
    let (scheme, encoded) =
        header.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return Err(malformed());
    }
    let text = STANDARD.decode(encoded.trim()).ok().and_then(|text| String::from_utf8(text).ok());
    let text = text.map(Secret::new).ok_or_else(malformed)?;
    let (id, secret) = text.expose().split_once(':').ok_or_else(malformed)?;
    let decode = |text: &str| {
        percent_decode_str(&text.replace('+', " ")).decode_utf8().map(String::from).map_err(|_| malformed())
    };
    Ok(Some((decode(id)?, Secret::new(decode(secret)?))))
}

fn body(tokens: &Tokens) -> Value {
    let seconds = tokens.expires_at.duration_since(tokens.issued_at).as_secs();
    let mut body = match tokens.version {
        // The v1 endpoint writes numbers as strings, and clients of its time count on that.
        TokenVersion::V1 => json!({
            "token_type": "Bearer",
            "expires_in": seconds.to_string(),
            "ext_expires_in": seconds.to_string(),
            "expires_on": tokens.expires_at.as_second().to_string(),
            "not_before": tokens.issued_at.as_second().to_string(),
            "resource": tokens.resource,
        }),
        TokenVersion::V2 => json!({
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
        }),
    };
    body["access_token"] = tokens.access_token.expose().into();
    for (name, value) in [
        ("scope", tokens.scope.as_deref()),
        ("refresh_token", tokens.refresh_token.as_ref().map(Secret::expose)),
        ("id_token", tokens.id_token.as_ref().map(Secret::expose)),
        ("client_info", tokens.client_info.as_deref()),
    ] {
        if let Some(value) = value {
            body[name] = value.into();
        }
    }
    body
}

fn device_body(version: TokenVersion, code: &DeviceCode) -> Value {
    let (expires_in, interval) = (code.expires_in.as_secs(), INTERVAL.as_secs());
    let message = format!(
        "To sign in, open the page {} in a web browser and enter the code {}.",
        code.verification_uri, code.user_code
    );
    let mut body = json!({
        "user_code": code.user_code,
        "device_code": code.device_code.expose(),
        "message": message,
    });
    match version {
        TokenVersion::V1 => {
            body["verification_url"] = code.verification_uri.as_str().into();
            body["expires_in"] = expires_in.to_string().into();
            body["interval"] = interval.to_string().into();
        }
        TokenVersion::V2 => {
            body["verification_uri"] = code.verification_uri.as_str().into();
            body["expires_in"] = expires_in.into();
            body["interval"] = interval.into();
        }
    }
    body
}
