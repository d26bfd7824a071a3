//! `PUT` of a service: creates it with its built-in resources, or updates all of it.

use axum::response::Response;
use evergate_model::{Properties, ResourcePath, Secrets, Service, ServiceId};
use evergate_store::{Edit, IfMatch, NewService, ServiceEdit, StoreError};
use http::StatusCode;
use serde_json::{Value, json};

use super::{deleted, hostname, location, show, validate};
use crate::arm;
use crate::call::{self, Call, with_etag};
use crate::error::{ApiError, internal};
use crate::parts::App;
use crate::version::ApiVersion;

/// Creates or updates a service.
pub(super) async fn put(call: &Call, id: &ServiceId, _: ApiVersion) -> Result<Response, ApiError> {
    let app = &call.app;
    arm::group::require(app, &id.subscription, &id.resource_group).await?;
    let mut request = call.object()?;
    let given = request.remove("location").and_then(|value| value.as_str().map(str::to_owned));
    let given = given.filter(|location| !location.is_empty()).ok_or_else(|| {
        ApiError::bad_request("LocationRequired", "The location property is required for this definition.")
    })?;
    location::check(&given, &app.instance.location)?;
    let sku = validate::sku(&request.remove("sku").unwrap_or_default())?;
    let tags = validate::tags(request.remove("tags").unwrap_or_default())?;
    let existing = app.store.service(id).await?;
    let checked =
        validate::body(app, &id.name, &mut request, existing.as_ref().map(|service| &service.body))?;
    hostname::unclaimed(app, id, &checked.body).await?;
    let (status, service) = if existing.is_some() {
        let edit = ServiceEdit {
            if_match: call.if_match(),
            sku: Some(sku),
            tags: Some(tags),
            body: Some(checked.body),
        };
        (StatusCode::OK, app.store.update_service(id, edit).await?)
    } else {
        let location = app.instance.location.clone();
        let edits = built_in(app, &checked.body)?;
        let new = NewService { id: id.clone(), location, sku, tags, body: checked.body };
        (StatusCode::CREATED, create(call, new, edits).await?)
    };
    // Last: a refused request, as while a backup runs, must not have changed a live host's certificate.
    hostname::keep(app, id, checked.certificates).await?;
    Ok(with_etag(call::json(status, &show(app, &service)), &service.etag))
}

async fn create(call: &Call, new: NewService, edits: Vec<Edit>) -> Result<Service, ApiError> {
    let id = new.id.clone();
    let service = call.app.store.create_service(new, edits).await.map_err(|error| match error {
        StoreError::Conflict(_) => ApiError::conflict(
            "ServiceAlreadyExists",
            format!("Api service already exists: '{}' is taken. Choose another name.", id.name),
        ),
        other => other.into(),
    })?;
    deleted::forget(&call.app, &id).await?;
    Ok(service)
}

/// What a new service holds: the system groups, the administrator and the all-access subscription.
///
/// The original also makes sample products and an Echo API in some tiers; a service that a backup is to be
/// restored into, or that is described in files, is better empty.
fn built_in(app: &App, body: &Properties) -> Result<Vec<Edit>, ApiError> {
    let now = app.now().to_string();
    let email = body["properties"]["publisherEmail"].as_str().unwrap_or_default();
    let mut edits = Vec::new();
    let mut put = |path: &str, properties: Value, secrets: Value| {
        let (Value::Object(properties), Value::Object(secrets)) = (properties, secrets) else {
            return Ok(());
        };
        let path = ResourcePath::parse(path).map_err(|error| internal(&error))?;
        edits.push(Edit::Put { path, properties, secrets: Secrets(secrets), if_match: IfMatch::None });
        Ok::<(), ApiError>(())
    };
    for (name, title, description) in [
        ("administrators", "Administrators", "Manage the service: its APIs, products and users."),
        ("developers", "Developers", "Use the APIs of the products they subscribe to."),
        ("guests", "Guests", "Visit the developer portal without signing in."),
    ] {
        let group =
            json!({"displayName": title, "description": description, "builtIn": true, "type": "system"});
        put(&format!("/groups/{name}"), group, json!({}))?;
    }
    let administrator = json!({
        "firstName": "Administrator", "lastName": "Account", "email": email, "state": "active",
        "registrationDate": now,
        "identities": [{"provider": "Azure", "id": email}],
    });
    put("/users/1", administrator, json!({}))?;
    put("/groups/administrators/users/1", json!({}), json!({}))?;
    put("/groups/developers/users/1", json!({}), json!({}))?;
    let master = json!({
        "displayName": "Built-in all-access subscription", "scope": "/", "state": "active", "allowTracing": false,
        "createdDate": now,
    });
    let keys = json!({
        "primaryKey": (app.instance.key)().expose(),
        "secondaryKey": (app.instance.key)().expose(),
    });
    put("/subscriptions/master", master, keys)?;
    Ok(edits)
}
