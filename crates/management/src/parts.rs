//! What the management API is made of.

use std::sync::Arc;

use evergate_identity::Directory;
use evergate_model::{Secret, ServiceName, SubscriptionId};
use evergate_recovery::Recovery;
use evergate_store::SharedStore;
use jiff::Timestamp;

use crate::fetch::Fetch;
use crate::guard::Guard;
use crate::recover::Recover;

/// Everything [`crate::router`] needs.
pub struct ManagementParts {
    /// The configuration.
    pub store: SharedStore,
    /// Runs backups and restores.
    pub recovery: Arc<Recovery>,
    /// Recognises callers and knows what they may do.
    pub directory: Arc<Directory>,
    /// What only this instance is like.
    pub instance: Instance,
}

/// What distinguishes this instance from others.
#[derive(Clone)]
pub struct Instance {
    /// Where clients reach the management API: `https://localhost:9443`, without a trailing slash.
    pub endpoint: String,
    /// The region: `westeurope`.
    pub location: String,
    /// The subscription that owns everything here.
    pub subscription: SubscriptionId,
    /// The directory's first tenant.
    pub tenant: String,
    /// Where a service's gateway answers.
    pub gateway_url: Arc<dyn Fn(&ServiceName) -> String + Send + Sync>,
    /// The time.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Fresh keys: [`random_key`] outside tests.
    pub key: Arc<dyn Fn() -> Secret + Send + Sync>,
    /// Fetches documents that clients link to: [`crate::fetch::HttpFetch`] outside tests.
    pub fetch: Arc<dyn Fetch>,
}

/// The shared state of all requests.
pub(crate) struct App {
    pub(crate) store: SharedStore,
    pub(crate) recover: Arc<dyn Recover>,
    pub(crate) guard: Arc<dyn Guard>,
    pub(crate) instance: Instance,
}

impl App {
    pub(crate) fn now(&self) -> Timestamp {
        // Seconds: that is what the original shows.
        let now = (self.instance.clock)();
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }
}

/// A subscription key: 128 random bits in hexadecimal.
pub fn random_key() -> Secret {
    let mut bytes = [0_u8; 16];
    // The system's generator does not fail once it has been seeded, which the directory's keys did.
    aws_lc_rs::rand::fill(&mut bytes)
        .unwrap_or_else(|_| bytes.copy_from_slice(uuid::Uuid::new_v4().as_bytes()));
    Secret::new(hex::encode(bytes))
}
