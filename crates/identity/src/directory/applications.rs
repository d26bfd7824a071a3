//! Registering applications, giving them secrets, and consenting to what they ask for.

use std::sync::Arc;

use evergate_model::Secret;
use jiff::Timestamp;
use url::Url;

use super::{ChangeError, Directory, DirectoryError};
use crate::objects::{
    AZURE_CLI, AZURE_POWERSHELL, Application, ApplicationId, ApplicationKind, COMMAND_LINE, Credential,
    Grant, MANAGEMENT_API, ObjectId, Permission, TenantId, USER_IMPERSONATION, USER_IMPERSONATION_ID,
};
use crate::random;
use crate::state::{APPLICATIONS, ASSIGNMENTS, GRANTS, application_key};

/// What an application is registered with.
#[derive(Debug, Clone)]
pub struct NewApplication {
    /// What people call it.
    pub display_name: String,
    /// Whether it can keep a secret.
    pub kind: ApplicationKind,
    /// Where sign-ins may return to.
    pub redirect_uris: Vec<String>,
    /// What it asks for.
    pub permissions: Vec<Permission>,
}

/// A fresh client secret, shown once.
#[derive(Debug, Clone)]
pub struct NewSecret {
    /// What is kept of it.
    pub credential: Credential,
    /// The secret.
    pub secret: Secret,
}

impl Directory {
    /// Registers an application. It gets no tokens until it has a service principal and consent.
    pub async fn register(
        &self,
        tenant: TenantId,
        new: NewApplication,
    ) -> Result<Arc<Application>, ChangeError> {
        let application = Application {
            id: ApplicationId::random(),
            object_id: ObjectId::random(),
            service_principal: None,
            tenant,
            display_name: new.display_name,
            kind: new.kind,
            redirect_uris: new.redirect_uris,
            credentials: Vec::new(),
            permissions: new.permissions,
            enabled: true,
            built_in: false,
            created_at: self.now(),
        };
        self.check(&application)?;
        Ok(self.put_application(application).await?)
    }

    /// The tenant's applications, by display name.
    pub fn applications(&self, tenant: TenantId) -> Vec<Arc<Application>> {
        let state = self.state();
        let mut applications: Vec<_> =
            state.applications.values().filter(|application| application.tenant == tenant).cloned().collect();
        applications.sort_by(|a, b| (&a.display_name, a.id).cmp(&(&b.display_name, b.id)));
        applications
    }

    /// One application by its (client) id.
    pub fn application(&self, tenant: TenantId, id: ApplicationId) -> Result<Arc<Application>, ChangeError> {
        let found = self.state().application(tenant, id).cloned();
        found.ok_or_else(|| ChangeError::NotFound(format!("application '{id}'")))
    }

    /// The application that acts as a service principal.
    pub fn service_principal(&self, tenant: TenantId, id: ObjectId) -> Result<Arc<Application>, ChangeError> {
        let found = self.state().by_service_principal(id).cloned();
        let found = found.filter(|application| application.tenant == tenant);
        found.ok_or_else(|| ChangeError::NotFound(format!("service principal '{id}'")))
    }

    /// Changes an application that is not built in.
    pub async fn edit_application(
        &self,
        tenant: TenantId,
        id: ApplicationId,
        edit: impl FnOnce(&mut Application),
    ) -> Result<Arc<Application>, ChangeError> {
        let turn = self.turn().await;
        let before = self.application(tenant, id)?;
        if before.built_in {
            return Err(ChangeError::Invalid(format!(
                "'{}' is built in and does not change",
                before.display_name
            )));
        }
        let mut application = Application::clone(&before);
        edit(&mut application);
        self.check(&application)?;
        self.store(APPLICATIONS, &application_key(tenant, id), &application).await?;
        let application = Arc::new(application);
        let changed = Arc::clone(&application);
        self.replace(&turn, |state| {
            state.applications.insert((tenant, id), changed);
        });
        Ok(application)
    }

    /// Deletes an application with its consent and role assignments; its tokens stop working at once.
    pub async fn delete_application(&self, tenant: TenantId, id: ApplicationId) -> Result<(), ChangeError> {
        let turn = self.turn().await;
        let application = self.application(tenant, id)?;
        if application.built_in {
            let message = format!("'{}' is built in and cannot be deleted", application.display_name);
            return Err(ChangeError::Invalid(message));
        }
        let state = self.state();
        let grants: Vec<_> = state
            .grants
            .values()
            .filter(|grant| grant.tenant == tenant && (grant.client == id || grant.resource == id))
            .map(|grant| grant.id)
            .collect();
        let principal = application.service_principal.map(|id| id.to_string());
        let assignments: Vec<_> = state
            .assignments
            .values()
            .filter(|assignment| Some(&assignment.principal) == principal.as_ref())
            .map(|assignment| assignment.id)
            .collect();
        self.records.take(APPLICATIONS, &application_key(tenant, id)).await?;
        for grant in &grants {
            self.records.take(GRANTS, &grant.to_string()).await?;
        }
        for assignment in &assignments {
            self.records.take(ASSIGNMENTS, &assignment.to_string()).await?;
        }
        self.replace(&turn, |state| {
            state.applications.remove(&(tenant, id));
            state.grants.retain(|id, _| !grants.contains(id));
            state.assignments.retain(|id, _| !assignments.contains(id));
        });
        Ok(())
    }

