//! `/v1.0/users`: the people who sign in.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use evergate_identity::{Directory, User};
use evergate_model::Secret;
use http::StatusCode;
use serde_json::{Value, json};

use super::super::answer;
use super::{Call, Refusal, Right, needed, no_content, text};

const OBJECTS: &str = "users";

pub(super) async fn list(directory: State<Arc<Directory>>, request: Request) -> Result<Response, Refusal> {
    let call = Call::read(directory, request, OBJECTS, Right::Read).await?;
    call.list(call.directory.users(call.tenant).iter().map(|user| show_user(user)))
}

pub(super) async fn show(
    directory: State<Arc<Directory>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let call = Call::read(directory, request, OBJECTS, Right::Read).await?;
    Ok(answer::json(StatusCode::OK, &show_user(&*call.directory.user(call.tenant, &id)?)))
}

pub(super) async fn create(directory: State<Arc<Directory>>, request: Request) -> Result<Response, Refusal> {
    let call = Call::read(directory, request, OBJECTS, Right::Write).await?;
    let body = call.json()?;
    let password = password(&body)?.ok_or_else(|| Refusal::bad("'passwordProfile.password' is required."))?;
    let (name, display_name) = (needed(&body, "userPrincipalName")?, needed(&body, "displayName")?);
    let user = call.directory.create_user(call.tenant, name, display_name, &password).await?;
    tracing::info!(user = %user.id, "a user was made");
    Ok(answer::json(StatusCode::CREATED, &show_user(&user)))
}

pub(super) async fn update(
    directory: State<Arc<Directory>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let call = Call::read(directory, request, OBJECTS, Right::Write).await?;
    let user = call.directory.user(call.tenant, &id)?;
    let body = call.json()?;
    if let Some(password) = password(&body)? {
        call.directory.set_password(call.tenant, user.id, &password).await?;
    }
    if let Some(enabled) = body.get("accountEnabled").and_then(Value::as_bool) {
        call.directory.set_enabled(call.tenant, user.id, enabled).await?;
    }
    Ok(no_content())
}

pub(super) async fn remove(
    directory: State<Arc<Directory>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let call = Call::read(directory, request, OBJECTS, Right::Write).await?;
    let user = call.directory.user(call.tenant, &id)?;
    call.directory.delete_user(call.tenant, user.id).await?;
    tracing::info!(user = %user.id, "a user was deleted");
    Ok(no_content())
}

fn password(body: &Value) -> Result<Option<Secret>, Refusal> {
    match body.get("passwordProfile") {
        None => Ok(None),
        Some(profile) => match text(profile, "password") {
            Some(password) => Ok(Some(Secret::new(password))),
            None => Err(Refusal::bad("'passwordProfile.password' is not a text.")),
        },
    }
}

fn show_user(user: &User) -> Value {
    json!({
        "id": user.id,
        "userPrincipalName": user.user_name,
        "displayName": user.display_name,
        "accountEnabled": user.enabled,
        "createdDateTime": user.created_at,
    })
}
