//! Resource providers: `Microsoft.ApiManagement` with its resource types and api-versions.

use axum::response::Response;
use evergate_model::{SubscriptionId, kind};
use http::StatusCode;
use serde_json::{Value, json};

use crate::call::{self, Call};
use crate::error::ApiError;
use crate::version;

fn base(subscription: Option<&SubscriptionId>) -> String {
    subscription.map_or_else(String::new, |subscription| format!("/subscriptions/{subscription}"))
}

fn provider(call: &Call, subscription: Option<&SubscriptionId>, namespace: &str, types: &[String]) -> Value {
    let versions: Vec<&str> = version::KNOWN.iter().rev().copied().collect();
    let types: Vec<Value> = types
        .iter()
        .map(|name| {
            json!({
                "resourceType": name,
                "locations": [call.app.instance.location],
                "apiVersions": versions,
                "defaultApiVersion": version::NEWEST_STABLE,
            })
        })
        .collect();
    json!({
        "id": format!("{}/providers/{namespace}", base(subscription)),
        "namespace": namespace,
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationRequired",
        "resourceTypes": types,
    })
}

fn all(call: &Call, subscription: Option<&SubscriptionId>) -> [Value; 2] {
    let mut types: Vec<String> =
        ["service", "deletedServices", "locations/deletedServices", "checkNameAvailability"]
            .map(str::to_owned)
            .to_vec();
    types.extend(kind::all().iter().map(|kind| format!("service/{}", kind.path)));
    let groups = ["resourceGroups".to_owned(), "subscriptions".to_owned()];
    [
        provider(call, subscription, "Microsoft.ApiManagement", &types),
        provider(call, subscription, "Microsoft.Resources", &groups),
    ]
}

async fn allowed(call: &Call, subscription: Option<&SubscriptionId>) -> Result<(), ApiError> {
    match subscription {
        Some(_) => {
            call.caller.may("Microsoft.Resources/subscriptions/providers/read", &base(subscription)).await
        }
        None => Ok(()),
    }
}

/// `GET …/providers`
pub(super) async fn list(call: &Call, subscription: Option<&SubscriptionId>) -> Result<Response, ApiError> {
    allowed(call, subscription).await?;
    Ok(super::list(all(call, subscription)))
}

/// `GET …/providers/{namespace}`, and what registering it answers.
pub(super) async fn one(
    call: &Call,
    subscription: Option<&SubscriptionId>,
    namespace: &str,
) -> Result<Response, ApiError> {
    allowed(call, subscription).await?;
    let found = all(call, subscription).into_iter().find(|provider| {
        provider["namespace"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(namespace))
    });
    let provider = found.ok_or_else(|| {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "InvalidResourceNamespace",
            format!("The resource namespace '{namespace}' is invalid."),
        )
    })?;
    Ok(call::json(StatusCode::OK, &provider))
}

/// `GET /providers/Microsoft.ApiManagement/operations`: what roles can allow.
pub(super) fn operations() -> Response {
    let mut names = Vec::new();
    let types = std::iter::once("service".to_owned())
        .chain(kind::all().iter().map(|kind| format!("service/{}", kind.path)));
    for name in types {
        names.extend(["read", "write", "delete"].map(|verb| format!("{name}/{verb}")));
    }
    for action in ["backup", "restore", "applyNetworkConfigurationUpdates"] {
        names.push(format!("service/{action}/action"));
    }
    for action in ["listSecrets", "regeneratePrimaryKey", "regenerateSecondaryKey"] {
        names.push(format!("service/subscriptions/{action}/action"));
    }
    names.push("service/namedValues/listValue/action".to_owned());
    super::list(names.into_iter().map(|name| {
        let (resource, operation) = name.rsplit_once('/').unwrap_or(("", &name));
        json!({
            "name": format!("Microsoft.ApiManagement/{name}"),
            "display": {
                "provider": "API Management",
                "resource": resource,
                "operation": operation,
                "description": format!("{operation} on {resource}"),
            },
        })
    }))
}
