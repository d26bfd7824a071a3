//! The keys tokens are signed with: one signs, the ones before it verify until their tokens have expired.
//!
//! Signing goes to aws-lc-rs directly because the parsed private key is kept; a JWT library would parse and
//! check it again for every token.

use std::sync::Arc;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

/// Why a key cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The stored form is not a key.
    #[error("a stored signing key cannot be read: {0}")]
    Damaged(String),
    /// The cryptographic library failed.
    #[error("a signing key cannot be made or used")]
    Failed,
}

/// The stored form; the store seals it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredKey {
    pkcs8: String,
    created_at: Timestamp,
    retired_at: Option<Timestamp>,
}

impl Drop for StoredKey {
    fn drop(&mut self) {
        self.pkcs8.zeroize();
    }
}

/// One signing key.
pub(crate) struct SigningKey {
    pub(crate) id: String,
    pub(crate) created_at: Timestamp,
    pub(crate) retired_at: Option<Timestamp>,
    pair: Arc<RsaKeyPair>,
    verifying: DecodingKey,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

/// A public key as JWKS shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Its id, `kid`.
    pub id: String,
    /// The modulus, base64url.
    pub modulus: String,
    /// The public exponent, base64url.
    pub exponent: String,
}

impl SigningKey {
    /// Makes a key of 2048 bits. Takes a moment: call it off the async threads.
    pub(crate) fn generate(now: Timestamp) -> Result<Self, KeyError> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Failed)?;
        Ok(Self::new(pair, now, None))
    }

    fn new(pair: RsaKeyPair, created_at: Timestamp, retired_at: Option<Timestamp>) -> Self {
        let public = pair.public_key();
        let modulus = public.modulus().big_endian_without_leading_zero().to_vec();
        let exponent = public.exponent().big_endian_without_leading_zero().to_vec();
        let id = URL_SAFE_NO_PAD.encode(&digest::digest(&digest::SHA256, &modulus).as_ref()[..20]);
        let verifying = DecodingKey::from_rsa_raw_components(&modulus, &exponent);
        Self { id, created_at, retired_at, pair: Arc::new(pair), verifying, modulus, exponent }
    }

    pub(crate) fn read(stored: &[u8]) -> Result<Self, KeyError> {
        let damaged = |error: &dyn std::fmt::Display| KeyError::Damaged(error.to_string());
        let stored: StoredKey = serde_json::from_slice(stored).map_err(|error| damaged(&error))?;
        let der = Zeroizing::new(STANDARD.decode(stored.pkcs8.as_bytes()).map_err(|error| damaged(&error))?);
        let pair = RsaKeyPair::from_pkcs8(&der).map_err(|error| damaged(&error))?;
        Ok(Self::new(pair, stored.created_at, stored.retired_at))
    }

    pub(crate) fn write(&self) -> Result<Vec<u8>, KeyError> {
        let der = self.pair.as_der().map_err(|_| KeyError::Failed)?;
        let stored = StoredKey {
            pkcs8: STANDARD.encode(der.as_ref()),
            created_at: self.created_at,
            retired_at: self.retired_at,
        };
        serde_json::to_vec(&stored).map_err(|_| KeyError::Failed)
    }

    /// The same key, signing no more.
    pub(crate) fn retired(&self, at: Timestamp) -> Self {
        Self {
            id: self.id.clone(),
            created_at: self.created_at,
            retired_at: Some(at),
            pair: Arc::clone(&self.pair),
            verifying: self.verifying.clone(),
            modulus: self.modulus.clone(),
            exponent: self.exponent.clone(),
        }
    }

    /// A compact JWS (RS256) over the claims.
    pub(crate) fn sign(&self, claims: &impl Serialize) -> Result<String, KeyError> {
        let header = serde_json::json!({ "typ": "JWT", "alg": "RS256", "kid": self.id });
        let claims = serde_json::to_vec(claims).map_err(|_| KeyError::Failed)?;
        let mut token = URL_SAFE_NO_PAD.encode(header.to_string());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &rand::SystemRandom::new(), token.as_bytes(), &mut signature)
            .map_err(|_| KeyError::Failed)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

/// All keys that still count, the newest first.
#[derive(Clone, Default)]
pub(crate) struct KeyRing(Vec<Arc<SigningKey>>);

impl KeyRing {
    pub(crate) fn new(mut keys: Vec<Arc<SigningKey>>) -> Self {
        keys.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.id.cmp(&b.id)));
        Self(keys)
    }

    /// The key that signs.
    pub(crate) fn current(&self) -> Option<&Arc<SigningKey>> {
        self.0.iter().find(|key| key.retired_at.is_none())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<SigningKey>> {
        self.0.iter()
    }

    /// The key a token names, if tokens it signed may still be alive.
    pub(crate) fn verifying(
        &self,
        id: &str,
        now: Timestamp,
        lifetime: SignedDuration,
    ) -> Option<&DecodingKey> {
        let key = self.0.iter().find(|key| key.id == id)?;
        (!is_spent(key, now, lifetime)).then_some(&key.verifying)
    }

    pub(crate) fn public(&self, now: Timestamp, lifetime: SignedDuration) -> Vec<PublicKey> {
        let alive = self.0.iter().filter(|key| !is_spent(key, now, lifetime));
        alive
            .map(|key| PublicKey {
                id: key.id.clone(),
                modulus: URL_SAFE_NO_PAD.encode(&key.modulus),
                exponent: URL_SAFE_NO_PAD.encode(&key.exponent),
            })
            .collect()
    }
}

/// Whether every token the key signed has expired.
pub(crate) fn is_spent(key: &SigningKey, now: Timestamp, lifetime: SignedDuration) -> bool {
    key.retired_at.is_some_and(|at| now.duration_since(at) > lifetime)
}
