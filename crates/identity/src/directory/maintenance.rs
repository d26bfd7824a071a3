//! What should happen now and then: old codes and tokens go, old keys go, a new key comes.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::{Directory, DirectoryError};
use crate::flow::{CODES, DEVICES, REFRESH_TOKENS, USER_CODES};
use crate::keys::{KeyRing, is_spent};
use crate::state::KEYS;

/// What every one-time document has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expiring {
    expires_at: Timestamp,
}

impl Directory {
    /// Deletes what has expired and rotates the signing key when its time has come. Call it every hour or so.
    pub async fn maintain(&self) -> Result<(), DirectoryError> {
        let now = self.now();
        for collection in [CODES, DEVICES, USER_CODES, REFRESH_TOKENS] {
            for (key, value) in self.records.list(collection).await? {
                let expired = serde_json::from_slice::<Expiring>(&value)
                    .map_or(true, |document| document.expires_at <= now);
                if expired {
                    self.records.take(collection, &key).await?;
                }
            }
        }
        self.drop_spent_keys(now).await?;
        let current = self.state().keys.current().map(|key| key.created_at);
        if current.is_none_or(|since| now.duration_since(since) > self.config().lifetimes.signing_key) {
            self.rotate_keys().await?;
        }
        Ok(())
    }

    async fn drop_spent_keys(&self, now: Timestamp) -> Result<(), DirectoryError> {
        let lifetime = self.config().lifetimes.access_token;
        let turn = self.turn().await;
        let state = self.state();
        let (spent, alive): (Vec<_>, Vec<_>) =
            state.keys.iter().map(Arc::clone).partition(|key| is_spent(key, now, lifetime));
        for key in &spent {
            self.records.take(KEYS, &key.id).await?;
        }
        if !spent.is_empty() {
            self.replace(&turn, |state| state.keys = KeyRing::new(alive));
        }
        Ok(())
    }
}
