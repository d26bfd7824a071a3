//! Giving and taking roles.

use std::sync::Arc;

use uuid::Uuid;

use super::{ChangeError, Directory};
use crate::assignment::RoleAssignment;
use crate::objects::{AssignmentId, RoleId};
use crate::role::RoleDefinition;
use crate::state::ASSIGNMENTS;

/// A role to give.
#[derive(Debug, Clone)]
pub struct NewAssignment {
    /// Its name; the same name again must say the same.
    pub id: AssignmentId,
    /// The scope.
    pub scope: String,
    /// The role's id.
    pub role: RoleId,
    /// The principal's object id.
    pub principal: String,
    /// The principal's tenant.
    pub tenant: String,
}

/// Ids that are GUIDs compare without case; others (of foreign issuers) exactly.
pub(crate) fn normal_id(id: &str) -> String {
    Uuid::parse_str(id).map_or_else(|_| id.to_owned(), |id| id.hyphenated().to_string())
}

impl Directory {
    /// Gives a role. The same assignment under another name is a conflict, as in the public cloud.
    pub async fn assign(&self, new: NewAssignment) -> Result<Arc<RoleAssignment>, ChangeError> {
        if RoleDefinition::by_id(new.role).is_none() {
            return Err(ChangeError::Invalid(format!("there is no role definition '{}'", new.role)));
        }
        if !new.scope.starts_with('/') || new.principal.is_empty() {
            return Err(ChangeError::Invalid("a role assignment needs a scope and a principal".to_owned()));
        }
        let scope = if new.scope == "/" { "/" } else { new.scope.trim_end_matches('/') };
        let assignment = Arc::new(RoleAssignment {
            id: new.id,
            scope: scope.to_owned(),
            role: new.role,
            principal: normal_id(&new.principal),
            tenant: normal_id(&new.tenant),
            created_at: self.now(),
        });
        let turn = self.turn().await;
        for known in self.state().assignments.values() {
            let same = known.scope.eq_ignore_ascii_case(&assignment.scope)
                && known.role == assignment.role
                && known.principal == assignment.principal
                && known.tenant == assignment.tenant;
            match (known.id == assignment.id, same) {
                (true, true) => return Ok(Arc::clone(known)),
                (true, false) => {
                    let message =
                        format!("role assignment '{}' says something else and does not change", known.id);
                    return Err(ChangeError::Conflict(message));
                }
                (false, true) => {
                    return Err(ChangeError::Conflict(format!("the role assignment ({})", known.id)));
                }
                (false, false) => {}
            }
        }
        self.store(ASSIGNMENTS, &assignment.id.to_string(), assignment.as_ref()).await?;
        let added = Arc::clone(&assignment);
        self.replace(&turn, |state| {
            state.assignments.insert(added.id, added);
        });
        Ok(assignment)
    }

    /// All role assignments.
    pub fn assignments(&self) -> Vec<Arc<RoleAssignment>> {
        self.state().assignments.values().cloned().collect()
    }

    /// Takes a role away and returns the assignment; none if there was none.
    pub async fn unassign(&self, id: AssignmentId) -> Result<Option<Arc<RoleAssignment>>, ChangeError> {
        let turn = self.turn().await;
        let found = self.state().assignments.get(&id).cloned();
        if found.is_some() {
            self.records.take(ASSIGNMENTS, &id.to_string()).await?;
            self.replace(&turn, |state| {
                state.assignments.remove(&id);
            });
        }
        Ok(found)
    }
}
