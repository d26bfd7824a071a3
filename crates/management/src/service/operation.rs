//! Backup and restore as clients see them: a POST that is accepted, and a URL to poll.
//!
//! The POST must never start work and then answer 5xx: clients send such a request again, up to four times.

use axum::response::Response;
use evergate_model::kind::accept;
use evergate_model::kind::service::BACKUP;
use evergate_model::{Secret, ServiceId};
use evergate_recovery::{Access, BackupRequest};
use evergate_store::{Operation, OperationId, OperationState, Verb};
use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderValue, Method, StatusCode};
use serde_json::Value;
use uuid::Uuid;

use super::{allowed, require, show};
use crate::call::{self, Call, empty};
use crate::error::ApiError;
use crate::version::NEWEST_STABLE;

/// `POST …/backup` and `POST …/restore`.
pub(super) async fn begin(call: &Call, id: &ServiceId, verb: Verb) -> Result<Response, ApiError> {
    allowed(call, id, &Method::POST, &format!("{verb}/action")).await?;
    let request = request(call)?;
    require(&call.app, id).await?;
    let operation = call.app.recover.begin(id, verb, request).await?;
    tracing::info!(operation_id = %operation.id, %verb, service = %id.name, "accepted");
    Ok(accepted(call, &operation))
}

fn request(call: &Call) -> Result<BackupRequest, ApiError> {
    let given = accept(BACKUP, call.object()?).map_err(ApiError::validation)?;
    let text = |name: &str| given.properties.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let access = match text("accessType").as_str() {
        "SystemAssignedManagedIdentity" => Access::SystemAssigned,
        "UserAssignedManagedIdentity" => {
            let client_id = text("clientId");
            if client_id.is_empty() {
                return Err(ApiError::invalid(
                    "clientId",
                    "Required property 'clientId' was not given: accessType UserAssignedManagedIdentity needs it.",
                ));
            }
            Access::UserAssigned { client_id }
        }
        _ => match given.secrets.text("accessKey") {
            Some(key) => Access::AccessKey(Secret::new(key)),
            None => {
                return Err(ApiError::invalid("accessKey", "Required property 'accessKey' was not given."));
            }
        },
    };
    Ok(BackupRequest {
        storage_account: text("storageAccount"),
        container: text("containerName"),
        backup_name: text("backupName"),
        access,
    })
}

/// 202 with the URL to poll. `Location` is absolute: an old client cannot resolve a relative one.
fn accepted(call: &Call, operation: &Operation) -> Response {
    let mut response = empty(StatusCode::ACCEPTED);
    let location = format!(
        "{}{}/operationresults/{}?api-version={}",
        call.app.instance.endpoint,
        operation.service,
        operation.id,
        call.query.get("api-version").unwrap_or(NEWEST_STABLE),
    );
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// `GET …/operationresults/{id}`: 202 while it runs, then the service or the error.
pub(crate) async fn poll(call: &Call, id: &ServiceId, operation: &str) -> Result<Response, ApiError> {
    allowed(call, id, &Method::GET, "read").await?;
    let missing = || ApiError::not_found("operation", operation);
    let operation_id = OperationId(operation.parse::<Uuid>().map_err(|_| missing())?);
    let found = call.app.store.operation(operation_id).await?.filter(|found| found.service == *id);
    let found = found.ok_or_else(missing)?;
    match &found.state {
        OperationState::Running => Ok(accepted(call, &found)),
        OperationState::Succeeded(_) => {
            let service = require(&call.app, id).await?;
            Ok(call::json(StatusCode::OK, &show(&call.app, &service)))
        }
        OperationState::Failed(failure) => {
            let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::BAD_REQUEST);
            Err(ApiError::new(status, &failure.code, &failure.message))
        }
    }
}
