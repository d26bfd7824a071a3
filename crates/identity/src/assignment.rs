//! Who has which role where.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::objects::{AssignmentId, RoleId};
use crate::verify::Principal;

/// A role given to a principal on a scope and everything below it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleAssignment {
    /// Its name, a GUID the caller may choose.
    pub id: AssignmentId,
    /// The scope: `/`, `/subscriptions/…`, and further down.
    pub scope: String,
    /// The role's id.
    pub role: RoleId,
    /// The principal's object id.
    pub principal: String,
    /// The tenant whose principal it is: object ids of other issuers' tokens could be anything.
    pub tenant: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A good token without the right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{principal}' with object id '{object_id}' may not perform action '{action}' over scope '{scope}': no role \
     assigned there or above allows it"
)]
pub struct Forbidden {
    /// The action that was asked for.
    pub action: String,
    /// Where.
    pub scope: String,
    /// Who asked, by name.
    pub principal: String,
    /// Who asked, by object id.
    pub object_id: String,
}

impl Forbidden {
    pub(crate) fn new(principal: &Principal, action: &str, scope: &str) -> Self {
        Self {
            action: action.to_owned(),
            scope: scope.to_owned(),
            principal: principal.name.clone(),
            object_id: principal.object_id.clone(),
        }
    }
}

/// Whether `scope` is `assigned` or lies below it, whatever the case.
pub(crate) fn covers(assigned: &str, scope: &str) -> bool {
    let assigned = assigned.trim_end_matches('/').as_bytes();
    let scope = scope.trim_end_matches('/').as_bytes();
    scope.len() >= assigned.len()
        && scope[..assigned.len()].eq_ignore_ascii_case(assigned)
        && (scope.len() == assigned.len() || scope[assigned.len()] == b'/')
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_scope_covers_what_lies_below_it() {
        for (assigned, scope, covered) in [
            ("/", "/", true),
            ("/", "/subscriptions/s", true),
            ("/subscriptions/s", "/subscriptions/S/resourceGroups/r", true),
            ("/subscriptions/s/", "/subscriptions/s", true),
            ("/subscriptions/s", "/subscriptions/s2", false),
            ("/subscriptions/s/resourceGroups/r", "/subscriptions/s", false),
        ] {
            assert_eq!(covers(assigned, scope), covered, "{assigned} {scope}");
        }
    }
}
