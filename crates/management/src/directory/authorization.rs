//! Role assignments and definitions, which stand below any scope:
//! `{scope}/providers/Microsoft.Authorization/roleAssignments/{name}`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use evergate_identity::directory::ChangeError;
use evergate_identity::directory::assignments::NewAssignment;
use evergate_identity::role::ROLES;
use evergate_identity::{
    AssignmentId, AuthenticationError, Directory, Forbidden, Form, Principal, RoleAssignment, RoleDefinition,
    RoleId,
};
use http::header::AUTHORIZATION;
use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::answer;

const PROVIDER: &str = "/providers/microsoft.authorization/";
/// An assignment is a few hundred bytes.
const LARGEST: usize = 64 * 1024;

/// An error in the resource manager's form.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    challenge: Option<String>,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), challenge: None }
    }

    fn not_found(path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", format!("There is nothing at '{path}'."))
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequestContent", message)
    }

    fn unauthenticated(error: &AuthenticationError, authority: &str) -> Self {
        let challenge = Some(error.challenge(authority));
        Self { challenge, ..Self::new(StatusCode::UNAUTHORIZED, error.code(), error.to_string()) }
    }
}

impl From<Forbidden> for Refusal {
    fn from(forbidden: Forbidden) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AuthorizationFailed", forbidden.to_string())
    }
}

impl From<ChangeError> for Refusal {
    fn from(error: ChangeError) -> Self {
        let message = error.to_string();
        match error {
            ChangeError::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "NotFound", message),
            ChangeError::Conflict(_) => Self::new(StatusCode::CONFLICT, "RoleAssignmentExists", message),
            ChangeError::Invalid(_) => Self::invalid(message),
            ChangeError::Failed(error) => {
                tracing::error!(%error, "a role assignment failed");
                let message = "The directory cannot answer now; try again.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message)
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        answer::refusal(self.status, self.code, &self.message, self.challenge.as_deref())
    }
}

/// Answers requests below `/providers/Microsoft.Authorization/` of any scope and lets all others through.
pub async fn intercept(State(directory): State<Arc<Directory>>, request: Request, next: Next) -> Response {
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned();
    match path.to_ascii_lowercase().find(PROVIDER) {
        Some(at) => {
            // The public cloud's clients write a scope of `/` as nothing or as a second slash.
            let scope = path[..at].trim_matches('/');
            let scope = format!("/{scope}");
            let rest = &path[at + PROVIDER.len()..];
            answer(&directory, &scope, rest, request).await.unwrap_or_else(IntoResponse::into_response)
        }
        None => next.run(request).await,
    }
}

async fn answer(
    directory: &Directory,
    scope: &str,
    rest: &str,
    request: Request,
) -> Result<Response, Refusal> {
    let header = request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
    let principal = directory.authenticate(header).await;
    let principal = principal.map_err(|error| Refusal::unauthenticated(&error, directory.authority()))?;
    let query = Form::parse(request.uri().query().unwrap_or_default().as_bytes());
    let query =
        query.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, "InvalidUri", error.to_string()))?;
    if query.get("api-version").is_none() {
        let message = "The query parameter 'api-version' is required.";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "MissingApiVersionParameter", message));
    }
    let method = request.method().clone();
    let rest = rest.trim_matches('/');
    let (kind, name) = rest.split_once('/').map_or((rest, None), |(kind, name)| (kind, Some(name)));
    let caller = Caller { directory, principal: &principal, scope, query: &query };
    match (kind.to_ascii_lowercase().as_str(), &method, name) {
        ("roleassignments", &Method::GET, None) => caller.assignments(),
        ("roleassignments", &Method::GET, Some(name)) => caller.assignment(name),
        ("roleassignments", &Method::PUT, Some(name)) => caller.assign(name, request).await,
        ("roleassignments", &Method::DELETE, Some(name)) => caller.unassign(name).await,
        ("roledefinitions", &Method::GET, None) => caller.definitions(),
        ("roledefinitions", &Method::GET, Some(name)) => caller.definition(name),
        ("permissions", &Method::GET, None) => Ok(caller.permissions()),
        ("roleassignments" | "roledefinitions" | "permissions", ..) => Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            format!("'{method}' is not possible on '{kind}'."),
        )),
        _ => Err(Refusal::not_found(request.uri().path())),
    }
}

struct Caller<'a> {
    directory: &'a Directory,
    principal: &'a Principal,
    scope: &'a str,
    query: &'a Form,
}

