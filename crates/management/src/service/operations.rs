//! The newest operations of a service with their progress and reports: an extension of ours to the
//! resource-manager API.
//!
//! A poll of the original API says only whether an operation runs. This says how far it is, and what a
//! backup does not hold or a restore has superseded.

use axum::response::Response;
use evergate_model::ServiceId;
use evergate_store::{Operation, OperationState};
use http::Method;
use serde_json::{Value, json};

use super::{allowed, require};
use crate::arm;
use crate::call::Call;
use crate::error::ApiError;

/// How many operations are listed, the newest ones.
const LISTED: usize = 20;

/// `GET …/operations`
pub(super) async fn list(call: &Call, id: &ServiceId) -> Result<Response, ApiError> {
    allowed(call, id, &Method::GET, "read").await?;
    require(&call.app, id).await?;
    let operations = call.app.store.operations(id, LISTED).await?;
    Ok(arm::list(operations.iter().map(shown)))
}

fn shown(operation: &Operation) -> Value {
    let mut value = json!({
        "id": operation.id.to_string(),
        "verb": operation.verb.as_str(),
        "startedAt": operation.started_at.to_string(),
        "finishedAt": operation.finished_at.map(|at| at.to_string()),
        "progress": {
            "phase": operation.progress.phase,
            "done": operation.progress.done,
            "total": operation.progress.total,
        },
    });
    match &operation.state {
        OperationState::Running => value["status"] = json!("Running"),
        OperationState::Succeeded(result) => {
            value["status"] = json!("Succeeded");
            value["result"] = serde_json::from_str(result).unwrap_or(Value::Null);
        }
        OperationState::Failed(failure) => {
            value["status"] = json!("Failed");
            value["error"] = json!({ "code": failure.code, "message": failure.message });
        }
    }
    value
}
