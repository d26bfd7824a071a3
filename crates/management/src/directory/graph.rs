//! Registrations, consent and people, in the form of the public cloud's graph API as far as `evergate app` and
//! scripts need it.

mod applications;
mod grants;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use bytes::Bytes;
use evergate_identity::directory::ChangeError;
use evergate_identity::{Directory, Form, TenantId};
use http::StatusCode;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::answer;

pub(super) fn routes() -> Router<Arc<Directory>> {
    Router::new()
        .route("/v1.0/applications", get(applications::list).post(applications::create))
        .route(
            "/v1.0/applications/{id}",
            get(applications::show).patch(applications::update).delete(applications::remove),
        )
        .route("/v1.0/applications/{id}/addPassword", post(applications::add_password))
        .route("/v1.0/applications/{id}/removePassword", post(applications::remove_password))
        .route("/v1.0/servicePrincipals", get(grants::principals).post(grants::create_principal))
        .route("/v1.0/servicePrincipals/{id}", get(grants::principal))
        .route("/v1.0/oauth2PermissionGrants", get(grants::list).post(grants::create))
        .route("/v1.0/oauth2PermissionGrants/{id}", delete(grants::remove))
        .route("/v1.0/users", get(users::list).post(users::create))
        .route("/v1.0/users/{id}", get(users::show).patch(users::update).delete(users::remove))
}

/// An error in the graph's form.
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    challenge: Option<String>,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), challenge: None }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Request_BadRequest", message)
    }

    fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "Request_ResourceNotFound", format!("There is no {what}."))
    }
}

impl From<ChangeError> for Refusal {
    fn from(error: ChangeError) -> Self {
        let message = error.to_string();
        match error {
            ChangeError::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "Request_ResourceNotFound", message),
            ChangeError::Conflict(_) => {
                Self::new(StatusCode::CONFLICT, "Request_MultipleObjectsWithSameKeyValue", message)
            }
            ChangeError::Invalid(_) => Self::bad(message),
            ChangeError::Failed(error) => {
                tracing::error!(%error, "a change of the directory failed");
                let message = "The directory cannot answer now; try again.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "Service_Unavailable", message)
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        answer::refusal(self.status, self.code, &self.message, self.challenge.as_deref())
    }
}

/// A recognised caller with its request read.
pub(super) struct Call {
    pub(super) directory: Arc<Directory>,
    pub(super) tenant: TenantId,
    pub(super) query: Form,
    body: Bytes,
}

/// What a call needs the right to.
#[derive(Clone, Copy)]
pub(super) enum Right {
    Read,
    Write,
}

impl Call {
    /// Recognises the caller and checks its right: roles assigned at `/` decide about the whole directory.
    /// The names of the actions lie below `Microsoft.Authorization`, so that a contributor, who may do
    /// everything but give access, cannot give himself access here either.
    pub(super) async fn read(
        State(directory): State<Arc<Directory>>,
        request: Request,
        objects: &str,
        right: Right,
    ) -> Result<Self, Refusal> {
        let header = request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
        let principal = directory.authenticate(header).await.map_err(|error| Refusal {
            challenge: Some(error.challenge(directory.authority())),
            ..Refusal::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", error.to_string())
        })?;
        let verb = match right {
            Right::Read => "read",
            Right::Write => "write",
        };
        let action = format!("Microsoft.Authorization/{objects}/{verb}");
        directory.authorize(&principal, &action, "/").map_err(|forbidden| {
            Refusal::new(StatusCode::FORBIDDEN, "Authorization_RequestDenied", forbidden.to_string())
        })?;
        let tenant = directory.resolve_tenant(&principal.tenant);
        let tenant = tenant.or_else(|_| directory.resolve_tenant("organizations"));
        let tenant = tenant.map_err(|problem| Refusal::bad(problem.to_string()))?;
        let query = Form::parse(request.uri().query().unwrap_or_default().as_bytes());
        let query = query.map_err(|error| Refusal::bad(error.to_string()))?;
        let body = Bytes::from_request(request, &()).await;
        let body = body.map_err(|error| Refusal::bad(format!("The body cannot be read: {error}.")))?;
        Ok(Self { directory, tenant, query, body })
    }

    pub(super) fn json(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Refusal::bad(format!("The body is not JSON: {error}.")))
    }

    /// Whether an object passes `$filter`: `name eq 'text'`, several joined by `and`.
    pub(super) fn passes(&self, object: &Value) -> Result<bool, Refusal> {
        let Some(filter) = self.query.get("$filter") else { return Ok(true) };
        for condition in filter.split(" and ") {
            let (name, value) = condition.split_once(" eq ").ok_or_else(|| unknown_filter(filter))?;
            let value = value.trim().strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
            let value = value.ok_or_else(|| unknown_filter(filter))?.replace("''", "'");
            let actual = object.get(name.trim()).ok_or_else(|| unknown_filter(filter))?;
            if !actual.as_str().is_some_and(|actual| actual.eq_ignore_ascii_case(&value)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A list answer of the objects that pass the filter.
    pub(super) fn list(&self, objects: impl Iterator<Item = Value>) -> Result<Response, Refusal> {
        let mut passed = Vec::new();
        for object in objects {
            if self.passes(&object)? {
                passed.push(object);
            }
        }
        Ok(answer::json(StatusCode::OK, &json!({ "value": passed })))
    }
}

fn unknown_filter(filter: &str) -> Refusal {
    Refusal::bad(format!("The filter '{filter}' is not of the form \"name eq 'text'\"."))
}

/// A member of a JSON object that is a text.
fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

fn needed<'a>(value: &'a Value, name: &str) -> Result<&'a str, Refusal> {
    text(value, name)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Refusal::bad(format!("'{name}' is required.")))
}

fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
