//! `checkNameAvailability`.

use axum::response::Response;
use evergate_model::{ServiceName, SubscriptionId};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::call::{self, Call};
use crate::error::ApiError;

/// Whether a service may be called that.
pub(crate) async fn check(call: &Call, subscription: &SubscriptionId) -> Result<Response, ApiError> {
    if call.method != Method::POST {
        return Err(call.method_not_allowed());
    }
    let scope = format!("/subscriptions/{subscription}");
    call.caller.may("Microsoft.ApiManagement/checkNameAvailability/read", &scope).await?;
    let body = call.object()?;
    let name = body
        .get("name")
        .and_then(Value::as_str)
        .ok_or_else(|| ApiError::invalid("name", "Required property 'name' was not given."))?;
    let answer = match ServiceName::new(name) {
        Err(invalid) => {
            json!({"nameAvailable": false, "reason": "Invalid", "message": format!("The {invalid}.")})
        }
        Ok(name) => {
            let taken = call.app.store.services().await?.iter().any(|service| service.id.name == name);
            if taken {
                json!({
                    "nameAvailable": false,
                    "reason": "AlreadyExists",
                    "message": format!("'{name}' is already in use. Choose another name."),
                })
            } else {
                json!({"nameAvailable": true, "reason": "Valid", "message": ""})
            }
        }
    };
    Ok(call::json(StatusCode::OK, &answer))
}
