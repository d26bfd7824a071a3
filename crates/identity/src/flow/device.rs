//! The device code flow (RFC 8628): a device shows a short code, a person enters it in a browser elsewhere.
//!
//! Polls and the person's answer cross each other. A poll writes nothing until there is an answer; the answer
//! is given by whoever takes the typed code's document out of the store; the tokens go to whoever then takes
//! the device's.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

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

/// Devices whose last poll is remembered; past this, those that do not poll any more go.
const REMEMBERED: usize = 10_000;

/// When each device last polled. It lives in this process: what matters is that no device polls in a loop.
#[derive(Default)]
pub(crate) struct Polls(Mutex<HashMap<String, Timestamp>>);

impl Polls {
    fn is_too_often(&self, key: &str, now: Timestamp) -> bool {
        let mut polls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if polls.len() >= REMEMBERED {
            polls.retain(|_, last| now.duration_since(*last) < INTERVAL);
        }
        let last = polls.insert(key.to_owned(), now);
        // Half of the interval: a device's timer and the way here are not exact.
        last.is_some_and(|last| now.duration_since(last) < INTERVAL / 2)
    }
}

/// Anybody can begin a sign-in, and each takes room in the store: so many a minute, no more.
const BEGUN_PER_MINUTE: u32 = 100;

/// How many sign-ins began in the running minute.
#[derive(Default)]
pub(crate) struct Begun(Mutex<(i64, u32)>);

impl Begun {
    fn is_too_many(&self, now: Timestamp) -> bool {
        let minute = now.as_second().div_euclid(60);
        let mut begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.0 != minute {
            *begun = (minute, 0);
        }
        begun.1 = begun.1.saturating_add(1);
        begun.1 > BEGUN_PER_MINUTE
    }
}

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
        if self.begun.is_too_many(self.now()) {
            return Err(TokenProblem::too_many_device_codes());
        }
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
        let device = self.device(&waiting.key).await?.filter(|device| device.expires_at > self.now());
        let mut device = device.ok_or_else(TokenProblem::user_code)?;
        let first = self.records.take(USER_CODES, &device.user_code).await.map_err(DirectoryError::from)?;
        first.ok_or_else(TokenProblem::user_code)?;
        device.answer = match user {
            Some(user) => Answer::SignedIn { user: user.id, at: self.now() },
            None => Answer::Declined,
        };
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
        let device = self.device(&key).await?.filter(|device| device.expires_at > self.now());
        let device = device.ok_or_else(TokenProblem::device_code_expired)?;
        if device.client != client.id || device.tenant != tenant {
            return Err(TokenProblem::grant_of_another("device code"));
        }
        if matches!(device.answer, Answer::None) {
            let often = self.polls.is_too_often(&key, self.now());
            return Err(if often { TokenProblem::slow_down() } else { TokenProblem::pending() });
        }
        let taken = self.records.take(DEVICES, &key).await.map_err(DirectoryError::from)?;
        taken.ok_or_else(TokenProblem::device_code_expired)?;
        match device.answer {
            Answer::None => Err(TokenProblem::pending()),
            Answer::Declined => Err(TokenProblem::declined()),
            Answer::SignedIn { user, at } => {
                self.check_consent(&client)?;
                let user = self.living_user(user).ok_or_else(TokenProblem::device_code_expired)?;
                let signed_in =
                    SignedIn { client: &client, user: &user, wanted: &device.wanted, at, previous: None };
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
