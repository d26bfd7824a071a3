//! Named values: constants and secrets that policies mention as `{{name}}`.

use super::property::text;
use super::{Body, Default, Effect, Kind, NameRule, Pattern, Property, Shape};

pub(super) const NAMED_VALUE: Kind = Kind {
    path: "namedValues",
    title: "named value",
    name: NameRule::Free(256),
    body: Body::Properties(&[
        Property::new("displayName", Shape::Text { min: 1, max: 256, pattern: Some(DISPLAY_NAME) })
            .required(),
        Property::new("value", text(0, 4096)),
        Property::new("tags", Shape::List(&text(0, 160), 32)).default(Default::Texts(&[])),
        Property::new("secret", Shape::Boolean).default(Default::Boolean(false)),
        Property::new("keyVault", Shape::Any),
    ]),
    effect: Effect::NamedValue,
};

const DISPLAY_NAME: Pattern = Pattern {
    rule: "it takes letters, digits, period, dash and underscore only",
    matches: |name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)),
};
