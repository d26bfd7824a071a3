//! Names, kinds, validation and the configuration snapshot of a service; no I/O.
//!
//! Everything here is plain data: the store keeps it, the management API shows it, the gateway
//! serves from it and a backup carries it, so none of them needs to know another.

pub mod kind;
pub mod name;
pub mod path;
pub mod resource;
pub mod secret;
pub mod service;
pub mod snapshot;

pub use name::{InvalidName, ResourceGroupName, ServiceName, SubscriptionId};
pub use path::{InvalidPath, ResourcePath};
pub use resource::{ETag, Properties, Resource, Revision, Secrets};
pub use secret::Secret;
pub use service::{GenerationId, Service, ServiceId, Sku};
