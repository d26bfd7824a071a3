//! The fuzz target's body on stable: random text, and random nesting of what policies are made of.

#[path = "../../../fuzz/bodies/policy_document.rs"]
mod policy_document;

use proptest::prelude::*;

const PIECES: [&str; 16] = [
    "<inbound>",
    "</inbound>",
    "<base />",
    "<set-header name='{{name}}' exists-action='override'>",
    "</set-header>",
    "<value>{{secret}}</value>",
    "<rate-limit calls='{{number}}' renewal-period='60' />",
    "<ip-filter action='allow'><address>{{a}}</address></ip-filter>",
    "<rewrite-uri template='/{{absent}}' />",
    "<return-response>",
    "</return-response>",
    "<set-status code='200' reason='{{reason}}' />",
    "<choose>",
    "@(context)",
    "&#10;",
    "<!--",
];

proptest! {
    #[test]
    fn random_text(text in ".{0,200}") {
        policy_document::body(text.as_bytes());
    }

    #[test]
    fn random_pieces(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..12)) {
        policy_document::body(pieces.concat().as_bytes());
    }
}
