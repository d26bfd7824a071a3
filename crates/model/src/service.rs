//! An API Management service: what it is called, where it is, what it costs.

use std::fmt;

use crate::{ETag, Properties, ResourceGroupName, Revision, ServiceName, SubscriptionId};

/// The resource-manager identity of a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceId {
    /// The owning subscription.
    pub subscription: SubscriptionId,
    /// The owning resource group.
    pub resource_group: ResourceGroupName,
    /// The service's own name.
    pub name: ServiceName,
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.ApiManagement/service/{}",
            self.subscription, self.resource_group, self.name
        )
    }
}

/// The pricing tier of a service and how many units of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sku {
    /// `Developer`, `Basic`, `Standard`, `Premium`, `Consumption`, …
    pub name: String,
    /// Deployed units; 0 for `Consumption`.
    pub capacity: u32,
}

/// One whole set of a service's configuration. A service has one live generation; a restore loads
/// another beside it and swaps. Ids are unique in the store and grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GenerationId(pub u64);

impl fmt::Display for GenerationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A service as the store keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its identity.
    pub id: ServiceId,
    /// The region it stands in.
    pub location: String,
    /// Its tier.
    pub sku: Sku,
    /// The resource-manager tags.
    pub tags: Properties,
    /// The rest of its canonical top level (`identity`, `zones`) and, under `properties`, its properties.
    pub body: Properties,
    /// The version that `If-Match` names.
    pub etag: ETag,
    /// When it was created.
    pub created_at: jiff::Timestamp,
    /// The newest commit.
    pub revision: Revision,
    /// The configuration it serves.
    pub generation: GenerationId,
}
