//! Checks what a client sends about a service.

use evergate_model::kind::service::{PROPERTIES, TIERS};
use evergate_model::kind::{Violation, accept};
use evergate_model::{Properties, ServiceName, Sku};
use serde_json::Value;

use super::{hostname, identity};
use crate::error::ApiError;
use crate::parts::App;

/// A service body, checked.
pub(super) struct Checked {
    /// What [`evergate_model::Service::body`] holds.
    pub(super) body: Properties,
    /// Secrets of certificates, to be kept apart.
    pub(super) certificates: Properties,
}

/// Checks the properties, identity and zones of a service.
pub(super) fn body(
    app: &App,
    name: &ServiceName,
    request: &mut Properties,
    existing: Option<&Properties>,
) -> Result<Checked, ApiError> {
    let given = match request.remove("properties") {
        Some(Value::Object(given)) => given,
        None | Some(Value::Null) => Properties::new(),
        Some(_) => {
            return Err(ApiError::invalid("properties", "'properties' is not valid: it is an object."));
        }
    };
    if given.get("restore").and_then(Value::as_bool) == Some(true) {
        return Err(ApiError::bad_request(
            "UndeleteNotSupported",
            "A deleted service's configuration is not kept here. Create the service and restore a backup into it.",
        ));
    }
    let mut properties = accept(PROPERTIES, given).map_err(ApiError::validation)?.properties;
    properties
        .entry("notificationSenderEmail")
        .or_insert_with(|| "apimgmt-noreply@mail.windowsazure.com".into());
    let certificates = hostname::strip(&mut properties, &(app.instance.gateway_url)(name));
    let mut body = Properties::new();
    let asked = request.remove("identity").unwrap_or_default();
    let identity = identity::settle(app, &asked, existing.and_then(|existing| existing.get("identity")))?;
    if !identity.is_null() {
        body.insert("identity".to_owned(), identity);
    }
    if let Some(zones) = request.remove("zones").filter(Value::is_array) {
        body.insert("zones".to_owned(), zones);
    }
    body.insert("properties".to_owned(), Value::Object(properties));
    Ok(Checked { body, certificates })
}

/// Checks a tier and its units.
pub(super) fn sku(given: &Value) -> Result<Sku, ApiError> {
    let names = || TIERS.iter().map(|tier| tier.name).collect::<Vec<_>>().join(", ");
    let name = given.get("name").and_then(Value::as_str).ok_or_else(|| {
        ApiError::invalid(
            "sku.name",
            format!("Required property 'sku.name' was not given: it is one of {}.", names()),
        )
    })?;
    let tier = TIERS.iter().find(|tier| tier.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        ApiError::invalid("sku.name", format!("'{name}' is not a SKU: it is one of {}.", names()))
    })?;
    let capacity = match given.get("capacity") {
        None | Some(Value::Null) => Some(u64::from(tier.min)),
        // az sends a capacity of 1 with every SKU.
        Some(_) if tier.max == 0 => Some(0),
        Some(capacity) => capacity.as_u64(),
    };
    let capacity = capacity.and_then(|capacity| u32::try_from(capacity).ok());
    match capacity.filter(|capacity| (tier.min..=tier.max).contains(capacity)) {
        Some(capacity) => Ok(Sku { name: tier.name.to_owned(), capacity }),
        None => Err(ApiError::invalid(
            "sku.capacity",
            format!("'sku.capacity' is not valid: {} takes {} to {} units.", tier.name, tier.min, tier.max),
        )),
    }
}

/// Checks tags: texts by name.
pub(super) fn tags(given: Value) -> Result<Properties, ApiError> {
    match given {
        Value::Null => Ok(Properties::new()),
        Value::Object(tags) => {
            let violations: Vec<Violation> = tags
                .iter()
                .filter(|(_, value)| !value.is_string())
                .map(|(name, _)| Violation {
                    target: format!("tags.{name}"),
                    message: format!("The tag '{name}' is not valid: it is a text."),
                })
                .collect();
            if violations.is_empty() { Ok(tags) } else { Err(ApiError::validation(violations)) }
        }
        _ => Err(ApiError::invalid("tags", "'tags' is not valid: it is an object.")),
    }
}