    /// Gives an application its service principal, if it has none.
    pub async fn ensure_service_principal(
        &self,
        tenant: TenantId,
        id: ApplicationId,
    ) -> Result<Arc<Application>, ChangeError> {
        let application = self.application(tenant, id)?;
        if application.service_principal.is_some() {
            return Ok(application);
        }
        self.edit_application(tenant, id, |application| {
            application.service_principal.get_or_insert_with(ObjectId::random);
        })
        .await
    }

    /// Makes a secret for a confidential application.
    pub async fn add_secret(
        &self,
        tenant: TenantId,
        id: ApplicationId,
        display_name: &str,
        expires_at: Option<Timestamp>,
    ) -> Result<NewSecret, ChangeError> {
        let application = self.application(tenant, id)?;
        if application.kind == ApplicationKind::Native {
            let message =
                format!("application '{}' is native: it cannot keep a secret", application.display_name);
            return Err(ChangeError::Invalid(message));
        }
        let now = self.now();
        let secret = Secret::new(random::token());
        let credential = Credential {
            id: ObjectId::random(),
            display_name: display_name.to_owned(),
            hint: secret.expose()[..3].to_owned(),
            hash: self.passwords.hash(&secret).await?,
            created_at: now,
            expires_at: expires_at.unwrap_or(now + self.config().lifetimes.client_secret),
        };
        let added = credential.clone();
        self.edit_application(tenant, id, |application| application.credentials.push(added)).await?;
        Ok(NewSecret { credential, secret })
    }

    /// Removes a secret by its id.
    pub async fn remove_secret(
        &self,
        tenant: TenantId,
        id: ApplicationId,
        secret: ObjectId,
    ) -> Result<(), ChangeError> {
        let application = self.application(tenant, id)?;
        if !application.credentials.iter().any(|credential| credential.id == secret) {
            return Err(ChangeError::NotFound(format!("secret '{secret}'")));
        }
        let remove =
            |application: &mut Application| application.credentials.retain(|known| known.id != secret);
        self.edit_application(tenant, id, remove).await.map(|_| ())
    }

    /// Consents, for everybody in the tenant, to an application's use of an API.
    pub async fn grant(
        &self,
        tenant: TenantId,
        client: ApplicationId,
        resource: ApplicationId,
        scopes: &[String],
    ) -> Result<Arc<Grant>, ChangeError> {
        self.ensure_service_principal(tenant, client).await?;
        self.application(tenant, resource)?;
        if let Some(unknown) =
            scopes.iter().find(|scope| resource != MANAGEMENT_API || scope.as_str() != USER_IMPERSONATION)
        {
            return Err(ChangeError::Invalid(format!("the API has no delegated permission '{unknown}'")));
        }
        let turn = self.turn().await;
        let state = self.state();
        let before = state
            .grants
            .values()
            .find(|grant| grant.tenant == tenant && grant.client == client && grant.resource == resource);
        let mut grant = match before {
            Some(grant) => Grant::clone(grant),
            None => Grant { id: ObjectId::random(), tenant, client, resource, scopes: Vec::new() },
        };
        for scope in scopes {
            if !grant.scopes.contains(scope) {
                grant.scopes.push(scope.clone());
            }
        }
        self.store(GRANTS, &grant.id.to_string(), &grant).await?;
        let grant = Arc::new(grant);
        let added = Arc::clone(&grant);
        self.replace(&turn, |state| {
            state.grants.insert(added.id, added);
        });
        Ok(grant)
    }

    /// The tenant's consents.
    pub fn grants(&self, tenant: TenantId) -> Vec<Arc<Grant>> {
        self.state().grants.values().filter(|grant| grant.tenant == tenant).cloned().collect()
    }

    /// Withdraws a consent.
    pub async fn revoke_grant(&self, tenant: TenantId, id: ObjectId) -> Result<(), ChangeError> {
        let turn = self.turn().await;
        if self.state().grants.get(&id).is_none_or(|grant| grant.tenant != tenant) {
            return Err(ChangeError::NotFound(format!("grant '{id}'")));
        }
        self.records.take(GRANTS, &id.to_string()).await?;
        self.replace(&turn, |state| {
            state.grants.remove(&id);
        });
        Ok(())
    }

