//! Products: approval and limits only make sense where a subscription is required.

use evergate_model::{Properties, ResourcePath, Secrets};
use evergate_store::{Edit, IfMatch};
use serde_json::Value;

use crate::engine::Draft;
use crate::error::ApiError;

pub(super) fn prepare(draft: &mut Draft<'_>) -> Result<(), ApiError> {
    let required = draft.properties.get("subscriptionRequired").and_then(Value::as_bool).unwrap_or(true);
    if required {
        draft.default("approvalRequired", false);
    } else {
        let wants_approval = draft.properties.get("approvalRequired").and_then(Value::as_bool) == Some(true);
        for (name, given) in [
            ("approvalRequired", wants_approval),
            ("subscriptionsLimit", draft.properties.contains_key("subscriptionsLimit")),
        ] {
            if given && draft.given.contains_key(name) {
                return Err(ApiError::invalid(
                    name,
                    format!("'{name}' can be given only if 'subscriptionRequired' is true."),
                ));
            }
            draft.properties.shift_remove(name);
        }
    }
    if draft.existing.is_none() {
        // Administrators see every product.
        let path: ResourcePath = draft.located.stored.child("groups", "administrators")?;
        draft.after.push(Edit::Put {
            path,
            properties: Properties::new(),
            secrets: Secrets::default(),
            if_match: IfMatch::None,
        });
    }
    Ok(())
}
