//! Policy documents, one on each scope.

use super::property::TEXT;
use super::{Body, Default, Effect, Kind, NameRule, Property, Shape};

const PROPERTIES: &[Property] = &[
    Property::new("format", Shape::Choice(&["xml", "rawxml", "xml-link", "rawxml-link"]))
        .default(Default::Text("xml")),
    Property::new("value", TEXT).required(),
];

const fn policy(path: &'static str) -> Kind {
    Kind {
        path,
        title: "policy",
        name: NameRule::Only("policy"),
        body: Body::Properties(PROPERTIES),
        effect: Effect::Policy,
    }
}

pub(super) const SERVICE: Kind = policy("policies");
pub(super) const PRODUCT: Kind = policy("products/policies");
pub(super) const API: Kind = policy("apis/policies");
pub(super) const OPERATION: Kind = policy("apis/operations/policies");
pub(super) const RESOLVER: Kind = policy("apis/resolvers/policies");
