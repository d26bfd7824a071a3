//! `/v1.0/servicePrincipals` and `/v1.0/oauth2PermissionGrants`: applications in action, and consent to them.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use evergate_identity::objects::{Grant, MANAGEMENT_API, USER_IMPERSONATION, USER_IMPERSONATION_ID};
use evergate_identity::{Application, Directory};
use http::StatusCode;
use serde_json::{Value, json};

use super::super::answer;
use super::{Call, Refusal, Right, needed, no_content, text};

const PRINCIPALS: &str = "servicePrincipals";
const GRANTS: &str = "permissionGrants";

pub(super) async fn principals(
    directory: State<Arc<Directory>>,
    request: Request,
) -> Result<Response, Refusal> {
    let call = Call::read(directory, request, PRINCIPALS, Right::Read).await?;
    let applications = call.directory.applications(call.tenant);
    call.list(applications.iter().filter_map(|application| show_principal(application)))
}

pub(super) async fn principal(
    directory: State<Arc<Directory>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let call = Call::read(directory, request, PRINCIPALS, Right::Read).await?;
    let missing = || Refusal::not_found(&format!("service principal '{id}'"));
    let application = call.directory.service_principal(call.tenant, id.parse().map_err(|_| missing())?)?;
    Ok(answer::json(StatusCode::OK, &show_principal(&application).ok_or_else(missing)?))
}

pub(super) async fn create_principal(
    directory: State<Arc<Directory>>,
    request: Request,
) -> Result<Response, Refusal> {
    let call = Call::read(directory, request, PRINCIPALS, Right::Write).await?;
    let body = call.json()?;
    let id = needed(&body, "appId")?;
    let id = id.parse().map_err(|_| Refusal::bad(format!("'{id}' is not an application id.")))?;
    if call.directory.application(call.tenant, id)?.service_principal.is_some() {
        let message = format!("Application '{id}' has its service principal already.");
        return Err(Refusal::new(StatusCode::CONFLICT, "Request_MultipleObjectsWithSameKeyValue", message));
    }
    let application = call.directory.ensure_service_principal(call.tenant, id).await?;
    Ok(answer::json(StatusCode::CREATED, &show_principal(&application).unwrap_or_default()))
}

pub(super) async fn list(directory: State<Arc<Directory>>, request: Request) -> Result<Response, Refusal> {
    let call = Call::read(directory, request, GRANTS, Right::Read).await?;
    let grants = call.directory.grants(call.tenant);
    call.list(grants.iter().map(|grant| show_grant(&call, grant)))
}

pub(super) async fn create(directory: State<Arc<Directory>>, request: Request) -> Result<Response, Refusal> {
    let call = Call::read(directory, request, GRANTS, Right::Write).await?;
    let body = call.json()?;
    if text(&body, "consentType") != Some("AllPrincipals") {
        return Err(Refusal::bad(
            "'consentType' must be 'AllPrincipals': an administrator consents for everybody.",
        ));
    }
    let principal = |name: &str| {
        let id = needed(&body, name)?;
        let id = id.parse().map_err(|_| Refusal::bad(format!("'{name}' is not an object id.")))?;
        Ok::<_, Refusal>(call.directory.service_principal(call.tenant, id)?.id)
    };
    let scopes: Vec<String> = needed(&body, "scope")?.split_whitespace().map(str::to_owned).collect();
    let (client, resource) = (principal("clientId")?, principal("resourceId")?);
    let grant = call.directory.grant(call.tenant, client, resource, &scopes).await?;
    tracing::info!(application = %client, "an administrator consented to an application");
    Ok(answer::json(StatusCode::CREATED, &show_grant(&call, &grant)))
}

pub(super) async fn remove(
    directory: State<Arc<Directory>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let call = Call::read(directory, request, GRANTS, Right::Write).await?;
    let id = id.parse().map_err(|_| Refusal::not_found(&format!("grant '{id}'")))?;
    call.directory.revoke_grant(call.tenant, id).await?;
    Ok(no_content())
}

fn show_principal(application: &Application) -> Option<Value> {
    let scopes = if application.id == MANAGEMENT_API {
        json!([{
            "id": USER_IMPERSONATION_ID,
            "value": USER_IMPERSONATION,
            "type": "User",
            "isEnabled": true,
            "adminConsentDisplayName": "Manage services as the signed-in user",
        }])
    } else {
        json!([])
    };
    Some(json!({
        "id": application.service_principal?,
        "appId": application.id,
        "displayName": application.display_name,
        "appDisplayName": application.display_name,
        "servicePrincipalType": "Application",
        "accountEnabled": application.enabled,
        "appOwnerOrganizationId": application.tenant,
        "servicePrincipalNames": [application.id],
        "oauth2PermissionScopes": scopes,
    }))
}

fn show_grant(call: &Call, grant: &Grant) -> Value {
    let principal =
        |id| call.directory.application(call.tenant, id).ok().and_then(|app| app.service_principal);
    json!({
        "id": grant.id,
        "clientId": principal(grant.client),
        "consentType": "AllPrincipals",
        "principalId": null,
        "resourceId": principal(grant.resource),
        "scope": grant.scopes.join(" "),
    })
}
