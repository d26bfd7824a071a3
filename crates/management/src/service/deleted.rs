//! Deleting a service, and the list of deleted ones.
//!
//! A deleted service's name is free again at once; what remains is a note of it until it is purged. Its
//! configuration is gone: a backup is what brings it back.

use axum::response::Response;
use evergate_model::{ServiceId, SubscriptionId};
use evergate_store::{IfMatch, Record, StoreError};
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{hostname, nothing, show};
use crate::arm;
use crate::call::{self, Call, empty};
use crate::error::{ApiError, internal};
use crate::parts::App;

const COLLECTION: &str = "deletedServices";
/// How long the original keeps a deleted service.
const KEPT: SignedDuration = SignedDuration::from_hours(48);

#[derive(Serialize, Deserialize)]
struct Deleted {
    service: String,
    name: String,
    location: String,
    at: Timestamp,
}

impl Deleted {
    fn show(&self, subscription: &SubscriptionId) -> Value {
        let purge = self.at.checked_add(KEPT).unwrap_or(self.at);
        json!({
            "id": format!(
                "/subscriptions/{subscription}/providers/Microsoft.ApiManagement/locations/{}/deletedservices/{}",
                self.location, self.name
            ),
            "name": self.name,
            "type": "Microsoft.ApiManagement/deletedservices",
            "location": self.location,
            "properties": {
                "serviceId": self.service,
                "deletionDate": self.at.to_string(),
                "scheduledPurgeDate": purge.to_string(),
            },
        })
    }
}

fn key(subscription: &SubscriptionId, name: &str) -> String {
    format!("{}/{}", subscription.key(), name.to_ascii_lowercase())
}

/// `DELETE` of a service.
pub(super) async fn delete(call: &Call, id: &ServiceId) -> Result<Response, ApiError> {
    let if_match = match call.if_match() {
        IfMatch::Is(etag) => IfMatch::Is(etag),
        IfMatch::None | IfMatch::Exists => IfMatch::None,
    };
    let service = match call.app.store.delete_service(id, if_match).await {
        Ok(service) => service,
        Err(StoreError::NotFound(_)) => return Ok(nothing()),
        Err(error) => return Err(error.into()),
    };
    hostname::forget(&call.app, id).await?;
    let deleted = Deleted {
        service: id.to_string(),
        name: service.id.name.as_str().to_owned(),
        location: service.location.clone(),
        at: call.app.now(),
    };
    let value = serde_json::to_vec(&deleted).map_err(|error| internal(&error))?;
    let key = key(&id.subscription, id.name.as_str());
    call.app.store.put_record(Record { collection: COLLECTION.to_owned(), key, value }).await?;
    Ok(call::json(StatusCode::OK, &show(&call.app, &service)))
}

/// Forgets the note of a deleted service whose name is used again.
pub(super) async fn forget(app: &App, id: &ServiceId) -> Result<(), ApiError> {
    app.store.take_record(COLLECTION, &key(&id.subscription, id.name.as_str())).await?;
    Ok(())
}

/// `GET …/deletedservices`
pub(crate) async fn list(call: &Call, subscription: &SubscriptionId) -> Result<Response, ApiError> {
    if call.method != Method::GET {
        return Err(call.method_not_allowed());
    }
    let scope = format!("/subscriptions/{subscription}");
    call.caller.may("Microsoft.ApiManagement/deletedservices/read", &scope).await?;
    let prefix = format!("{}/", subscription.key());
    let mut found = Vec::new();
    for record in call.app.store.records(COLLECTION).await? {
        if record.key.starts_with(&prefix) {
            let deleted: Deleted = serde_json::from_slice(&record.value).map_err(|error| internal(&error))?;
            if call.app.now().duration_since(deleted.at) < KEPT {
                found.push(deleted.show(subscription));
            }
        }
    }
    Ok(arm::list(found))
}

/// `GET` and `DELETE` (purge) of one deleted service.
pub(crate) async fn one(
    call: &Call,
    subscription: &SubscriptionId,
    location: &str,
    name: &str,
) -> Result<Response, ApiError> {
    let verb = match call.method {
        Method::GET => "read",
        Method::DELETE => "delete",
        _ => return Err(call.method_not_allowed()),
    };
    let scope = format!("/subscriptions/{subscription}");
    call.caller.may(&format!("Microsoft.ApiManagement/locations/deletedservices/{verb}"), &scope).await?;
    let key = key(subscription, name);
    let found = match call.app.store.record(COLLECTION, &key).await? {
        Some(record) => {
            serde_json::from_slice::<Deleted>(&record.value).map(Some).map_err(|error| internal(&error))?
        }
        None => None,
    };
    let same = super::location::normalised(location);
    match (found.filter(|deleted| super::location::normalised(&deleted.location) == same), &call.method) {
        (Some(deleted), &Method::GET) => Ok(call::json(StatusCode::OK, &deleted.show(subscription))),
        (Some(_), _) => {
            call.app.store.take_record(COLLECTION, &key).await?;
            Ok(empty(StatusCode::OK))
        }
        (None, &Method::DELETE) => Ok(nothing()),
        (None, _) => Err(ApiError::not_found("deleted service", name)),
    }
}
