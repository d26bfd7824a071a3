//! `PATCH` of a service: SKU, tags, identity and properties, as a merge patch.

use axum::response::Response;
use evergate_model::{Properties, ServiceId};
use evergate_store::ServiceEdit;
use http::StatusCode;
use serde_json::Value;

use super::{hostname, location, require, show, validate};
use crate::call::{self, Call, with_etag};
use crate::error::ApiError;
use crate::merge::merge;
use crate::version::ApiVersion;

/// Changes what the body names and keeps the rest.
pub(super) async fn patch(call: &Call, id: &ServiceId, _: ApiVersion) -> Result<Response, ApiError> {
    let app = &call.app;
    let mut request = call.object()?;
    let service = require(app, id).await?;
    if let Some(given) = request.get("location").and_then(Value::as_str) {
        location::check(given, &service.location)?;
    }
    let sku = match request.remove("sku") {
        None | Some(Value::Null) => None,
        Some(patch) => {
            let mut sku = Properties::new();
            sku.insert("name".to_owned(), service.sku.name.as_str().into());
            if patch.get("name").is_none_or(|name| name == service.sku.name.as_str()) {
                sku.insert("capacity".to_owned(), service.sku.capacity.into());
            }
            merge(&mut sku, patch.as_object().cloned().unwrap_or_default());
            Some(validate::sku(&Value::Object(sku))?)
        }
    };
    let tags = request.remove("tags").map(validate::tags).transpose()?;
    let mut whole = service.body.clone();
    merge(&mut whole, request);
    let checked = validate::body(app, &id.name, &mut whole, Some(&service.body))?;
    hostname::unclaimed(app, id, &checked.body).await?;
    hostname::keep(app, id, checked.certificates).await?;
    let edit = ServiceEdit { if_match: call.if_match(), sku, tags, body: Some(checked.body) };
    let service = app.store.update_service(id, edit).await?;
    Ok(with_etag(call::json(StatusCode::OK, &show(app, &service)), &service.etag))
}
