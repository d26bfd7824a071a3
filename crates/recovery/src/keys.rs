//! The keys backups are sealed to and opened with.

use evergate_archive::{Recipient, RecoveryKey};

/// An instance's recovery keys. A backup is sealed to all of them, so that any one opens it.
#[derive(Debug, Clone)]
pub struct RecoveryKeys {
    /// The instance's own key.
    pub own: RecoveryKey,
    /// Keys of other instances whose backups this one can restore, and that can restore its.
    pub additional: Vec<RecoveryKey>,
}

impl RecoveryKeys {
    /// All keys, the own one first, none twice.
    pub(crate) fn all(&self) -> Vec<RecoveryKey> {
        let mut keys: Vec<RecoveryKey> = Vec::with_capacity(1 + self.additional.len());
        for key in std::iter::once(&self.own).chain(&self.additional) {
            if keys.iter().all(|known| known.id() != key.id()) {
                keys.push(key.clone());
            }
        }
        keys
    }

    /// Whom a backup is sealed to.
    pub(crate) fn recipients(&self) -> Vec<Recipient> {
        self.all().iter().map(RecoveryKey::recipient).collect()
    }

    /// The ids of all keys.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.all().iter().map(|key| key.id().to_owned()).collect()
    }
}
