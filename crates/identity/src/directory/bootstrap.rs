//! The first start: a tenant, an application and a person who own everything.

use evergate_model::Secret;
use uuid::Uuid;

use super::applications::NewApplication;
use super::assignments::NewAssignment;
use super::{ChangeError, Directory};
use crate::objects::{
    ApplicationId, ApplicationKind, AssignmentId, MANAGEMENT_API, ObjectId, Permission, RoleId, TenantId,
    USER_IMPERSONATION, USER_IMPERSONATION_ID,
};
use crate::random;
use crate::role::RoleDefinition;
use crate::state::SINGLE;

/// The mark that the first start was completed, with what it made.
const MARK: &str = "bootstrap";
/// The first person's sign-in name.
const ADMINISTRATOR: &str = "admin@evergate.localhost";

/// What the first start made. The two secrets are shown here and never again.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The owner application's (client) id.
    pub application_id: ApplicationId,
    /// Its secret.
    pub client_secret: Secret,
    /// The first person's sign-in name.
    pub user_name: String,
    /// The person's password.
    pub password: Secret,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mark {
    tenant: TenantId,
    application: ApplicationId,
    user: ObjectId,
}

impl Directory {
    /// Makes tenant, owner application and administrator, unless that was done before. A first start that was
    /// cut short is begun anew.
    pub async fn bootstrap(&self) -> Result<Option<Bootstrap>, ChangeError> {
        if self.records.get(SINGLE, MARK).await?.is_some() {
            return Ok(None);
        }
        let tenant = match self.tenants().first() {
            Some(tenant) => tenant.id,
            None => self.create_tenant("Evergate").await?.id,
        };
        self.add_built_in_applications(tenant).await?;
        for leftover in self.applications(tenant).iter().filter(|application| !application.built_in) {
            self.delete_application(tenant, leftover.id).await?;
        }
        for leftover in self.users(tenant) {
            self.delete_user(tenant, leftover.id).await?;
        }
        let new = NewApplication {
            display_name: "Evergate owner".to_owned(),
            kind: ApplicationKind::Confidential,
            redirect_uris: vec!["http://localhost".to_owned()],
            permissions: vec![Permission { resource: MANAGEMENT_API, scope: USER_IMPERSONATION_ID }],
        };
        let application = self.register(tenant, new).await?.id;
        self.grant(tenant, application, MANAGEMENT_API, &[USER_IMPERSONATION.to_owned()]).await?;
        let client_secret = self.add_secret(tenant, application, "first start", None).await?.secret;
        let password = Secret::new(random::token());
        let user = self.create_user(tenant, ADMINISTRATOR, "Administrator", &password).await?.id;
        let principal = self.application(tenant, application)?.service_principal;
        for owner in principal.into_iter().chain([user]) {
            self.own_everything(tenant, owner).await?;
        }
        self.store(SINGLE, MARK, &Mark { tenant, application, user }).await?;
        Ok(Some(Bootstrap {
            tenant_id: tenant,
            application_id: application,
            client_secret,
            user_name: ADMINISTRATOR.to_owned(),
            password,
        }))
    }

    /// Gives the first start's application a further secret and its person a new password: for whoever lost
    /// them and can still start the server. None before the first start.
    pub async fn recover_access(&self) -> Result<Option<Bootstrap>, ChangeError> {
        let Some(stored) = self.records.get(SINGLE, MARK).await? else { return Ok(None) };
        let mark: Mark = crate::state::read(SINGLE, MARK, &stored)?;
        let client_secret = self.add_secret(mark.tenant, mark.application, "recovered", None).await?.secret;
        let password = Secret::new(random::token());
        self.set_password(mark.tenant, mark.user, &password).await?;
        Ok(Some(Bootstrap {
            tenant_id: mark.tenant,
            application_id: mark.application,
            client_secret,
            user_name: self.user(mark.tenant, &mark.user.to_string())?.user_name.clone(),
            password,
        }))
    }

    async fn own_everything(&self, tenant: TenantId, principal: ObjectId) -> Result<(), ChangeError> {
        let owner = RoleDefinition::by_name("Owner").map_or(RoleId(Uuid::nil()), |role| role.id);
        let new = NewAssignment {
            id: AssignmentId::random(),
            scope: "/".to_owned(),
            role: owner,
            principal: principal.to_string(),
            tenant: tenant.to_string(),
        };
        self.assign(new).await.map(|_| ())
    }
}
