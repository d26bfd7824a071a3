//! A service's managed identity: its ids are made once and stay.

use evergate_model::Properties;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::parts::App;

/// The identity to store, given the one asked for and the one there is.
pub(super) fn settle(app: &App, asked: &Value, existing: Option<&Value>) -> Result<Value, ApiError> {
    if asked.is_null() {
        return Ok(existing.cloned().unwrap_or_default());
    }
    let kinds = ["SystemAssigned", "UserAssigned", "SystemAssigned, UserAssigned", "None"];
    let kind = asked.get("type").and_then(Value::as_str).unwrap_or_default();
    let kind = kinds.iter().find(|known| known.replace(' ', "").eq_ignore_ascii_case(&kind.replace(' ', "")));
    let kind = kind.ok_or_else(|| {
        ApiError::invalid("identity.type", format!("'identity.type' is one of {}.", kinds.join("; ")))
    })?;
    if *kind == "None" {
        return Ok(Value::Null);
    }
    let mut identity = Properties::new();
    identity.insert("type".to_owned(), (*kind).into());
    if kind.contains("SystemAssigned") {
        let principal = existing
            .and_then(|existing| existing.get("principalId")?.as_str())
            .map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned);
        identity.insert("principalId".to_owned(), principal.into());
        identity.insert("tenantId".to_owned(), app.instance.tenant.as_str().into());
    }
    if kind.contains("UserAssigned") {
        let given =
            asked.get("userAssignedIdentities").and_then(Value::as_object).cloned().unwrap_or_default();
        let named =
            given.into_iter().map(|(id, value)| (id, if value.is_null() { json!({}) } else { value }));
        identity.insert("userAssignedIdentities".to_owned(), Value::Object(named.collect()));
    }
    Ok(Value::Object(identity))
}
