//! Resource groups: named folders of services, kept as records of the store.

use axum::response::Response;
use evergate_model::{Properties, ResourceGroupName, Service, SubscriptionId};
use evergate_store::Record;
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::call::{self, Call};
use crate::dispatch::yes;
use crate::error::{ApiError, internal};
use crate::parts::App;
use crate::service;

const COLLECTION: &str = "resourceGroups";

#[derive(Serialize, Deserialize)]
struct Group {
    name: String,
    location: String,
    #[serde(default)]
    tags: Properties,
}

impl Group {
    fn show(&self, subscription: &SubscriptionId) -> Value {
        json!({
            "id": format!("/subscriptions/{subscription}/resourceGroups/{}", self.name),
            "name": self.name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": self.location,
            "tags": self.tags,
            "properties": {"provisioningState": "Succeeded"},
        })
    }
}

fn key(subscription: &SubscriptionId, name: &ResourceGroupName) -> String {
    format!("{}/{}", subscription.key(), name.key())
}

async fn read(
    app: &App,
    subscription: &SubscriptionId,
    name: &ResourceGroupName,
) -> Result<Option<Group>, ApiError> {
    match app.store.record(COLLECTION, &key(subscription, name)).await? {
        Some(record) => Ok(Some(serde_json::from_slice(&record.value).map_err(|error| internal(&error))?)),
        None => Ok(None),
    }
}

/// Refuses what would be made in a resource group that does not exist.
pub(crate) async fn require(
    app: &App,
    subscription: &SubscriptionId,
    name: &ResourceGroupName,
) -> Result<(), ApiError> {
    if read(app, subscription, name).await?.is_some() { Ok(()) } else { Err(missing(name)) }
}

fn missing(name: &ResourceGroupName) -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "ResourceGroupNotFound",
        format!("Resource group '{name}' could not be found."),
    )
}

/// `GET /subscriptions/{s}/resourceGroups`
pub(crate) async fn list(call: &Call, subscription: &SubscriptionId) -> Result<Response, ApiError> {
    if call.method != Method::GET {
        return Err(call.method_not_allowed());
    }
    let scope = format!("/subscriptions/{subscription}");
    call.caller.may("Microsoft.Resources/subscriptions/resourceGroups/read", &scope).await?;
    let prefix = format!("{}/", subscription.key());
    let mut groups = Vec::new();
    for record in call.app.store.records(COLLECTION).await? {
        if record.key.starts_with(&prefix) {
            let group: Group = serde_json::from_slice(&record.value).map_err(|error| internal(&error))?;
            groups.push(group.show(subscription));
        }
    }
    Ok(super::list(groups))
}

/// One resource group: `GET`, `HEAD`, `PUT`, `PATCH`, `DELETE`.
pub(crate) async fn one(
    call: &Call,
    subscription: &SubscriptionId,
    name: &ResourceGroupName,
) -> Result<Response, ApiError> {
    let verb = match call.method {
        Method::GET | Method::HEAD => "read",
        Method::PUT | Method::PATCH => "write",
        Method::DELETE => "delete",
        _ => return Err(call.method_not_allowed()),
    };
    let scope = format!("/subscriptions/{subscription}/resourceGroups/{name}");
    call.caller.may(&format!("Microsoft.Resources/subscriptions/resourceGroups/{verb}"), &scope).await?;
    let existing = read(&call.app, subscription, name).await?;
    match (&call.method, existing) {
        (&Method::PUT, existing) => put(call, subscription, name, existing).await,
        (_, None) => Err(missing(name)),
        (&Method::HEAD, Some(_)) => Ok(yes()),
        (&Method::GET, Some(group)) => Ok(call::json(StatusCode::OK, &group.show(subscription))),
        (&Method::PATCH, Some(mut group)) => {
            if let Some(Value::Object(tags)) = call.object()?.remove("tags") {
                group.tags = tags;
            }
            store(call, subscription, name, &group).await?;
            Ok(call::json(StatusCode::OK, &group.show(subscription)))
        }
        (_, Some(_)) => delete(call, subscription, name).await,
    }
}

async fn put(
    call: &Call,
    subscription: &SubscriptionId,
    name: &ResourceGroupName,
    existing: Option<Group>,
) -> Result<Response, ApiError> {
    let mut body = call.object()?;
    let location = body.get("location").and_then(Value::as_str).map(service::location::normalised);
    let location = location.filter(|location| !location.is_empty()).ok_or_else(|| {
        ApiError::bad_request("LocationRequired", "The location property is required for this definition.")
    })?;
    let created = existing.is_none();
    let group = Group {
        name: existing.as_ref().map_or_else(|| name.as_str().to_owned(), |group| group.name.clone()),
        // A group's location is only where its own record is; it may hold services of any region.
        location: existing.map_or(location, |group| group.location),
        tags: match body.remove("tags") {
            Some(Value::Object(tags)) => tags,
            _ => Properties::new(),
        },
    };
    store(call, subscription, name, &group).await?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(call::json(status, &group.show(subscription)))
}

async fn store(
    call: &Call,
    subscription: &SubscriptionId,
    name: &ResourceGroupName,
    group: &Group,
) -> Result<(), ApiError> {
    let value = serde_json::to_vec(group).map_err(|error| internal(&error))?;
    let record = Record { collection: COLLECTION.to_owned(), key: key(subscription, name), value };
    Ok(call.app.store.put_record(record).await?)
}

/// Deletes an empty group. In the original, a group takes its resources with it; here a service must be deleted
/// by its own name first, because nothing should lose a service by a slip.
async fn delete(
    call: &Call,
    subscription: &SubscriptionId,
    name: &ResourceGroupName,
) -> Result<Response, ApiError> {
    if let Some(service) = services(call, subscription, Some(name)).await?.first() {
        return Err(ApiError::conflict(
            "ResourceGroupNotEmpty",
            format!(
                "The resource group '{name}' holds the API Management service '{}'. Delete it first.",
                service.id.name
            ),
        ));
    }
    call.app.store.take_record(COLLECTION, &key(subscription, name)).await?;
    Ok(call::empty(StatusCode::OK))
}

/// `GET …/resources`: the services, since there is nothing else.
pub(crate) async fn resources(
    call: &Call,
    subscription: &SubscriptionId,
    name: Option<&ResourceGroupName>,
) -> Result<Response, ApiError> {
    if call.method != Method::GET {
        return Err(call.method_not_allowed());
    }
    let mut scope = format!("/subscriptions/{subscription}");
    if let Some(name) = name {
        scope = format!("{scope}/resourceGroups/{name}");
        require(&call.app, subscription, name).await?;
    }
    call.caller.may("Microsoft.Resources/subscriptions/resources/read", &scope).await?;
    let services = services(call, subscription, name).await?;
    Ok(super::list(services.iter().map(|service| {
        json!({
            "id": service.id.to_string(),
            "name": service.id.name.as_str(),
            "type": "Microsoft.ApiManagement/service",
            "location": service.location,
            "sku": {"name": service.sku.name, "capacity": service.sku.capacity},
            "tags": service.tags,
        })
    })))
}

async fn services(
    call: &Call,
    subscription: &SubscriptionId,
    name: Option<&ResourceGroupName>,
) -> Result<Vec<Service>, ApiError> {
    let mut services = call.app.store.services().await?;
    services.retain(|service| {
        service.id.subscription == *subscription && name.is_none_or(|name| service.id.resource_group == *name)
    });
    Ok(services)
}
