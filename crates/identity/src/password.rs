//! Hashes of passwords and client secrets (Argon2id), and the memory of which ones were right.
//!
//! A client asks for a token with the same secret again and again; hashing it each time would cost tens of
//! milliseconds. A secret that was verified once is remembered as a keyed digest under a key that lives only
//! in this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::hmac;
use evergate_model::Secret;
use tokio::sync::Semaphore;

use crate::random;

/// How much work one hash takes.
#[derive(Debug, Clone, Copy)]
pub struct PasswordCost {
    /// Memory in KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for PasswordCost {
    /// 19 MiB and two passes, one lane: the first of OWASP's recommended parameter sets.
    fn default() -> Self {
        Self { memory: 19 * 1024, passes: 2 }
    }
}

impl PasswordCost {
    /// As little as Argon2 allows: for tests only.
    pub const CHEAP: Self = Self { memory: 8, passes: 1 };

    fn hasher(self) -> Argon2<'static> {
        let params = Params::new(self.memory, self.passes, 1, None).unwrap_or_default();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
    }
}

/// Why a password could not be hashed or compared.
#[derive(Debug, thiserror::Error)]
#[error("the password hash could not be computed: {0}")]
pub struct PasswordError(String);

/// Hashes and verifies, a few at a time and off the async threads.
pub(crate) struct Passwords {
    cost: PasswordCost,
    permits: Arc<Semaphore>,
    process_key: hmac::Key,
    verified: Mutex<HashMap<String, hmac::Tag>>,
    decoy: tokio::sync::OnceCell<String>,
}

/// Remembered secrets; past this the memory starts anew.
const REMEMBERED: usize = 4096;

impl Passwords {
    pub(crate) fn new(cost: PasswordCost) -> Self {
        let permits = std::thread::available_parallelism().map_or(2, std::num::NonZero::get).max(2);
        Self {
            cost,
            permits: Arc::new(Semaphore::new(permits)),
            process_key: hmac::Key::new(hmac::HMAC_SHA256, &random::bytes::<32>()),
            verified: Mutex::default(),
            decoy: tokio::sync::OnceCell::new(),
        }
    }

    pub(crate) async fn hash(&self, secret: &Secret) -> Result<String, PasswordError> {
        let (cost, secret) = (self.cost, secret.clone());
        self.run(move || {
            let salt = random::bytes::<16>();
            cost.hasher()
                .hash_password_with_salt(secret.expose().as_bytes(), &salt)
                .map(|hash: PasswordHash| hash.to_string())
                .map_err(|error| PasswordError(error.to_string()))
        })
        .await
    }

    /// Whether the secret is the one that was hashed.
    pub(crate) async fn verify(&self, secret: &Secret, hash: &str) -> Result<bool, PasswordError> {
        if self.remembers(secret, hash) {
            return Ok(true);
        }
        let right = self.verify_slowly(secret, hash).await?;
        if right {
            self.remember(secret, hash);
        }
        Ok(right)
    }

    /// Takes as long as verifying: for names that do not exist, so that time does not tell which do.
    pub(crate) async fn pretend(&self, secret: &Secret) -> Result<(), PasswordError> {
        let decoy = self.decoy.get_or_try_init(|| self.hash(secret)).await?.clone();
        self.verify_slowly(secret, &decoy).await.map(|_| ())
    }

    /// Whether this very secret was verified against this hash before.
    pub(crate) fn remembers(&self, secret: &Secret, hash: &str) -> bool {
        let verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        verified.get(hash).is_some_and(|tag| {
            hmac::verify(&self.process_key, secret.expose().as_bytes(), tag.as_ref()).is_ok()
        })
    }

    fn remember(&self, secret: &Secret, hash: &str) {
        let tag = hmac::sign(&self.process_key, secret.expose().as_bytes());
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= REMEMBERED {
            verified.clear();
        }
        verified.insert(hash.to_owned(), tag);
    }

    async fn verify_slowly(&self, secret: &Secret, hash: &str) -> Result<bool, PasswordError> {
        let (secret, hash) = (secret.clone(), hash.to_owned());
        self.run(move || {
            let parsed = PasswordHash::new(&hash).map_err(|error| PasswordError(error.to_string()))?;
            Ok(Argon2::default().verify_password(secret.expose().as_bytes(), &parsed).is_ok())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let failed = |error: &dyn std::fmt::Display| PasswordError(error.to_string());
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|error| failed(&error))?;
        let result = tokio::task::spawn_blocking(work).await.map_err(|error| failed(&error))?;
        drop(permit);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_secret_verifies_again_and_again() {
        let passwords = Passwords::new(PasswordCost::CHEAP);
        let right = Secret::new("correct horse");
        let hash = passwords.hash(&right).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        assert!(!passwords.remembers(&right, &hash));
        for _ in 0..2 {
            assert!(passwords.verify(&right, &hash).await.unwrap());
            assert!(!passwords.verify(&Secret::new("wrong horse"), &hash).await.unwrap());
            assert!(passwords.remembers(&right, &hash));
        }
        passwords.pretend(&right).await.unwrap();
    }
}
