//! Products, with the APIs and groups that belong to them.

use super::property::{TEXT, text};
use super::{Body, Default, Effect, Kind, NameRule, Property, Shape};

pub(super) const PRODUCT: Kind = Kind {
    path: "products",
    title: "product",
    name: NameRule::Free(256),
    body: Body::Properties(&[
        Property::new("displayName", text(1, 300)).required(),
        Property::new("description", text(0, 1000)),
        Property::new("terms", TEXT),
        Property::new("subscriptionRequired", Shape::Boolean).default(Default::Boolean(true)),
        Property::new("approvalRequired", Shape::Boolean),
        Property::new("subscriptionsLimit", Shape::Integer { min: 0, max: i32::MAX as i64 }),
        Property::new("state", Shape::Choice(&["notPublished", "published"]))
            .default(Default::Text("notPublished")),
    ]),
    effect: Effect::Product,
};

pub(super) const APIS: Kind = Kind {
    path: "products/apis",
    title: "product API",
    name: NameRule::Free(256),
    body: Body::Link("apis"),
    effect: Effect::None,
};

pub(super) const GROUPS: Kind = Kind {
    path: "products/groups",
    title: "product group",
    name: NameRule::Free(256),
    body: Body::Link("groups"),
    effect: Effect::None,
};
