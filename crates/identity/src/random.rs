//! Unguessable texts, and the digests they are stored under.

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The consonants and digits that neither spell words nor look alike: what a person types from a screen.
const TYPEABLE: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    // The generator is seeded from the operating system when the process starts and does not fail later.
    rand::fill(&mut out).expect("the system's random generator answers");
    out
}

/// 256 random bits, safe in URLs.
pub(crate) fn token() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<32>())
}

/// A short code in two groups of four letters, about 34 bits: used only where attempts are counted.
pub(crate) fn user_code() -> String {
    let mut out = String::with_capacity(9);
    while out.len() < 9 {
        if out.len() == 4 {
            out.push('-');
        }
        let byte = bytes::<1>()[0];
        // 240 is the largest multiple of 20 below 256: no letter is likelier than another.
        if byte < 240 {
            out.push(char::from(TYPEABLE[usize::from(byte) % TYPEABLE.len()]));
        }
    }
    out
}

/// What a one-time text is stored under, so that reading the store does not give the text.
pub(crate) fn digest(text: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// SHA-256 in the form PKCE's `S256` compares (RFC 7636, 4.2).
pub(crate) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

/// Whether two texts are equal, in a time that does not tell where they differ.
pub(crate) fn same(a: &str, b: &str) -> bool {
    use subtle::ConstantTimeEq as _;
    a.as_bytes().ct_eq(b.as_bytes()).into()
}
