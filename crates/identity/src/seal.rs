//! Texts that go through the browser and must come back as they were: signed, dated, not secret.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The key that signs pages, shared by all processes of a directory.
pub(crate) struct Seal(hmac::Key);

#[derive(Serialize, Deserialize)]
struct Dated<T> {
    until: Timestamp,
    value: T,
}

impl Seal {
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// Signs a value for one purpose and for a while.
    pub(crate) fn seal(&self, purpose: &str, value: &impl Serialize, until: Timestamp) -> String {
        let body = serde_json::to_vec(&Dated { until, value }).unwrap_or_default();
        let body = URL_SAFE_NO_PAD.encode(body);
        let tag = hmac::sign(&self.0, format!("{purpose}.{body}").as_bytes());
        format!("{body}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// The value, if it was signed here for this purpose and its time is not over.
    pub(crate) fn open<T: DeserializeOwned>(&self, purpose: &str, sealed: &str, now: Timestamp) -> Option<T> {
        let (body, tag) = sealed.split_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.0, format!("{purpose}.{body}").as_bytes(), &tag).ok()?;
        let dated: Dated<T> = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()?;
        (dated.until.duration_since(now) > SignedDuration::ZERO).then_some(dated.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sealed_here_for_this_and_lately_opens() {
        let seal = Seal::new(&[7; 32]);
        let now = Timestamp::UNIX_EPOCH;
        let later = now + SignedDuration::from_secs(10);
        let sealed = seal.seal("page", &"hello", later);
        assert_eq!(seal.open::<String>("page", &sealed, now).as_deref(), Some("hello"));
        assert_eq!(seal.open::<String>("other", &sealed, now), None);
        assert_eq!(seal.open::<String>("page", &sealed, later), None);
        assert_eq!(Seal::new(&[8; 32]).open::<String>("page", &sealed, now), None);
        for at in 0..sealed.len() {
            let mut altered = sealed.clone().into_bytes();
            altered[at] ^= 1;
            let altered = String::from_utf8_lossy(&altered).into_owned();
            assert_eq!(seal.open::<String>("page", &altered, now), None, "{at}");
        }
    }
}