    /// The management API and the clients every tenant knows, with consent for them.
    pub(crate) async fn add_built_in_applications(&self, tenant: TenantId) -> Result<(), ChangeError> {
        let loopback = || vec!["http://localhost".to_owned()];
        for (id, name, redirect_uris) in [
            (MANAGEMENT_API, "Service Management API", Vec::new()),
            (COMMAND_LINE, "Evergate command line", loopback()),
            (AZURE_CLI, "Azure CLI", loopback()),
            (AZURE_POWERSHELL, "Azure PowerShell", loopback()),
        ] {
            if self.state().application(tenant, id).is_none() {
                let application = built_in(tenant, id, name, redirect_uris, self.now());
                self.put_application(application).await?;
            }
            if id != MANAGEMENT_API {
                self.grant(tenant, id, MANAGEMENT_API, &[USER_IMPERSONATION.to_owned()]).await?;
            }
        }
        Ok(())
    }

    async fn put_application(&self, application: Application) -> Result<Arc<Application>, DirectoryError> {
        let turn = self.turn().await;
        let key = (application.tenant, application.id);
        self.store(APPLICATIONS, &application_key(key.0, key.1), &application).await?;
        let application = Arc::new(application);
        let added = Arc::clone(&application);
        self.replace(&turn, |state| {
            state.applications.insert(key, added);
        });
        Ok(application)
    }

    fn check(&self, application: &Application) -> Result<(), ChangeError> {
        if !self.state().tenants.contains_key(&application.tenant) {
            return Err(ChangeError::NotFound(format!("tenant '{}'", application.tenant)));
        }
        let name = application.display_name.trim();
        if name.is_empty() || name.chars().count() > 120 || name.chars().any(char::is_control) {
            return Err(ChangeError::Invalid(
                "a display name takes 1 to 120 printable characters".to_owned(),
            ));
        }
        application.redirect_uris.iter().try_for_each(|uri| check_redirect_uri(uri))?;
        match application.permissions.iter().find(|permission| {
            permission.resource != MANAGEMENT_API || permission.scope != USER_IMPERSONATION_ID
        }) {
            None => Ok(()),
            Some(unknown) => Err(ChangeError::Invalid(format!(
                "API '{}' has no delegated permission '{}'; the service-management API '{MANAGEMENT_API}' has \
                 '{USER_IMPERSONATION}' ({USER_IMPERSONATION_ID})",
                unknown.resource, unknown.scope
            ))),
        }
    }
}

fn built_in(
    tenant: TenantId,
    id: ApplicationId,
    name: &str,
    redirect_uris: Vec<String>,
    now: Timestamp,
) -> Application {
    Application {
        id,
        object_id: ObjectId::random(),
        service_principal: Some(ObjectId::random()),
        tenant,
        display_name: name.to_owned(),
        kind: ApplicationKind::Native,
        redirect_uris,
        credentials: Vec::new(),
        permissions: Vec::new(),
        enabled: true,
        built_in: true,
        created_at: now,
    }
}

/// A redirect URI is absolute, has no fragment (RFC 6749, 3.1.2) and no scheme that runs in the page.
fn check_redirect_uri(uri: &str) -> Result<(), ChangeError> {
    let invalid = |reason: &str| Err(ChangeError::Invalid(format!("the redirect URI '{uri}' {reason}")));
    let Ok(url) = Url::parse(uri) else { return invalid("is not an absolute URI") };
    match url.scheme() {
        "javascript" | "data" | "vbscript" | "file" | "blob" | "about" => {
            invalid("has a scheme that is not allowed")
        }
        _ if url.fragment().is_some() => invalid("has a fragment"),
        _ if !url.username().is_empty() || url.password().is_some() => invalid("has credentials in it"),
        _ if uri.contains('*') => invalid("has a wildcard; register each URI"),
        _ if uri.len() > 1024 || uri.chars().any(|c| c.is_control() || c.is_whitespace()) => {
            invalid("is too long or has blanks in it")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::check_redirect_uri;

    #[test]
    fn redirect_uris_cannot_run_or_hide_anything() {
        for (uri, good) in [
            ("http://resources", true),
            ("http://localhost", true),
            ("https://example.org/callback?a=b", true),
            ("com.example.app:/signin", true),
            ("/relative", false),
            ("javascript:alert(1)", false),
            ("data:text/html,x", false),
            ("https://example.org/#x", false),
            ("https://user@example.org/", false),
            ("https://*.example.org/", false),
        ] {
            assert_eq!(check_redirect_uri(uri).is_ok(), good, "{uri}");
        }
    }
}
