//! Groups of users.

use super::property::{TEXT, text};
use super::{Access, Body, Default, Effect, Kind, NameRule, Property, Shape};

pub(super) const GROUP: Kind = Kind {
    path: "groups",
    title: "group",
    name: NameRule::Free(256),
    body: Body::Properties(&[
        Property::new("displayName", text(1, 300)).required(),
        Property::new("description", text(0, 1000)),
        Property::new("builtIn", Shape::Boolean).access(Access::ReadOnly),
        Property::new("type", Shape::Choice(&["custom", "system", "external"]))
            .default(Default::Text("custom")),
        Property::new("externalId", TEXT),
    ]),
    effect: Effect::Group,
};

pub(super) const USERS: Kind = Kind {
    path: "groups/users",
    title: "group user",
    name: NameRule::Free(80),
    body: Body::Link("users"),
    effect: Effect::None,
};