impl Caller<'_> {
    fn may(&self, action: &str) -> Result<(), Refusal> {
        let action = format!("Microsoft.Authorization/{action}");
        Ok(self.directory.authorize(self.principal, &action, self.scope)?)
    }

    fn assignments(&self) -> Result<Response, Refusal> {
        self.may("roleAssignments/read")?;
        let filter = self.query.get("$filter").unwrap_or_default().trim();
        let quoted = |prefix: &str, suffix: &str| {
            let inner = filter.strip_prefix(prefix)?.strip_suffix(suffix)?;
            (!inner.contains('\'')).then(|| inner.to_ascii_lowercase())
        };
        let principal = quoted("principalId eq '", "'").or_else(|| quoted("assignedTo('", "')"));
        let at_scope = filter == "atScope()";
        if !filter.is_empty() && !at_scope && principal.is_none() {
            let message =
                format!("The filter '{filter}' is not known; there are atScope() and principalId eq '…'.");
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "UnsupportedQuery", message));
        }
        let all = self.directory.assignments();
        let seen = all.iter().filter(|one| {
            let above = is_within(self.scope, &one.scope);
            let visible = above || (!at_scope && is_within(&one.scope, self.scope));
            visible
                && principal.as_ref().is_none_or(|principal| one.principal.eq_ignore_ascii_case(principal))
        });
        Ok(answer::json(
            StatusCode::OK,
            &json!({ "value": seen.map(|one| self.show(one)).collect::<Vec<_>>() }),
        ))
    }

    fn find(&self, name: &str) -> Result<Arc<RoleAssignment>, Refusal> {
        let id: Option<AssignmentId> = name.parse().ok();
        let found = self.directory.assignments().into_iter().find(|one| Some(one.id) == id);
        found.filter(|one| same_scope(&one.scope, self.scope)).ok_or_else(|| {
            let message = format!("The role assignment '{name}' is not found at scope '{}'.", self.scope);
            Refusal::new(StatusCode::NOT_FOUND, "RoleAssignmentNotFound", message)
        })
    }

    fn assignment(&self, name: &str) -> Result<Response, Refusal> {
        self.may("roleAssignments/read")?;
        Ok(answer::json(StatusCode::OK, &self.show(&*self.find(name)?)))
    }

    async fn assign(&self, name: &str, request: Request) -> Result<Response, Refusal> {
        self.may("roleAssignments/write")?;
        let body = axum::body::to_bytes(request.into_body(), LARGEST).await;
        let body = body.map_err(|error| Refusal::invalid(format!("The body cannot be read: {error}.")))?;
        let body: Value = serde_json::from_slice(&body)
            .map_err(|error| Refusal::invalid(format!("The body is not JSON: {error}.")))?;
        let properties = body.get("properties").unwrap_or(&body);
        let text = |name: &str| properties.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let needed = |name: &str| {
            text(name).ok_or_else(|| Refusal::invalid(format!("'properties.{name}' is required.")))
        };
        let id = name.parse().map_err(|_| Refusal::invalid(format!("The name '{name}' is not a GUID.")))?;
        let role = role_id(needed("roleDefinitionId")?)?;
        let principal = needed("principalId")?.to_owned();
        let tenant = self.tenant_of(&principal, text("principalTenantId"))?;
        let scope = self.scope.to_owned();
        let made = self.directory.assign(NewAssignment { id, scope, role, principal, tenant }).await?;
        tracing::info!(
            by = self.principal.object_id, to = made.principal, scope = made.scope, role = %made.role, "a role was assigned"
        );
        Ok(answer::json(StatusCode::CREATED, &self.show(&made)))
    }

    /// The principal's tenant. One of our own must exist; one of another directory is taken at its word,
    /// and counts only in tokens of that directory.
    fn tenant_of(&self, principal: &str, named: Option<&str>) -> Result<String, Refusal> {
        let own = self.directory.resolve_tenant(&self.principal.tenant);
        let own = own.or_else(|_| self.directory.resolve_tenant("organizations"));
        let own = own.map_err(|problem| Refusal::invalid(problem.to_string()))?;
        let tenant = match named {
            None => own,
            Some(named) => {
                match named.parse().ok().filter(|id| self.directory.resolve_tenant(named).ok() == Some(*id)) {
                    Some(tenant) => tenant,
                    None => return Ok(named.to_owned()),
                }
            }
        };
        let service_principal =
            principal.parse().is_ok_and(|id| self.directory.service_principal(tenant, id).is_ok());
        if service_principal || self.directory.user(tenant, principal).is_ok() {
            return Ok(tenant.to_string());
        }
        let message = format!(
            "There is no principal '{principal}' in tenant '{tenant}'; name the object id of a user or service principal."
        );
        Err(Refusal::new(StatusCode::BAD_REQUEST, "PrincipalNotFound", message))
    }

    async fn unassign(&self, name: &str) -> Result<Response, Refusal> {
        self.may("roleAssignments/delete")?;
        let Ok(found) = self.find(name) else {
            let mut response = answer::json(StatusCode::NO_CONTENT, &Value::Null);
            *response.body_mut() = axum::body::Body::empty();
            return Ok(response);
        };
        self.directory.unassign(found.id).await?;
        Ok(answer::json(StatusCode::OK, &self.show(&found)))
    }

    fn definitions(&self) -> Result<Response, Refusal> {
        self.may("roleDefinitions/read")?;
        let filter = self.query.get("$filter").unwrap_or_default();
        let wanted = filter.strip_prefix("roleName eq '").and_then(|rest| rest.strip_suffix('\''));
        let seen = ROLES.iter().filter(|role| wanted.is_none_or(|name| role.name.eq_ignore_ascii_case(name)));
        Ok(answer::json(
            StatusCode::OK,
            &json!({ "value": seen.map(|role| self.define(role)).collect::<Vec<_>>() }),
        ))
    }

    fn definition(&self, name: &str) -> Result<Response, Refusal> {
        self.may("roleDefinitions/read")?;
        let role = role_id(name).ok().and_then(RoleDefinition::by_id);
        let role = role.ok_or_else(|| {
            Refusal::new(
                StatusCode::NOT_FOUND,
                "RoleDefinitionDoesNotExist",
                format!("There is no role '{name}'."),
            )
        })?;
        Ok(answer::json(StatusCode::OK, &self.define(role)))
    }

    /// What the caller itself may do here.
    fn permissions(&self) -> Response {
        let all = self.directory.assignments();
        let own = all.iter().filter(|one| {
            one.principal == self.principal.object_id
                && one.tenant == self.principal.tenant
                && is_within(self.scope, &one.scope)
        });
        let permissions = own.filter_map(|one| RoleDefinition::by_id(one.role)).map(permissions);
        answer::json(StatusCode::OK, &json!({ "value": permissions.collect::<Vec<_>>() }))
    }

    fn show(&self, one: &RoleAssignment) -> Value {
        let scope = one.scope.trim_end_matches('/');
        let user = one.tenant.parse().is_ok_and(|tenant| self.directory.user(tenant, &one.principal).is_ok());
        json!({
            "id": format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{}", one.id),
            "name": one.id.to_string(),
            "type": "Microsoft.Authorization/roleAssignments",
            "properties": {
                "roleDefinitionId": self.definition_path(one.role),
                "principalId": one.principal,
                "principalType": if user { "User" } else { "ServicePrincipal" },
                "principalTenantId": one.tenant,
                "scope": one.scope,
                "createdOn": one.created_at.to_string(),
                "updatedOn": one.created_at.to_string(),
            },
        })
    }

    /// Role definitions are shown in the caller's subscription, as in the public cloud.
    fn definition_path(&self, role: RoleId) -> String {
        let mut segments = self.scope.split('/').skip(1);
        let subscription = match (segments.next(), segments.next()) {
            (Some(word), Some(id)) if word.eq_ignore_ascii_case("subscriptions") => {
                format!("/subscriptions/{id}")
            }
            _ => String::new(),
        };
        format!("{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}")
    }

    fn define(&self, role: &RoleDefinition) -> Value {
        json!({
            "id": self.definition_path(role.id),
            "name": role.id.to_string(),
            "type": "Microsoft.Authorization/roleDefinitions",
            "properties": {
                "roleName": role.name,
                "type": "BuiltInRole",
                "description": role.description,
                "assignableScopes": ["/"],
                "permissions": [permissions(role)],
            },
        })
    }
}

fn permissions(role: &RoleDefinition) -> Value {
    json!({ "actions": role.actions, "notActions": role.not_actions, "dataActions": [], "notDataActions": [] })
}

/// The role that a definition's path, or its bare id, names.
fn role_id(path: &str) -> Result<RoleId, Refusal> {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.parse().map_err(|_| Refusal::invalid(format!("'{path}' does not name a role definition.")))
}

fn same_scope(a: &str, b: &str) -> bool {
    a.trim_end_matches('/').eq_ignore_ascii_case(b.trim_end_matches('/'))
}

/// Whether `scope` is `above` or lies below it.
fn is_within(scope: &str, above: &str) -> bool {
    let scope = scope.trim_end_matches('/').to_ascii_lowercase();
    let above = above.trim_end_matches('/').to_ascii_lowercase();
    scope.strip_prefix(&above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
