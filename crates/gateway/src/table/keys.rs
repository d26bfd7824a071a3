//! Subscription keys: found by a keyed digest, so that the time a look-up takes says nothing of a key.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::Arc;

use evergate_model::snapshot::{ServiceConfiguration, Subscription};

/// The subscriptions of a service by their keys.
#[derive(Debug)]
pub(crate) struct Keys {
    digest: RandomState,
    grants: HashMap<u64, Grant, BuildHasherDefault<Identity>>,
}

/// What one key opens.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) subscription: Arc<Subscription>,
    /// Whether the subscription is active and its owner not blocked.
    pub(crate) usable: bool,
}

/// The map's keys are digests already.
#[derive(Debug, Default)]
pub(crate) struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

impl Keys {
    pub(crate) fn new(configuration: &ServiceConfiguration) -> Self {
        let digest = RandomState::new();
        let mut grants: HashMap<u64, Grant, _> = HashMap::with_capacity_and_hasher(
            configuration.subscriptions.len() * 2,
            BuildHasherDefault::default(),
        );
        for subscription in configuration.subscriptions.values() {
            let blocked =
                subscription.owner.as_ref().is_some_and(|owner| configuration.blocked_users.contains(owner));
            let usable = subscription.active && !blocked;
            for key in &subscription.keys {
                let first = digest.hash_one(key.expose());
                let known_better = grants.get(&first).is_some_and(|known| known.usable);
                if !known_better {
                    grants.insert(first, Grant { subscription: Arc::clone(subscription), usable });
                }
            }
        }
        Self { digest, grants }
    }

    /// What a key opens, if anything.
    pub(crate) fn find(&self, key: &str) -> Option<&Grant> {
        let grant = self.grants.get(&self.digest.hash_one(key))?;
        grant.subscription.keys.iter().any(|known| same(known.expose(), key)).then_some(grant)
    }
}

/// Compares in a time that depends on the lengths alone.
fn same(known: &str, given: &str) -> bool {
    let differences = known.bytes().zip(given.bytes()).fold(0, |seen, (a, b)| seen | (a ^ b));
    known.len() == given.len() && differences == 0
}
