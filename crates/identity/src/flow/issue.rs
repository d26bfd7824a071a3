//! Writes and signs the tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use evergate_model::Secret;
use uuid::Uuid;

use super::{Tokens, Wanted};
use crate::TokenVersion;
use crate::claims::{AccessClaims, AccessRequest, IdClaims, Person, Subject, Validity};
use crate::directory::{Directory, DirectoryError};
use crate::keys::{KeyError, SigningKey};
use crate::objects::{Application, ApplicationKind, USER_IMPERSONATION, User};
use crate::problem::TokenProblem;

impl Directory {
    /// Tokens of an application in its own name.
    pub(super) fn application_tokens(
        &self,
        client: &Application,
        wanted: &Wanted,
    ) -> Result<Tokens, TokenProblem> {
        let subject = Subject {
            object_id: client.service_principal.map(|id| id.to_string()).unwrap_or_default(),
            person: None,
            application_name: client.display_name.clone(),
        };
        let request = self.request(client, wanted, None);
        self.sign(request, subject, wanted, None)
    }

    /// Tokens of a person through an application; the refresh token comes from the caller.
    pub(super) fn user_tokens(
        &self,
        client: &Application,
        user: &User,
        wanted: &Wanted,
        nonce: Option<String>,
        refresh_token: Option<Secret>,
    ) -> Result<Tokens, TokenProblem> {
        let person = || Person { user_name: user.user_name.clone(), display_name: user.display_name.clone() };
        let request = self.request(client, wanted, Some(USER_IMPERSONATION.to_owned()));
        let id_claims =
            wanted.openid.then(|| IdClaims::new(&request, &user.id.to_string(), &person(), nonce));
        let subject = Subject {
            object_id: user.id.to_string(),
            person: Some(person()),
            application_name: client.display_name.clone(),
        };
        let mut tokens = self.sign(request, subject, wanted, id_claims)?;
        tokens.scope = Some(match wanted.version {
            TokenVersion::V1 => USER_IMPERSONATION.to_owned(),
            TokenVersion::V2 => wanted.scope(),
        });
        let info = serde_json::json!({ "uid": user.id, "utid": user.tenant });
        tokens.client_info = Some(URL_SAFE_NO_PAD.encode(info.to_string()));
        tokens.refresh_token = refresh_token;
        Ok(tokens)
    }

    fn request(&self, client: &Application, wanted: &Wanted, scopes: Option<String>) -> AccessRequest<'_> {
        let issued_at = self.now();
        AccessRequest {
            version: wanted.version,
            authority: &self.config().authority,
            tenant: client.tenant.to_string(),
            audience: wanted.audience.clone(),
            client: client.id.to_string(),
            client_proved_itself: client.kind == ApplicationKind::Confidential,
            scopes,
            validity: Validity { issued_at, expires_at: issued_at + self.config().lifetimes.access_token },
            unique: URL_SAFE_NO_PAD.encode(Uuid::new_v4().as_bytes()),
        }
    }

    fn sign(
        &self,
        request: AccessRequest<'_>,
        subject: Subject,
        wanted: &Wanted,
        id_claims: Option<IdClaims>,
    ) -> Result<Tokens, TokenProblem> {
        let failed = |error: KeyError| TokenProblem::from(DirectoryError::from(error));
        let state = self.state();
        let key: &SigningKey = state.keys.current().ok_or_else(|| failed(KeyError::Failed))?;
        let validity = request.validity;
        let access = key.sign(&AccessClaims::new(request, subject)).map_err(failed)?;
        let id_token = id_claims.map(|claims| key.sign(&claims)).transpose().map_err(failed)?;
        Ok(Tokens {
            version: wanted.version,
            access_token: Secret::new(access),
            issued_at: validity.issued_at,
            expires_at: validity.expires_at,
            resource: wanted.audience.clone(),
            scope: None,
            refresh_token: None,
            id_token: id_token.map(Secret::new),
            client_info: None,
        })
    }
}
