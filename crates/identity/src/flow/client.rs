//! Which application asks, and whether it proves to be that.

use std::sync::Arc;

use evergate_model::Secret;

use super::Asked;
use crate::directory::{Directory, DirectoryError};
use crate::objects::{Application, ApplicationKind, TenantId};
use crate::problem::TokenProblem;

impl Directory {
    /// The application the request names; nothing is proven yet.
    pub(super) fn named_client(
        &self,
        tenant: TenantId,
        asked: &Asked,
    ) -> Result<Arc<Application>, TokenProblem> {
        let named = match (asked.form.get("client_id"), &asked.basic) {
            (Some(named), Some((basic, _))) if named != basic => {
                return Err(TokenProblem::malformed(
                    "the form and the 'Authorization' header name two clients",
                ));
            }
            (Some(named), _) => named,
            (None, Some((basic, _))) => basic,
            (None, None) => return Err(TokenProblem::missing("client_id")),
        };
        let id = named.parse().ok();
        let found = id.and_then(|id| self.state().application(tenant, id).cloned());
        let unknown =
            || TokenProblem::application(&named.chars().take(80).collect::<String>(), &tenant.to_string());
        let application =
            found.filter(|application| application.service_principal.is_some()).ok_or_else(unknown)?;
        if application.enabled {
            Ok(application)
        } else {
            Err(TokenProblem::disabled(&application.display_name))
        }
    }

    /// An application that proved itself with its secret.
    pub(super) async fn confidential_client(
        &self,
        tenant: TenantId,
        asked: &Asked,
    ) -> Result<Arc<Application>, TokenProblem> {
        let application = self.named_client(tenant, asked)?;
        if application.kind == ApplicationKind::Native {
            return Err(TokenProblem::public_client(&application.id.to_string()));
        }
        self.check_secret(&application, asked).await?;
        Ok(application)
    }

    /// The client of a flow that acts for a person: a native one needs no secret, a confidential one does.
    pub(super) async fn acting_client(
        &self,
        tenant: TenantId,
        asked: &Asked,
    ) -> Result<Arc<Application>, TokenProblem> {
        let application = self.named_client(tenant, asked)?;
        match application.kind {
            ApplicationKind::Native if given_secret(asked).is_some() => {
                Err(TokenProblem::public_client(&application.id.to_string()))
            }
            ApplicationKind::Native => Ok(application),
            ApplicationKind::Confidential => {
                self.check_secret(&application, asked).await?;
                Ok(application)
            }
        }
    }

    async fn check_secret(&self, application: &Application, asked: &Asked) -> Result<(), TokenProblem> {
        let secret = given_secret(asked).ok_or_else(TokenProblem::no_secret)?;
        let failed = |error| TokenProblem::from(DirectoryError::from(error));
        let known = application
            .credentials
            .iter()
            .find(|credential| self.passwords.remembers(secret, &credential.hash));
        let attempt = format!("application:{}:{}", application.tenant, application.id);
        let mut right = known;
        if right.is_none() {
            self.attempts.check(&attempt, asked.from, self.now()).map_err(TokenProblem::locked)?;
            for credential in &application.credentials {
                if self.passwords.verify(secret, &credential.hash).await.map_err(failed)? {
                    right = Some(credential);
                    break;
                }
            }
        }
        let Some(credential) = right else {
            self.attempts.failed(&attempt, asked.from, self.now());
            return Err(TokenProblem::wrong_secret(&application.id.to_string()));
        };
        self.attempts.succeeded(&attempt, asked.from);
        if credential.expires_at <= self.now() {
            return Err(TokenProblem::expired_secret(&application.id.to_string()));
        }
        Ok(())
    }
}

fn given_secret(asked: &Asked) -> Option<&Secret> {
    asked.form.secret("client_secret").or_else(|| asked.basic.as_ref().map(|(_, secret)| secret))
}
