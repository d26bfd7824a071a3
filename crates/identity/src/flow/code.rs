//! Authorization codes: given to the browser, redeemed once by the client that began the sign-in.

use evergate_model::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::authorize::AuthorizationRequest;
use super::refresh::SignedIn;
use super::{Asked, CODES, Tokens, Wanted};
use crate::directory::{Directory, DirectoryError};
use crate::objects::{ApplicationId, ObjectId, TenantId, User};
use crate::problem::TokenProblem;
use crate::{random, state};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Code {
    tenant: TenantId,
    client: ApplicationId,
    user: ObjectId,
    redirect_uri: String,
    wanted: Wanted,
    challenge: Option<String>,
    nonce: Option<String>,
    issued_at: Timestamp,
    expires_at: Timestamp,
    /// The line of refresh tokens the code begins; withdrawn if the code comes a second time.
    line: String,
    redeemed: bool,
}

impl Directory {
    /// The code for a finished sign-in.
    pub async fn issue_code(
        &self,
        request: &AuthorizationRequest,
        user: &User,
    ) -> Result<Secret, TokenProblem> {
        let code = random::token();
        let now = self.now();
        let document = Code {
            tenant: request.tenant,
            client: request.client,
            user: user.id,
            redirect_uri: request.redirect_uri.clone(),
            wanted: request.wanted.clone(),
            challenge: request.challenge.clone(),
            nonce: request.nonce.clone(),
            issued_at: now,
            expires_at: now + self.config().lifetimes.code,
            line: random::token(),
            redeemed: false,
        };
        self.store(CODES, &random::digest(&code), &document).await?;
        Ok(Secret::new(code))
    }

    pub(super) async fn redeem_code(&self, tenant: TenantId, asked: &Asked) -> Result<Tokens, TokenProblem> {
        let client = self.acting_client(tenant, asked).await?;
        let given = asked.form.get("code").ok_or_else(|| TokenProblem::missing("code"))?;
        let key = random::digest(given);
        let expired = || TokenProblem::grant_expired("authorization code");
        let taken = self.records.take(CODES, &key).await.map_err(DirectoryError::from)?;
        let mut code: Code = state::read(CODES, "code", &taken.ok_or_else(expired)?)?;
        let first = !code.redeemed;
        code.redeemed = true;
        self.store(CODES, &key, &code).await?;
        if !first {
            self.withdraw(&code.line).await?;
            return Err(TokenProblem::code_redeemed());
        }
        if code.expires_at <= self.now() {
            return Err(expired());
        }
        let same_redirect = asked.form.get("redirect_uri").is_none_or(|uri| uri == code.redirect_uri);
        if code.client != client.id || code.tenant != tenant || !same_redirect {
            return Err(TokenProblem::grant_of_another("authorization code"));
        }
        check_verifier(code.challenge.as_deref(), asked.form.get("code_verifier"))?;
        self.check_consent(&client)?;
        let user = self.living_user(code.user).ok_or_else(expired)?;
        let wanted = match self.wanted(tenant, asked)? {
            Some(wanted) => Wanted {
                openid: code.wanted.openid || wanted.openid,
                offline_access: code.wanted.offline_access || wanted.offline_access,
                ..wanted
            },
            None => Wanted { version: asked.version, ..code.wanted },
        };
        let signed_in =
            SignedIn { client: &client, user: &user, wanted: &wanted, at: code.issued_at, previous: None };
        let refresh_token = self.next_refresh_token(&code.line, signed_in).await?;
        self.user_tokens(&client, &user, &wanted, code.nonce, refresh_token)
    }
}

/// PKCE (RFC 7636, 4.6): whoever redeems the code must be who began the sign-in.
fn check_verifier(challenge: Option<&str>, verifier: Option<&str>) -> Result<(), TokenProblem> {
    match (challenge, verifier) {
        (Some(challenge), Some(verifier)) if random::same(challenge, &random::challenge(verifier)) => Ok(()),
        (Some(_), None) => Err(TokenProblem::missing("code_verifier")),
        (None, None) => Ok(()),
        _ => Err(TokenProblem::verifier()),
    }
}
