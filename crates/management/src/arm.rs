//! The resource manager around the services: subscriptions, resource groups, providers, as far as clients need them.

pub(crate) mod group;
pub(crate) mod metadata;
mod provider;

use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::call::{self, Call};
use crate::error::ApiError;
use crate::route::Route;

/// The display name of the one subscription.
const SUBSCRIPTION_NAME: &str = "Evergate";

/// Answers what is not about API Management.
pub(crate) async fn answer(call: &Call, route: Route) -> Result<Response, ApiError> {
    match route {
        Route::ResourceGroups(subscription) => group::list(call, &subscription).await,
        Route::ResourceGroup(subscription, name) => group::one(call, &subscription, &name).await,
        Route::Resources(subscription, name) => group::resources(call, &subscription, name.as_ref()).await,
        Route::RegisterProvider(subscription, namespace) if call.method == Method::POST => {
            provider::one(call, Some(&subscription), &namespace).await
        }
        _ if call.method != Method::GET => Err(call.method_not_allowed()),
        Route::Tenants => Ok(list([tenant(call)])),
        Route::Subscriptions => Ok(list([subscription(call)])),
        Route::Subscription(id) => {
            let scope = format!("/subscriptions/{id}");
            call.caller.may("Microsoft.Resources/subscriptions/read", &scope).await?;
            Ok(call::json(StatusCode::OK, &subscription(call)))
        }
        Route::Locations(id) => {
            let scope = format!("/subscriptions/{id}");
            call.caller.may("Microsoft.Resources/subscriptions/locations/read", &scope).await?;
            Ok(list([location(call, &scope)]))
        }
        Route::Providers(subscription, None) => provider::list(call, subscription.as_ref()).await,
        Route::Providers(subscription, Some(namespace)) => {
            provider::one(call, subscription.as_ref(), &namespace).await
        }
        Route::ProviderOperations => Ok(provider::operations()),
        _ => Err(call.method_not_allowed()),
    }
}

/// A list answer.
pub(crate) fn list(values: impl IntoIterator<Item = Value>) -> Response {
    let values: Vec<Value> = values.into_iter().collect();
    let count = values.len();
    call::json(StatusCode::OK, &json!({"value": values, "count": count}))
}

fn tenant(call: &Call) -> Value {
    let tenant = &call.app.instance.tenant;
    json!({
        "id": format!("/tenants/{tenant}"),
        "tenantId": tenant,
        "displayName": SUBSCRIPTION_NAME,
        "tenantCategory": "Home",
        "countryCode": "",
        "domains": [],
    })
}

fn subscription(call: &Call) -> Value {
    let id = &call.app.instance.subscription;
    json!({
        "id": format!("/subscriptions/{id}"),
        "subscriptionId": id.as_str(),
        "tenantId": call.app.instance.tenant,
        "displayName": SUBSCRIPTION_NAME,
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
    })
}

fn location(call: &Call, scope: &str) -> Value {
    let name = &call.app.instance.location;
    json!({
        "id": format!("{scope}/locations/{name}"),
        "name": name,
        "type": "Region",
        "displayName": name,
        "regionalDisplayName": name,
        "metadata": {"regionType": "Physical", "regionCategory": "Recommended", "pairedRegion": []},
    })
}
