//! Slows guessing down: after a few wrong secrets for the same name from the same address, the next ones wait.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::random;

/// Wrong secrets that cost nothing.
const FREE: u32 = 5;
/// The longest wait.
const LONGEST: SignedDuration = SignedDuration::from_secs(300);
/// Failures this old are forgotten.
const MEMORY: SignedDuration = SignedDuration::from_secs(3600);
/// Names remembered; past this the stale ones go, then all.
const ROOM: usize = 50_000;

/// Counts failures by name and caller's address, so that one caller does not lock another out.
#[derive(Default)]
pub(crate) struct Attempts(Mutex<HashMap<Key, Failures>>);

/// A digest of the name, because callers choose its length, and the address.
type Key = (String, Option<IpAddr>);

fn key(name: &str, from: Option<IpAddr>) -> Key {
    (random::digest(&name.to_lowercase()), from.map(whose))
}

/// Whoever has one IPv6 address has the 64 bits of addresses beside it.
fn whose(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

struct Failures {
    count: u32,
    last: Timestamp,
}

impl Failures {
    fn wait(&self) -> SignedDuration {
        let over = self.count.saturating_sub(FREE);
        if over == 0 {
            SignedDuration::ZERO
        } else {
            LONGEST.min(SignedDuration::from_secs(1 << over.min(9)))
        }
    }
}

impl Attempts {
    /// Whether the name may be tried now; if not, how many seconds to wait.
    pub(crate) fn check(&self, name: &str, from: Option<IpAddr>, now: Timestamp) -> Result<(), i64> {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(failures) = failures.get(&key(name, from)) else { return Ok(()) };
        let left = failures.wait() - now.duration_since(failures.last);
        if left > SignedDuration::ZERO { Err(left.as_secs().max(1)) } else { Ok(()) }
    }

    pub(crate) fn failed(&self, name: &str, from: Option<IpAddr>, now: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= ROOM {
            all.retain(|_, failures| now.duration_since(failures.last) < MEMORY);
            if all.len() >= ROOM {
                all.clear();
            }
        }
        let failures = all.entry(key(name, from)).or_insert(Failures { count: 0, last: now });
        if now.duration_since(failures.last) > MEMORY {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
    }

    pub(crate) fn succeeded(&self, name: &str, from: Option<IpAddr>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(name, from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_waits_longer_and_longer_and_right_answers_forget_it() {
        let attempts = Attempts::default();
        let mut now = Timestamp::UNIX_EPOCH;
        for _ in 0..FREE {
            assert_eq!(attempts.check("Ann", None, now), Ok(()));
            attempts.failed("ann", None, now);
        }
        assert_eq!(attempts.check("ann", None, now), Ok(()));
        for wait in [2, 4, 8, 16] {
            attempts.failed("ann", None, now);
            assert_eq!(attempts.check("ANN", None, now), Err(wait));
            now += SignedDuration::from_secs(wait);
            assert_eq!(attempts.check("ann", None, now), Ok(()));
        }
        attempts.failed("ann", None, now);
        assert_eq!(attempts.check("ann", Some([10, 0, 0, 1].into()), now), Ok(()), "another address");
        attempts.succeeded("ann", None);
        assert_eq!(attempts.check("ann", None, now), Ok(()));
    }

    #[test]
    fn an_address_nearby_is_the_same_caller() {
        let attempts = Attempts::default();
        let now = Timestamp::UNIX_EPOCH;
        let from = |text: &str| Some(text.parse().unwrap());
        for _ in 0..=FREE {
            attempts.failed("ann", from("2001:db8:0:1::1"), now);
            attempts.failed("ann", from("10.0.0.1"), now);
        }
        assert!(attempts.check("ann", from("2001:db8:0:1:ffff::2"), now).is_err());
        assert!(attempts.check("ann", from("::ffff:10.0.0.1"), now).is_err());
        assert_eq!(attempts.check("ann", from("2001:db8:0:2::1"), now), Ok(()));
        assert_eq!(attempts.check("ann", from("10.0.0.2"), now), Ok(()));
    }
}
