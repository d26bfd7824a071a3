//! Undoing a restore: an extension of ours to the resource-manager API (docs/management-api.md).
//!
//! `GET …/generations` lists what is kept, `GET …/undoRestore` says what an undo would do, and
//! `POST …/undoRestore` does it, as planned or not at all.

use axum::response::Response;
use evergate_model::ServiceId;
use evergate_recovery::{UndoError, UndoPlan};
use evergate_store::{Generation, GenerationState};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{allowed, require, show};
use crate::arm;
use crate::call::{self, Call};
use crate::error::ApiError;

/// `GET …/generations`
pub(super) async fn generations(call: &Call, id: &ServiceId) -> Result<Response, ApiError> {
    allowed(call, id, &Method::GET, "read").await?;
    require(&call.app, id).await?;
    let generations = call.app.store.generations(id).await?;
    Ok(arm::list(generations.iter().map(generation)))
}

/// `GET` and `POST …/undoRestore`
pub(super) async fn undo(call: &Call, id: &ServiceId) -> Result<Response, ApiError> {
    if call.method == Method::GET {
        allowed(call, id, &Method::GET, "read").await?;
        let plan = call.app.recover.undo_plan(id).await.map_err(refusal)?;
        return Ok(call::json(StatusCode::OK, &shown(&plan)));
    }
    allowed(call, id, &Method::POST, "restore/action").await?;
    let expected = call.object_or_empty()?.get("revision").and_then(Value::as_u64);
    let plan = call.app.recover.undo_plan(id).await.map_err(refusal)?;
    if expected.is_some_and(|expected| expected != plan.revision.0) {
        return Err(refusal(UndoError::Changed));
    }
    let service = call.app.recover.undo(&plan).await.map_err(refusal)?;
    Ok(call::json(StatusCode::OK, &show(&call.app, &service)))
}

fn shown(plan: &UndoPlan) -> Value {
    json!({
        "from": generation(&plan.from),
        "to": generation(&plan.to),
        "revision": plan.revision.0,
        "changesSince": plan.changes_since,
        "description": plan.to_string(),
    })
}

fn generation(generation: &Generation) -> Value {
    json!({
        "id": generation.id.0,
        "state": match generation.state {
            GenerationState::Loading => "loading",
            GenerationState::Live => "live",
            GenerationState::Former => "former",
        },
        "origin": generation.origin,
        "createdAt": generation.created_at.to_string(),
        "replacedAt": generation.replaced_at.map(|at| at.to_string()),
        "resources": generation.resources,
    })
}

fn refusal(error: UndoError) -> ApiError {
    match error {
        UndoError::ServiceNotFound(id) => super::missing(&id),
        UndoError::Store(error) => error.into(),
        error @ UndoError::Nothing(_) => ApiError::conflict("NothingToUndo", error.to_string()),
        error @ UndoError::Changed => ApiError::conflict("Conflict", error.to_string()),
    }
}
