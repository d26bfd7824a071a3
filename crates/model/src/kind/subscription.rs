//! Subscriptions: the keys that clients call with.

use super::property::{TEXT, text};
use super::{Access, Body, Effect, Kind, NameRule, OnDelete, Property, Reference, Shape};

pub(super) const SUBSCRIPTION: Kind = Kind {
    path: "subscriptions",
    title: "subscription",
    name: NameRule::Free(256),
    body: Body::Properties(&[
        Property::new("displayName", text(1, 100)),
        Property::new("scope", text(1, 1000)).required().references(&[
            Reference { to: "products", on_delete: OnDelete::RefuseUnless("deleteSubscriptions") },
            Reference { to: "apis", on_delete: OnDelete::Delete },
        ]),
        Property::new("ownerId", TEXT).references(&[Reference {
            to: "users",
            on_delete: OnDelete::RefuseUnless("deleteSubscriptions"),
        }]),
        Property::new("state", Shape::Choice(STATES)),
        Property::new("stateComment", TEXT),
        Property::new("allowTracing", Shape::Boolean),
        Property::new("expirationDate", Shape::Time),
        Property::new("createdDate", Shape::Time).access(Access::ReadOnly),
        Property::new("startDate", Shape::Time).access(Access::ReadOnly),
        Property::new("endDate", Shape::Time).access(Access::ReadOnly),
        Property::new("notificationDate", Shape::Time).access(Access::ReadOnly),
        Property::new("primaryKey", text(1, 256)).access(Access::Secret),
        Property::new("secondaryKey", text(1, 256)).access(Access::Secret),
    ]),
    effect: Effect::Subscription,
};

const STATES: &[&str] = &["active", "suspended", "submitted", "rejected", "expired", "cancelled"];
