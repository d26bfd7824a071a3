//! Refresh tokens: each works once and gives the next. One that comes a second time was stolen or copied, and
//! withdraws the whole line (RFC 9700, 4.14.2).
//!
//! A token is `line.secret`. The line's document holds the digest of the one secret that counts; taking the
//! document out of the store is what makes sure that of two callers one succeeds. Two commands that refresh at
//! the same moment are no theft: for half a minute the secret before is refused without harm.

use std::sync::Arc;

use evergate_model::Secret;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Asked, REFRESH_TOKENS, Tokens, Wanted};
use crate::directory::{Directory, DirectoryError};
use crate::objects::{Application, ApplicationId, ObjectId, TenantId, User};
use crate::problem::TokenProblem;
use crate::{random, state};

/// For so long the secret before the last one is taken for a twin's, not a thief's.
const TWINS: SignedDuration = SignedDuration::from_secs(30);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    digest: String,
    previous: Option<String>,
    rotated_at: Timestamp,
    tenant: TenantId,
    client: ApplicationId,
    user: ObjectId,
    wanted: Wanted,
    signed_in_at: Timestamp,
    expires_at: Timestamp,
}

/// A sign-in that refresh tokens continue.
pub(super) struct SignedIn<'a> {
    pub(super) client: &'a Application,
    pub(super) user: &'a User,
    pub(super) wanted: &'a Wanted,
    pub(super) at: Timestamp,
    /// The digest of the secret that this one follows.
    pub(super) previous: Option<String>,
}

impl Directory {
    /// The next refresh token of a line.
    pub(super) async fn next_refresh_token(
        &self,
        line: &str,
        signed_in: SignedIn<'_>,
    ) -> Result<Option<Secret>, TokenProblem> {
        if !signed_in.wanted.offline_access {
            return Ok(None);
        }
        let secret = random::token();
        let document = Line {
            digest: random::digest(&secret),
            previous: signed_in.previous,
            rotated_at: self.now(),
            tenant: signed_in.client.tenant,
            client: signed_in.client.id,
            user: signed_in.user.id,
            wanted: signed_in.wanted.clone(),
            signed_in_at: signed_in.at,
            expires_at: self.now() + self.config().lifetimes.refresh_token,
        };
        self.store(REFRESH_TOKENS, line, &document).await?;
        Ok(Some(Secret::new(format!("{line}.{secret}"))))
    }

    /// Withdraws a line of refresh tokens.
    pub(super) async fn withdraw(&self, line: &str) -> Result<(), TokenProblem> {
        self.records.take(REFRESH_TOKENS, line).await.map_err(DirectoryError::from)?;
        Ok(())
    }

    pub(super) async fn redeem_refresh_token(
        &self,
        tenant: TenantId,
        asked: &Asked,
    ) -> Result<Tokens, TokenProblem> {
        let client = self.acting_client(tenant, asked).await?;
        let given = asked.form.get("refresh_token").ok_or_else(|| TokenProblem::missing("refresh_token"))?;
        let expired = || TokenProblem::grant_expired("refresh token");
        let (line, secret) = given.split_once('.').ok_or_else(expired)?;
        let known = self.records.get(REFRESH_TOKENS, line).await.map_err(DirectoryError::from)?;
        let known: Line = state::read(REFRESH_TOKENS, "line", &known.ok_or_else(expired)?)?;
        if known.client != client.id || known.tenant != tenant {
            return Err(TokenProblem::grant_of_another("refresh token"));
        }
        let wanted = match self.wanted(tenant, asked)? {
            Some(wanted) => Wanted { offline_access: true, ..wanted },
            None => Wanted { version: asked.version, ..known.wanted },
        };
        self.check_consent(&client)?;
        let taken = self.records.take(REFRESH_TOKENS, line).await.map_err(DirectoryError::from)?;
        let taken: Line = state::read(REFRESH_TOKENS, "line", &taken.ok_or_else(expired)?)?;
        let digest = random::digest(secret);
        let twin = taken.previous.as_ref().is_some_and(|previous| random::same(previous, &digest))
            && self.now().duration_since(taken.rotated_at) < TWINS;
        if twin {
            self.store(REFRESH_TOKENS, line, &taken).await?;
            return Err(expired());
        }
        let counts = random::same(&taken.digest, &digest) && taken.expires_at > self.now();
        let user = self.living_user(taken.user).filter(|user| taken.signed_in_at >= user.sessions_since);
        let (true, Some(user)) = (counts, user) else { return Err(expired()) };
        let at = taken.signed_in_at;
        let signed_in =
            SignedIn { client: &client, user: &user, wanted: &wanted, at, previous: Some(digest) };
        let next = self.next_refresh_token(line, signed_in).await?;
        self.user_tokens(&client, &user, &wanted, None, next)
    }

    pub(super) fn living_user(&self, id: ObjectId) -> Option<Arc<User>> {
        self.state().users.get(&id).filter(|user| user.enabled).cloned()
    }
}
