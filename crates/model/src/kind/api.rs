//! APIs, with what stands directly below them, and their version sets.

use super::property::{TEXT, text};
use super::{Access, Body, Default, Effect, Kind, NameRule, OnDelete, Pattern, Property, Reference, Shape};

pub(super) const API: Kind = Kind {
    path: "apis",
    title: "API",
    name: NameRule::Free(256),
    body: Body::Properties(&[
        Property::new("displayName", text(1, 300)).required(),
        Property::new("description", TEXT),
        Property::new("path", Shape::Text { min: 0, max: 400, pattern: Some(PATH) }).required(),
        Property::new("protocols", Shape::List(&PROTOCOL, 4)).default(Default::Texts(&["https"])),
        Property::new("serviceUrl", text(0, 2000)),
        Property::new("type", Shape::Choice(TYPES)).default(Default::Text("http")),
        Property::new("apiType", Shape::Choice(TYPES)).access(Access::Request),
        Property::new("subscriptionRequired", Shape::Boolean).default(Default::Boolean(true)),
        Property::new("subscriptionKeyParameterNames", Shape::Object(KEY_NAMES)).default(Default::Texted(&[
            ("header", "Ocp-Apim-Subscription-Key"),
            ("query", "subscription-key"),
        ])),
        Property::new("apiRevision", text(1, 100)),
        Property::new("apiRevisionDescription", text(0, 256)),
        Property::new("isCurrent", Shape::Boolean),
        Property::new("isOnline", Shape::Boolean).access(Access::ReadOnly),
        Property::new("apiVersion", text(0, 100)),
        Property::new("apiVersionDescription", text(0, 256)),
        Property::new("apiVersionSetId", TEXT)
            .references(&[Reference { to: "apiVersionSets", on_delete: OnDelete::Refuse }]),
        Property::new("apiVersionSet", Shape::Any).access(Access::Request),
        Property::new("authenticationSettings", Shape::Any),
        Property::new("termsOfServiceUrl", TEXT),
        Property::new("contact", Shape::Object(CONTACT)),
        Property::new("license", Shape::Object(LICENSE)),
        Property::new("sourceApiId", TEXT).access(Access::Request),
        Property::new("format", text(1, 100)).access(Access::Request),
        Property::new("value", TEXT).access(Access::Request),
        Property::new("createdDateTime", Shape::Time).access(Access::Internal),
        Property::new("updatedDateTime", Shape::Time).access(Access::Internal),
    ]),
    effect: Effect::Api,
};

const PROTOCOL: Shape = Shape::Choice(&["http", "https", "ws", "wss"]);
const TYPES: &[&str] = &["http", "soap", "websocket", "graphql", "odata", "grpc"];
const PATH: Pattern = Pattern {
    rule: "it is a relative URL without query, fragment, empty segments, spaces or leading and trailing slashes",
    matches: |path| {
        path.is_empty()
            || (path.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
                && !path.contains(['?', '#', '\\', '*'])
                && !path.chars().any(|c| c.is_whitespace() || c.is_control()))
    },
};
const KEY_NAMES: &[Property] = &[
    Property::new("header", text(1, 200)).default(Default::Text("Ocp-Apim-Subscription-Key")),
    Property::new("query", text(1, 200)).default(Default::Text("subscription-key")),
];
const CONTACT: &[Property] =
    &[Property::new("name", TEXT), Property::new("url", TEXT), Property::new("email", TEXT)];
const LICENSE: &[Property] = &[Property::new("name", TEXT), Property::new("url", TEXT)];

pub(super) const SCHEMA: Kind = Kind {
    path: "apis/schemas",
    title: "schema",
    name: NameRule::Free(80),
    body: Body::Properties(&[
        Property::new("contentType", text(1, 200)).required(),
        Property::new(
            "document",
            Shape::Object(&[
                Property::new("value", TEXT),
                Property::new("definitions", Shape::Any),
                Property::new("components", Shape::Any),
            ]),
        ),
    ]),
    effect: Effect::None,
};

pub(super) const RELEASE: Kind = Kind {
    path: "apis/releases",
    title: "release",
    name: NameRule::Free(80),
    body: Body::Properties(&[
        Property::new("apiId", TEXT),
        Property::new("notes", TEXT),
        Property::new("createdDateTime", Shape::Time).access(Access::ReadOnly),
        Property::new("updatedDateTime", Shape::Time).access(Access::ReadOnly),
    ]),
    effect: Effect::Release,
};

pub(super) const RESOLVER: Kind = Kind {
    path: "apis/resolvers",
    title: "resolver",
    name: NameRule::Free(80),
    body: Body::Properties(&[
        Property::new("displayName", text(1, 300)).required(),
        Property::new("path", text(1, 300)).required(),
        Property::new("description", text(0, 1000)),
    ]),
    effect: Effect::None,
};

pub(super) const VERSION_SET: Kind = Kind {
    path: "apiVersionSets",
    title: "API version set",
    name: NameRule::Free(80),
    body: Body::Properties(&[
        Property::new("displayName", text(1, 100)).required(),
        Property::new("description", TEXT),
        Property::new("versioningScheme", Shape::Choice(&["Segment", "Query", "Header"])).required(),
        Property::new("versionQueryName", text(1, 100)),
        Property::new("versionHeaderName", text(1, 100)),
    ]),
    effect: Effect::None,
};
