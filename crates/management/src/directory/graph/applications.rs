//! `/v1.0/applications`: registrations and their secrets.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use evergate_identity::directory::applications::NewApplication;
use evergate_identity::objects::{Credential, Permission};
use evergate_identity::{Application, ApplicationKind, Directory};
use http::StatusCode;
use serde_json::{Value, json};

use super::super::answer;
use super::{Call, Refusal, Right, needed, no_content, text};

const OBJECTS: &str = "applications";

pub(super) async fn list(directory: State<Arc<Directory>>, request: Request) -> Result<Response, Refusal> {
    let call = Call::read(directory, request, OBJECTS, Right::Read).await?;
    call.list(
        call.directory.applications(call.tenant).iter().map(|application| show_application(application)),
    )
}

pub(super) async fn create(directory: State<Arc<Directory>>, request: Request) -> Result<Response, Refusal> {
    let call = Call::read(directory, request, OBJECTS, Right::Write).await?;
    let body = call.json()?;
    let public = uris(&body, "publicClient")?.unwrap_or_default();
    let web = uris(&body, "web")?.unwrap_or_default();
    let native = body.get("isFallbackPublicClient").and_then(Value::as_bool).unwrap_or(!public.is_empty());
    let new = NewApplication {
        display_name: needed(&body, "displayName")?.to_owned(),
        kind: if native { ApplicationKind::Native } else { ApplicationKind::Confidential },
        redirect_uris: public.into_iter().chain(web).collect(),
        permissions: permissions(&body)?.unwrap_or_default(),
    };
    let application = call.directory.register(call.tenant, new).await?;
    tracing::info!(application = %application.id, "an application was registered");
    Ok(answer::json(StatusCode::CREATED, &show_application(&application)))
}

pub(super) async fn show(
    directory: State<Arc<Directory>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let call = Call::read(directory, request, OBJECTS, Right::Read).await?;
    Ok(answer::json(StatusCode::OK, &show_application(&*find(&call, &id)?)))
}

pub(super) async fn update(
    directory: State<Arc<Directory>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let call = Call::read(directory, request, OBJECTS, Right::Write).await?;
    let application = find(&call, &id)?;
    let body = call.json()?;
    let name = text(&body, "displayName").map(str::to_owned);
    let uris = match (uris(&body, "publicClient")?, uris(&body, "web")?) {
        (None, None) => None,
        (public, web) => Some(public.into_iter().chain(web).flatten().collect()),
    };
    let permissions = permissions(&body)?;
    call.directory
        .edit_application(call.tenant, application.id, |application| {
            application.display_name = name.unwrap_or_else(|| application.display_name.clone());
            application.redirect_uris = uris.unwrap_or_else(|| application.redirect_uris.clone());
            application.permissions = permissions.unwrap_or_else(|| application.permissions.clone());
        })
        .await?;
    Ok(no_content())
}

pub(super) async fn remove(
    directory: State<Arc<Directory>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let call = Call::read(directory, request, OBJECTS, Right::Write).await?;
    let application = find(&call, &id)?;
    call.directory.delete_application(call.tenant, application.id).await?;
    tracing::info!(application = %application.id, "an application was deleted");
    Ok(no_content())
}

pub(super) async fn add_password(
    directory: State<Arc<Directory>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let call = Call::read(directory, request, OBJECTS, Right::Write).await?;
    let application = find(&call, &id)?;
    let body = call.json()?;
    let asked = body.get("passwordCredential").unwrap_or(&Value::Null);
    let Ok(expires_at) = text(asked, "endDateTime").map(str::parse).transpose() else {
        let message = "'passwordCredential.endDateTime' is not a time such as 2027-01-31T00:00:00Z.";
        return Err(Refusal::bad(message));
    };
    let name = text(asked, "displayName").unwrap_or_default();
    let new = call.directory.add_secret(call.tenant, application.id, name, expires_at).await?;
    let mut shown = show_credential(&new.credential);
    shown["secretText"] = new.secret.expose().into();
    Ok(answer::json(StatusCode::OK, &shown))
}

pub(super) async fn remove_password(
    directory: State<Arc<Directory>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let call = Call::read(directory, request, OBJECTS, Right::Write).await?;
    let application = find(&call, &id)?;
    let body = call.json()?;
    let key = needed(&body, "keyId")?;
    let key = key.parse().map_err(|_| Refusal::bad(format!("The key id '{key}' is not a GUID.")))?;
    call.directory.remove_secret(call.tenant, application.id, key).await?;
    Ok(no_content())
}

/// An application by the id of its registration. The client id does as well: people know that one.
fn find(call: &Call, id: &str) -> Result<Arc<Application>, Refusal> {
    let applications = call.directory.applications(call.tenant);
    let wanted = id.to_ascii_lowercase();
    let found = applications.into_iter().find(|application| {
        application.object_id.to_string() == wanted || application.id.to_string() == wanted
    });
    found.ok_or_else(|| Refusal::not_found(&format!("application '{id}'")))
}

/// The redirect URIs of a platform; none if the platform is not mentioned.
fn uris(body: &Value, platform: &str) -> Result<Option<Vec<String>>, Refusal> {
    let Some(uris) = body.get(platform).and_then(|platform| platform.get("redirectUris")) else {
        return Ok(None);
    };
    serde_json::from_value(uris.clone())
        .map(Some)
        .map_err(|_| Refusal::bad(format!("'{platform}.redirectUris' is not a list of texts.")))
}

fn permissions(body: &Value) -> Result<Option<Vec<Permission>>, Refusal> {
    let Some(resources) = body.get("requiredResourceAccess") else { return Ok(None) };
    let bad = || {
        Refusal::bad(
            "'requiredResourceAccess' is not a list of {resourceAppId, resourceAccess: [{id, type}]}.",
        )
    };
    let mut permissions = Vec::new();
    for resource in resources.as_array().ok_or_else(bad)? {
        let id = text(resource, "resourceAppId").and_then(|id| id.parse().ok()).ok_or_else(bad)?;
        for access in resource.get("resourceAccess").and_then(Value::as_array).ok_or_else(bad)? {
            let scope = text(access, "id").and_then(|id| id.parse().ok()).ok_or_else(bad)?;
            permissions.push(Permission { resource: id, scope });
        }
    }
    Ok(Some(permissions))
}

fn show_application(application: &Application) -> Value {
    let native = application.kind == ApplicationKind::Native;
    let (public, web) = if native {
        (application.redirect_uris.as_slice(), &[][..])
    } else {
        (&[][..], application.redirect_uris.as_slice())
    };
    let access = application.permissions.iter().map(|permission| {
        json!({
            "resourceAppId": permission.resource,
            "resourceAccess": [{ "id": permission.scope, "type": "Scope" }],
        })
    });
    json!({
        "id": application.object_id,
        "appId": application.id,
        "displayName": application.display_name,
        "createdDateTime": application.created_at,
        "signInAudience": "AzureADMyOrg",
        "isFallbackPublicClient": native,
        "publicClient": { "redirectUris": public },
        "web": { "redirectUris": web },
        "requiredResourceAccess": access.collect::<Vec<_>>(),
        "passwordCredentials": application.credentials.iter().map(show_credential).collect::<Vec<_>>(),
    })
}

fn show_credential(credential: &Credential) -> Value {
    json!({
        "keyId": credential.id,
        "displayName": credential.display_name,
        "hint": credential.hint,
        "startDateTime": credential.created_at,
        "endDateTime": credential.expires_at,
        "secretText": null,
    })
}
