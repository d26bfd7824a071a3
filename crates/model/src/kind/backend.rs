//! Backends: servers that policies send requests to by name.

use super::property::{TEXT, text};
use super::{Access, Body, Effect, Kind, NameRule, Property, Shape};

pub(super) const BACKEND: Kind = Kind {
    path: "backends",
    title: "backend",
    name: NameRule::Free(80),
    body: Body::Properties(&[
        Property::new("url", text(1, 2000)),
        Property::new("protocol", Shape::Choice(&["http", "soap"])),
        Property::new("type", Shape::Choice(&["Single", "Pool"])),
        Property::new("title", text(1, 300)),
        Property::new("description", text(1, 2000)),
        Property::new("resourceId", text(1, 2000)),
        Property::new("properties", Shape::Any),
        Property::new("credentials", Shape::Object(CREDENTIALS)).access(Access::Sealed),
        Property::new("proxy", Shape::Object(PROXY)).access(Access::Sealed),
        Property::new(
            "tls",
            Shape::Object(&[
                Property::new("validateCertificateChain", Shape::Boolean),
                Property::new("validateCertificateName", Shape::Boolean),
            ]),
        ),
        Property::new("circuitBreaker", Shape::Any),
        Property::new("pool", Shape::Any),
    ]),
    effect: Effect::None,
};

const VALUES: Shape = Shape::Map(&Shape::List(&TEXT, 100));
const CREDENTIALS: &[Property] = &[
    Property::new("certificateIds", Shape::List(&TEXT, 32)),
    Property::new("certificate", Shape::List(&TEXT, 32)),
    Property::new("query", VALUES),
    Property::new("header", VALUES),
    Property::new(
        "authorization",
        Shape::Object(&[
            Property::new("scheme", text(1, 100)).required(),
            Property::new("parameter", text(1, 300)).required(),
        ]),
    ),
];
const PROXY: &[Property] = &[
    Property::new("url", text(1, 2000)).required(),
    Property::new("username", TEXT),
    Property::new("password", TEXT),
];
