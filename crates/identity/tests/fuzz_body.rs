//! The fuzz target's body on stable: random bytes, and claims that almost fit.

#[path = "../../../fuzz/bodies/token.rs"]
mod token;

use proptest::prelude::*;

proptest! {
    #[test]
    fn random_bytes(data in prop::collection::vec(any::<u8>(), 0..300)) {
        token::body(&data);
    }

    #[test]
    fn random_claims(issuer in "https://localhost:9443/[0-9a-f-]{0,36}/(v2.0)?", expiry in any::<f64>(), more in ".{0,20}") {
        let claims = format!(
            r#"{{"iss":"{issuer}","aud":"https://localhost:9443/","exp":{expiry},"nbf":0,"oid":"{more}","ver":"2.0"}}"#
        );
        token::body(claims.as_bytes());
    }
}
