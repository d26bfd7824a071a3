//! What a client reads first: the OpenID configuration of a tenant, and the keys its tokens are verified with.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::routing::get;
use evergate_identity::{Directory, TokenVersion};
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::answer::{self, Ids};

pub(super) fn routes() -> Router<Arc<Directory>> {
    Router::new()
        .route("/{tenant}/.well-known/openid-configuration", get(v1))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(v2))
        .route("/{tenant}/discovery/keys", get(keys))
        .route("/{tenant}/discovery/v2.0/keys", get(keys))
}

type Request = (State<Arc<Directory>>, Path<String>, RawQuery, HeaderMap);

async fn v1(request: Request) -> Response {
    configuration(TokenVersion::V1, &request)
}

async fn v2(request: Request) -> Response {
    configuration(TokenVersion::V2, &request)
}

fn configuration(version: TokenVersion, request: &Request) -> Response {
    let (State(directory), Path(tenant), RawQuery(query), headers) = request;
    let ids = Ids::of(headers, query.as_deref());
    let tenant = match directory.resolve_tenant(tenant) {
        Ok(tenant) => tenant.to_string(),
        Err(problem) => return answer::problem(&problem, directory.authority(), &ids),
    };
    let base = format!("{}/{tenant}", directory.authority());
    let (oauth, keys) = match version {
        TokenVersion::V1 => (format!("{base}/oauth2"), format!("{base}/discovery/keys")),
        TokenVersion::V2 => (format!("{base}/oauth2/v2.0"), format!("{base}/discovery/v2.0/keys")),
    };
    let body = json!({
        "issuer": version.issuer(directory.authority(), &tenant),
        "authorization_endpoint": format!("{oauth}/authorize"),
        "token_endpoint": format!("{oauth}/token"),
        "device_authorization_endpoint": format!("{oauth}/devicecode"),
        "jwks_uri": keys,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "grant_types_supported": [
            "authorization_code",
            "client_credentials",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
        "subject_types_supported": ["pairwise"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "none"],
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": [
            "aud", "exp", "iat", "iss", "name", "nbf", "nonce", "oid", "preferred_username", "sub", "tid", "ver",
        ],
        "request_uri_parameter_supported": false,
    });
    answer::identified(StatusCode::OK, &body, &ids)
}

async fn keys(
    State(directory): State<Arc<Directory>>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
) -> Response {
    let ids = Ids::of(&headers, None);
    if let Err(problem) = directory.resolve_tenant(&tenant) {
        return answer::problem(&problem, directory.authority(), &ids);
    }
    let keys = directory.public_keys().into_iter().map(|key| {
        json!({
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": key.id,
            "n": key.modulus,
            "e": key.exponent,
        })
    });
    answer::identified(StatusCode::OK, &json!({ "keys": keys.collect::<Vec<_>>() }), &ids)
}
