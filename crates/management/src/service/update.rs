//! `PATCH` of a service: SKU, tags, identity and properties, as a merge patch.

use axum::response::Response;
use evergate_model::{Properties, Service, ServiceId};
use evergate_store::{IfMatch, ServiceEdit, StoreError};
use http::StatusCode;
use serde_json::Value;

use super::{hostname, location, require, show, validate};
use crate::call::{self, Call, with_etag};
use crate::engine::ATTEMPTS;
use crate::error::ApiError;
use crate::merge::merge;
use crate::version::ApiVersion;

/// Changes what the body names and keeps the rest. What is kept is what was last written: the patch is
/// merged anew when somebody else, or a restore, was faster.
pub(super) async fn patch(call: &Call, id: &ServiceId, _: ApiVersion) -> Result<Response, ApiError> {
    let app = &call.app;
    let given = call.if_match();
    for _ in 0..ATTEMPTS {
        let service = require(app, id).await?;
        let (mut edit, certificates) = plan(call, &service)?;
        edit.if_match = match &given {
            IfMatch::Is(etag) => IfMatch::Is(etag.clone()),
            IfMatch::None | IfMatch::Exists => IfMatch::Is(service.etag.clone()),
        };
        if let Some(body) = &edit.body {
            hostname::unclaimed(app, id, body).await?;
        }
        match app.store.update_service(id, edit).await {
            Ok(service) => {
                // Last: a refused request, as while a backup runs, must not have changed a live host's certificate.
                hostname::keep(app, id, certificates).await?;
                return Ok(with_etag(call::json(StatusCode::OK, &show(app, &service)), &service.etag));
            }
            Err(StoreError::ETagMismatch { .. }) if !matches!(given, IfMatch::Is(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Stale.into())
}

/// The service as the patch makes it, and the secrets of its certificates.
fn plan(call: &Call, service: &Service) -> Result<(ServiceEdit, Properties), ApiError> {
    let mut request = call.object()?;
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
    let checked = validate::body(&call.app, &service.id.name, &mut whole, Some(&service.body))?;
    let edit = ServiceEdit { if_match: IfMatch::None, sku, tags, body: Some(checked.body) };
    Ok((edit, checked.certificates))
}
