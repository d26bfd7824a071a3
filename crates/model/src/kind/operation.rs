//! Operations of an API.

use super::property::{TEXT, text};
use super::{Body, Default, Effect, Kind, NameRule, Pattern, Property, Shape};

pub(super) const OPERATION: Kind = Kind {
    path: "apis/operations",
    title: "operation",
    name: NameRule::Free(80),
    body: Body::Properties(&[
        Property::new("displayName", text(1, 300)).required(),
        Property::new("method", Shape::Text { min: 1, max: 64, pattern: Some(METHOD) }).required(),
        Property::new("urlTemplate", text(1, 1000)).required(),
        Property::new("description", TEXT),
        Property::new("templateParameters", Shape::List(&PARAMETER, 1000)).default(Default::Texts(&[])),
        Property::new("request", Shape::Object(REQUEST)),
        Property::new("responses", Shape::List(&Shape::Object(RESPONSE), 1000)).default(Default::Texts(&[])),
        Property::new("policies", TEXT),
    ]),
    effect: Effect::Operation,
};

const METHOD: Pattern = Pattern {
    rule: "it is an HTTP method such as GET, or * for all",
    matches: |method| method.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)),
};
const PARAMETER: Shape = Shape::Object(&[
    Property::new("name", text(1, 400)).required(),
    Property::new("description", TEXT),
    Property::new("type", text(0, 100)).required(),
    Property::new("defaultValue", TEXT),
    Property::new("required", Shape::Boolean),
    Property::new("values", Shape::List(&TEXT, 10_000)),
    Property::new("schemaId", TEXT),
    Property::new("typeName", TEXT),
    Property::new("examples", Shape::Map(&Shape::Any)),
]);
const REPRESENTATION: Shape = Shape::Object(&[
    Property::new("contentType", text(1, 400)).required(),
    Property::new("schemaId", TEXT),
    Property::new("typeName", TEXT),
    Property::new("formParameters", Shape::List(&PARAMETER, 1000)),
    Property::new("examples", Shape::Map(&Shape::Any)),
]);
const REQUEST: &[Property] = &[
    Property::new("description", TEXT),
    Property::new("queryParameters", Shape::List(&PARAMETER, 1000)),
    Property::new("headers", Shape::List(&PARAMETER, 1000)),
    Property::new("representations", Shape::List(&REPRESENTATION, 1000)),
];
const RESPONSE: &[Property] = &[
    Property::new("statusCode", Shape::Integer { min: 100, max: 999 }).required(),
    Property::new("description", TEXT),
    Property::new("representations", Shape::List(&REPRESENTATION, 1000)),
    Property::new("headers", Shape::List(&PARAMETER, 1000)),
];
