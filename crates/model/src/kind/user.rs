//! Users of the developer portal, who own subscriptions.

use super::property::{TEXT, text};
use super::{Access, Body, Default, Effect, Kind, NameRule, Pattern, Property, Shape};

pub(super) const USER: Kind = Kind {
    path: "users",
    title: "user",
    name: NameRule::Free(80),
    body: Body::Properties(&[
        Property::new("firstName", text(1, 100)).required(),
        Property::new("lastName", text(1, 100)).required(),
        Property::new("email", Shape::Text { min: 1, max: 254, pattern: Some(EMAIL) }).required(),
        Property::new("state", Shape::Choice(&["active", "blocked", "pending", "deleted"]))
            .default(Default::Text("active")),
        Property::new("note", TEXT),
        Property::new(
            "identities",
            Shape::List(&Shape::Object(&[Property::new("provider", TEXT), Property::new("id", TEXT)]), 100),
        ),
        Property::new("password", text(1, 1000)).access(Access::Secret),
        Property::new("appType", Shape::Choice(&["portal", "developerPortal"])).access(Access::Request),
        Property::new("confirmation", Shape::Choice(&["signup", "invite"])).access(Access::Request),
        Property::new("registrationDate", Shape::Time).access(Access::ReadOnly),
    ]),
    effect: Effect::User,
};

const EMAIL: Pattern = Pattern {
    rule: "it is an e-mail address such as ann@example.org",
    matches: |text| {
        text.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
            && !text.chars().any(|c| c.is_whitespace() || c.is_control())
    },
};
