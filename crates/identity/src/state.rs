//! Everything a request is checked against, in memory. A write replaces the whole with a changed copy, whose
//! members are shared with the one before.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::assignment::{Forbidden, RoleAssignment, covers};
use crate::directory::DirectoryError;
use crate::keys::{KeyRing, SigningKey};
use crate::objects::{Application, ApplicationId, AssignmentId, Grant, ObjectId, Tenant, TenantId, User};
use crate::records::Records;
use crate::role::RoleDefinition;
use crate::verify::{Principal, PrincipalKind};

pub(crate) const TENANTS: &str = "directory/tenants";
pub(crate) const APPLICATIONS: &str = "directory/applications";
pub(crate) const USERS: &str = "directory/users";
pub(crate) const GRANTS: &str = "directory/grants";
pub(crate) const ASSIGNMENTS: &str = "directory/roleAssignments";
pub(crate) const KEYS: &str = "directory/keys";
/// Single documents: the page key, the mark that the first start is done.
pub(crate) const SINGLE: &str = "directory/state";

#[derive(Clone, Default)]
pub(crate) struct State {
    pub(crate) tenants: BTreeMap<TenantId, Arc<Tenant>>,
    pub(crate) applications: BTreeMap<(TenantId, ApplicationId), Arc<Application>>,
    pub(crate) users: BTreeMap<ObjectId, Arc<User>>,
    pub(crate) grants: BTreeMap<ObjectId, Arc<Grant>>,
    pub(crate) assignments: BTreeMap<AssignmentId, Arc<RoleAssignment>>,
    pub(crate) keys: KeyRing,
    /// Assignments by the principal's object id, of whatever tenant.
    by_principal: HashMap<String, Vec<Arc<RoleAssignment>>>,
    service_principals: HashMap<ObjectId, (TenantId, ApplicationId)>,
}

/// The key of an application's document: client ids are unique in a tenant only.
pub(crate) fn application_key(tenant: TenantId, id: ApplicationId) -> String {
    format!("{tenant}/{id}")
}

impl State {
    pub(crate) async fn load(records: &dyn Records) -> Result<Self, DirectoryError> {
        let mut state = Self::default();
        for tenant in all::<Tenant>(records, TENANTS).await? {
            state.tenants.insert(tenant.id, Arc::new(tenant));
        }
        for application in all::<Application>(records, APPLICATIONS).await? {
            state.applications.insert((application.tenant, application.id), Arc::new(application));
        }
        for user in all::<User>(records, USERS).await? {
            state.users.insert(user.id, Arc::new(user));
        }
        for grant in all::<Grant>(records, GRANTS).await? {
            state.grants.insert(grant.id, Arc::new(grant));
        }
        for assignment in all::<RoleAssignment>(records, ASSIGNMENTS).await? {
            state.assignments.insert(assignment.id, Arc::new(assignment));
        }
        let mut keys = Vec::new();
        for (_, stored) in records.list(KEYS).await? {
            keys.push(Arc::new(SigningKey::read(&stored)?));
        }
        state.keys = KeyRing::new(keys);
        state.index();
        Ok(state)
    }

    /// Rebuilds what is derived. Called after every change.
    pub(crate) fn index(&mut self) {
        self.by_principal.clear();
        for assignment in self.assignments.values() {
            self.by_principal.entry(assignment.principal.clone()).or_default().push(Arc::clone(assignment));
        }
        self.service_principals = self
            .applications
            .iter()
            .filter_map(|(key, application)| Some((application.service_principal?, *key)))
            .collect();
    }

    /// The tenant that `common` and `organizations` mean: the oldest.
    pub(crate) fn default_tenant(&self) -> Option<&Arc<Tenant>> {
        self.tenants.values().min_by_key(|tenant| (tenant.created_at, tenant.id))
    }

    pub(crate) fn application(&self, tenant: TenantId, id: ApplicationId) -> Option<&Arc<Application>> {
        self.applications.get(&(tenant, id))
    }

    /// The application that acts as a service principal.
    pub(crate) fn by_service_principal(&self, id: ObjectId) -> Option<&Arc<Application>> {
        self.applications.get(self.service_principals.get(&id)?)
    }

    pub(crate) fn user_named(&self, tenant: TenantId, name: &str) -> Option<&Arc<User>> {
        self.users.values().find(|user| user.tenant == tenant && user.user_name.eq_ignore_ascii_case(name))
    }

    /// Whether an administrator granted the client a permission.
    pub(crate) fn is_granted(
        &self,
        tenant: TenantId,
        client: ApplicationId,
        resource: ApplicationId,
        scope: &str,
    ) -> bool {
        self.grants.values().any(|grant| {
            grant.tenant == tenant
                && grant.client == client
                && grant.resource == resource
                && grant.scopes.iter().any(|granted| granted == scope)
        })
    }

    /// Whether a principal of this directory still exists and is enabled.
    pub(crate) fn is_alive(&self, principal: &Principal) -> bool {
        let Ok(id) = principal.object_id.parse() else { return false };
        match principal.kind {
            PrincipalKind::User => self
                .users
                .get(&id)
                .is_some_and(|user| user.enabled && principal.tenant == user.tenant.to_string()),
            PrincipalKind::Application => self.by_service_principal(id).is_some_and(|application| {
                application.enabled && principal.tenant == application.tenant.to_string()
            }),
        }
    }

    pub(crate) fn authorize(
        &self,
        principal: &Principal,
        action: &str,
        scope: &str,
    ) -> Result<(), Forbidden> {
        let assignments = self.by_principal.get(&principal.object_id).map_or(&[][..], Vec::as_slice);
        let allowed = assignments.iter().any(|assignment| {
            assignment.tenant == principal.tenant
                && covers(&assignment.scope, scope)
                && RoleDefinition::by_id(assignment.role).is_some_and(|role| role.allows(action))
        });
        if allowed { Ok(()) } else { Err(Forbidden::new(principal, action, scope)) }
    }
}

async fn all<T: DeserializeOwned>(records: &dyn Records, collection: &str) -> Result<Vec<T>, DirectoryError> {
    let stored = records.list(collection).await?;
    stored.into_iter().map(|(key, value)| read(collection, &key, &value)).collect()
}

/// Reads a stored document.
pub(crate) fn read<T: DeserializeOwned>(
    collection: &str,
    key: &str,
    value: &[u8],
) -> Result<T, DirectoryError> {
    serde_json::from_slice(value).map_err(|error| DirectoryError::Damaged {
        document: format!("{collection}/{key}"),
        reason: error.to_string(),
    })
}
