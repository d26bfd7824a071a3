//! The device code flow (RFC 8628): a device shows a short code, a person enters it in a browser elsewhere.

use std::net::IpAddr;

use evergate_model::Secret;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::refresh::SignedIn;
use super::{Asked, DEVICES, Tokens, USER_CODES, Wanted};
use crate::directory::{Directory, DirectoryError};
use crate::objects::{ApplicationId, ObjectId, TenantId, User};
use crate::problem::TokenProblem;
use crate::{random, state};

/// How long a device waits between two polls.
pub const INTERVAL: SignedDuration = SignedDuration::from_secs(5);

/// What the device gets.
#[derive(Debug)]
pub struct DeviceCode {
    /// What the device polls with.
    pub device_code: Secret,
    /// What the person types.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// When both end.
    pub expires_in: SignedDuration,
}

/// A device that waits, as its page shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// The tenant.
    pub tenant: TenantId,
    /// The application on the device.
    pub client_name: String,
    key: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Device {
    tenant: TenantId,
    client: ApplicationId,
    user_code: String,
    wanted: Wanted,
    answer: Answer,
    polled_at: Option<Timestamp>,
    expires_at: Timestamp,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Answer {
    None,
    Declined,
    SignedIn { user: ObjectId, at: Timestamp },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserCode {
    device: String,
    expires_at: Timestamp,
}

impl Directory {
    /// Begins a sign-in on a device.
    pub async fn device_code(&self, asked: &Asked) -> Result<DeviceCode, TokenProblem> {
        let tenant = self.resolve_tenant(&asked.tenant)?;
        let client = self.named_client(tenant, asked)?;
        let wanted = self.wanted(tenant, asked)?.ok_or_else(|| TokenProblem::missing("scope"))?;
        self.check_consent(&client)?;
        let device_code = random::token();
        let key = random::digest(&device_code);
        let lifetime = self.config().lifetimes.device_code;
        let expires_at = self.now() + lifetime;
        let mut user_code = random::user_code();
        loop {
            let document = crate::directory::document(
                USER_CODES,
                "code",
                &UserCode { device: key.clone(), expires_at },
            )?;
            let created = self.records.create(USER_CODES, &user_code, document).await;
            if created.map_err(DirectoryError::from)? {
                break;
            }
            user_code = random::user_code();
        }
        let device = Device {
            tenant,
            client: client.id,
            user_code: user_code.clone(),
            wanted,
            answer: Answer::None,
            polled_at: None,
            expires_at,
        };
        self.store(DEVICES, &key, &device).await?;
        Ok(DeviceCode {
            device_code: Secret::new(device_code),
            user_code,
            verification_uri: format!("{}/devicelogin", self.config().authority),
            expires_in: lifetime,
        })
    }

    /// The device that shows a code. Guessing codes is slowed down like guessing passwords.
    pub async fn waiting_device(&self, typed: &str, from: Option<IpAddr>) -> Result<Waiting, TokenProblem> {
        self.attempts.check("device code", from, self.now()).map_err(TokenProblem::locked)?;
        let letters: String =
            typed.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_uppercase()).collect();
        let found = match letters.split_at_checked(4) {
            Some((first, second)) => self.find_device(&format!("{first}-{second}")).await?,
            None => None,
        };
        found.ok_or_else(|| {
            self.attempts.failed("device code", from, self.now());
            TokenProblem::user_code()
        })
    }

    async fn find_device(&self, user_code: &str) -> Result<Option<Waiting>, TokenProblem> {
        let stored = self.records.get(USER_CODES, user_code).await.map_err(DirectoryError::from)?;
        let Some(stored) = stored else { return Ok(None) };
        let user_code: UserCode = state::read(USER_CODES, "code", &stored)?;
        let Some(device) = self.device(&user_code.device).await? else { return Ok(None) };
        let open = device.expires_at > self.now() && matches!(device.answer, Answer::None);
        let client = self.state().application(device.tenant, device.client).cloned();
        Ok(client.filter(|_| open).map(|client| Waiting {
            tenant: device.tenant,
            client_name: client.display_name.clone(),
            key: user_code.device,
        }))
    }

    /// Lets a device have the person's sign-in, or not.
    pub async fn answer_device(&self, waiting: &Waiting, user: Option<&User>) -> Result<(), TokenProblem> {
        // Taken out while it is changed: of two answers, or an answer and a poll, none gets lost.
        let taken = self.records.take(DEVICES, &waiting.key).await.map_err(DirectoryError::from)?;
        let mut device: Device = state::read(DEVICES, "device", &taken.ok_or_else(TokenProblem::user_code)?)?;
        if !matches!(device.answer, Answer::None) || device.expires_at <= self.now() {
            self.store(DEVICES, &waiting.key, &device).await?;
            return Err(TokenProblem::user_code());
        }
        device.answer = match user {
            Some(user) => Answer::SignedIn { user: user.id, at: self.now() },
            None => Answer::Declined,
        };
        self.records.take(USER_CODES, &device.user_code).await.map_err(DirectoryError::from)?;
        Ok(self.store(DEVICES, &waiting.key, &device).await?)
    }

    pub(super) async fn redeem_device_code(
        &self,
        tenant: TenantId,
        asked: &Asked,
    ) -> Result<Tokens, TokenProblem> {
        let client = self.acting_client(tenant, asked).await?;
        let given = asked.form.get("device_code").or_else(|| asked.form.get("code"));
        let key = random::digest(given.ok_or_else(|| TokenProblem::missing("device_code"))?);
        let taken = self.records.take(DEVICES, &key).await.map_err(DirectoryError::from)?;
        let mut device: Device =
            state::read(DEVICES, "device", &taken.ok_or_else(TokenProblem::device_code_expired)?)?;
        let now = self.now();
        if device.expires_at <= now {
            return Err(TokenProblem::device_code_expired());
        }
        let too_often = device.polled_at.is_some_and(|last| now.duration_since(last) < INTERVAL / 2);
        device.polled_at = Some(now);
        if device.client != client.id || device.tenant != tenant {
            self.store(DEVICES, &key, &device).await?;
            return Err(TokenProblem::grant_of_another("device code"));
        }
        match device.answer {
            Answer::None => {
                self.store(DEVICES, &key, &device).await?;
                Err(if too_often { TokenProblem::slow_down() } else { TokenProblem::pending() })
            }
            Answer::Declined => Err(TokenProblem::declined()),
            Answer::SignedIn { user, at } => {
                self.check_consent(&client)?;
                let user = self.living_user(user).ok_or_else(TokenProblem::device_code_expired)?;
                let signed_in = SignedIn { client: &client, user: &user, wanted: &device.wanted, at };
                let refresh_token = self.next_refresh_token(&random::token(), signed_in).await?;
                self.user_tokens(&client, &user, &device.wanted, None, refresh_token)
            }
        }
    }

    async fn device(&self, key: &str) -> Result<Option<Device>, TokenProblem> {
        let stored = self.records.get(DEVICES, key).await.map_err(DirectoryError::from)?;
        Ok(stored.map(|stored| state::read(DEVICES, "device", &stored)).transpose()?)
    }
}
