//! Services: create, read, list, update and delete, and what can be done to one as a whole.

mod create;
pub(crate) mod deleted;
mod hostname;
mod identity;
pub(crate) mod location;
pub(crate) mod name;
pub(crate) mod operation;
mod operations;
mod show;
mod undo;
mod update;
mod validate;

use axum::response::Response;
use evergate_model::{ResourceGroupName, Service, ServiceId, SubscriptionId};
use http::{Method, StatusCode};
use serde_json::json;

use crate::arm;
use crate::call::{self, Call, empty, with_etag};
use crate::error::ApiError;
use crate::parts::App;
use crate::version::ApiVersion;

pub(crate) use show::show;

/// The service, or 404 as the resource manager words it.
pub(crate) async fn require(app: &App, id: &ServiceId) -> Result<Service, ApiError> {
    app.store.service(id).await?.ok_or_else(|| missing(id))
}

fn missing(id: &ServiceId) -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "ResourceNotFound",
        format!(
            "The Resource 'Microsoft.ApiManagement/service/{}' under resource group '{}' was not found.",
            id.name, id.resource_group
        ),
    )
}

/// `GET …/service` of a subscription or a resource group.
pub(crate) async fn list(
    call: &Call,
    subscription: &SubscriptionId,
    group: Option<&ResourceGroupName>,
) -> Result<Response, ApiError> {
    if call.method != Method::GET {
        return Err(call.method_not_allowed());
    }
    let mut scope = format!("/subscriptions/{subscription}");
    if let Some(group) = group {
        scope = format!("{scope}/resourceGroups/{group}");
        arm::group::require(&call.app, subscription, group).await?;
    }
    call.caller.may("Microsoft.ApiManagement/service/read", &scope).await?;
    let services = call.app.store.services().await?;
    let found = services.iter().filter(|service| {
        service.id.subscription == *subscription
            && group.is_none_or(|group| service.id.resource_group == *group)
    });
    Ok(arm::list(found.map(|service| show(&call.app, service))))
}

/// One service: `GET`, `HEAD`, `PUT`, `PATCH`, `DELETE`.
pub(crate) async fn one(call: &Call, id: &ServiceId, version: ApiVersion) -> Result<Response, ApiError> {
    let verb = match call.method {
        Method::GET | Method::HEAD => "read",
        Method::PUT | Method::PATCH => "write",
        Method::DELETE => "delete",
        _ => return Err(call.method_not_allowed()),
    };
    call.caller.may(&format!("Microsoft.ApiManagement/service/{verb}"), &id.to_string()).await?;
    match call.method {
        Method::PUT => create::put(call, id, version).await,
        Method::PATCH => update::patch(call, id, version).await,
        Method::DELETE => deleted::delete(call, id).await,
        _ => {
            let service = require(&call.app, id).await?;
            Ok(with_etag(call::json(StatusCode::OK, &show(&call.app, &service)), &service.etag))
        }
    }
}

/// What a single word after the service's name asks for, when it is not a collection.
pub(crate) async fn action(call: &Call, id: &ServiceId, word: &str) -> Option<Result<Response, ApiError>> {
    let answer = match word.to_ascii_lowercase().as_str() {
        "backup" => operation::begin(call, id, evergate_store::Verb::Backup).await,
        "restore" => operation::begin(call, id, evergate_store::Verb::Restore).await,
        "applynetworkconfigurationupdates" => apply_network(call, id).await,
        "generations" => undo::generations(call, id).await,
        "undorestore" => undo::undo(call, id).await,
        "operations" => operations::list(call, id).await,
        "skus" => tiers(call, id).await,
        _ => return None,
    };
    Some(answer)
}

/// Refuses other methods, then checks the right to an action.
async fn allowed(call: &Call, id: &ServiceId, method: &Method, action: &str) -> Result<(), ApiError> {
    if call.method != *method {
        return Err(call.method_not_allowed());
    }
    call.caller.may(&format!("Microsoft.ApiManagement/service/{action}"), &id.to_string()).await
}

/// There is no network to configure anew: the answer is the service as it is.
async fn apply_network(call: &Call, id: &ServiceId) -> Result<Response, ApiError> {
    allowed(call, id, &Method::POST, "applynetworkconfigurationupdates/action").await?;
    let service = require(&call.app, id).await?;
    if let Some(operation) = call.app.store.running_operation(id).await? {
        return Err(ApiError::busy(&operation));
    }
    Ok(call::json(StatusCode::OK, &show(&call.app, &service)))
}

async fn tiers(call: &Call, id: &ServiceId) -> Result<Response, ApiError> {
    allowed(call, id, &Method::GET, "read").await?;
    require(&call.app, id).await?;
    Ok(arm::list(evergate_model::kind::service::TIERS.iter().map(|tier| {
        json!({
            "resourceType": "Microsoft.ApiManagement/service",
            "sku": {"name": tier.name},
            "capacity": {
                "minimum": tier.min,
                "maximum": tier.max,
                "default": tier.min,
                "scaleType": if tier.min == tier.max { "none" } else { "automatic" },
            },
        })
    })))
}

/// The answer to deleting what is not there.
fn nothing() -> Response {
    empty(StatusCode::NO_CONTENT)
}
