//! Counters of rate limits and quotas.
//!
//! A counter is found by rule and subscriber, in a cache of the worker thread first: only the first
//! request of a subscriber on a thread takes the lock of the shared map. Counting is one
//! compare-and-swap. Counters outlive snapshots, so an edit elsewhere does not refill anybody's quota.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use evergate_policy::Effects;
use evergate_policy::document::{LimitRule, LimitScope, Quota, RateLimit};
use evergate_policy::evaluate::Verdict;

use crate::table::{ApiTable, OperationTable};

/// Two digests of rule and subscriber: 128 bits do not collide.
type Key = (u64, u64);

thread_local! {
    static CACHE: RefCell<HashMap<Key, Arc<Counter>>> = RefCell::default();
}

/// All counters of a gateway.
#[derive(Debug)]
pub(crate) struct Counters {
    started: Instant,
    all: Mutex<HashMap<Key, Arc<Counter>>>,
}

/// One counter.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    /// A rate limit's window: its start in milliseconds above 24 bits of calls. A quota's: its start.
    window: AtomicU64,
    calls: AtomicU64,
    bytes: AtomicU64,
}

/// Counts the bytes of a response against a quota.
#[derive(Debug, Clone)]
pub(crate) struct Meter(Arc<Counter>);

impl Meter {
    pub(crate) fn add(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

const CALL_BITS: u32 = 24;
const CALL_MASK: u64 = (1 << CALL_BITS) - 1;

impl Counter {
    /// Takes one of `limit` calls in a window: how many remain, or milliseconds until the next window.
    fn take(&self, now: u64, period: u64, limit: u64) -> Result<u64, u64> {
        let mut seen = self.window.load(Ordering::Relaxed);
        loop {
            let (start, calls) = (seen >> CALL_BITS, seen & CALL_MASK);
            let ended = calls == 0 || now.saturating_sub(start) >= period;
            let (start, calls) = if ended { (now, 0) } else { (start, calls) };
            if calls >= limit {
                return Err((start + period).saturating_sub(now));
            }
            let next = start << CALL_BITS | (calls + 1);
            match self.window.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(limit - calls - 1),
                Err(other) => seen = other,
            }
        }
    }

    /// Counts a call against a quota. At the very start of a period, a call that runs beside the one
    /// that begins it may be counted to the former period.
    fn spend(&self, now: u64, rule: &LimitRule) -> Verdict {
        let period = rule.period.map(milliseconds);
        let start = self.window.load(Ordering::Relaxed);
        let ended = period.is_some_and(|period| start > 0 && now + 1 - start.min(now + 1) >= period);
        let fresh = start == 0 || ended;
        if fresh && self.window.compare_exchange(start, now + 1, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            self.calls.store(0, Ordering::Relaxed);
            self.bytes.store(0, Ordering::Relaxed);
        }
        let left = || {
            let start = self.window.load(Ordering::Relaxed);
            period.map(|period| (start + period).saturating_sub(now + 1).div_ceil(1000))
        };
        if rule
            .kilobytes
            .is_some_and(|limit| self.bytes.load(Ordering::Relaxed) >= limit.saturating_mul(1024))
        {
            return Verdict::Exceeded { retry_after: left(), bandwidth: true };
        }
        let Some(limit) = rule.calls else {
            return Verdict::Allowed { remaining: u64::MAX, total: u64::MAX };
        };
        let taken = self
            .calls
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |calls| (calls < limit).then_some(calls + 1));
        match taken {
            Ok(before) => Verdict::Allowed { remaining: limit - before - 1, total: limit },
            Err(_) => Verdict::Exceeded { retry_after: left(), bandwidth: false },
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), all: Mutex::default() }
    }

    /// Forgets counters that no thread used since its last call of [`forget_cached`].
    pub(crate) fn sweep(&self, now: Instant) {
        let now = milliseconds(now.saturating_duration_since(self.started));
        let day = milliseconds(Duration::from_hours(24));
        self.lock().retain(|_, counter| {
            // A rate limit's window lasts a day at most; a quota's counter stays.
            let quota =
                counter.calls.load(Ordering::Relaxed) > 0 || counter.bytes.load(Ordering::Relaxed) > 0;
            let start = counter.window.load(Ordering::Relaxed) >> CALL_BITS;
            quota || Arc::strong_count(counter) > 1 || now.saturating_sub(start) < day
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<Counter>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counter(&self, key: Key) -> Arc<Counter> {
        CACHE.with_borrow_mut(|cache| {
            let cached = cache.entry(key).or_insert_with(|| Arc::clone(self.lock().entry(key).or_default()));
            Arc::clone(cached)
        })
    }
}

/// Empties this thread's cache, so that counters nobody uses can be forgotten.
pub(crate) fn forget_cached() {
    CACHE.with_borrow_mut(HashMap::clear);
}

/// Counts for one request.
pub(crate) struct Counting<'a> {
    pub(crate) counters: &'a Counters,
    pub(crate) service: &'a str,
    /// Who is counted: a subscription, or nobody in particular.
    pub(crate) subject: &'a str,
    pub(crate) api: &'a ApiTable,
    pub(crate) operation: Option<&'a OperationTable>,
    /// What the response's bytes are counted against.
    pub(crate) meters: Vec<Meter>,
}

impl Counting<'_> {
    fn applies(&self, rule: &LimitRule) -> bool {
        let api = |selector: &evergate_policy::document::Selector| {
            selector.selects(&self.api.key, &self.api.source.display_name)
        };
        match &rule.applies {
            LimitScope::All => true,
            LimitScope::Api(selector) => api(selector),
            LimitScope::Operation(selector, operation) => {
                api(selector)
                    && self
                        .operation
                        .is_some_and(|own| operation.selects(&own.source.id, &own.source.display_name))
            }
        }
    }

    fn counter(&self, rule: &LimitRule) -> Arc<Counter> {
        let mut first = DefaultHasher::new();
        (self.service, &rule.id, self.subject).hash(&mut first);
        let mut second = first.clone();
        second.write_u8(1);
        self.counters.counter((first.finish(), second.finish()))
    }

    fn now(&self) -> u64 {
        milliseconds(self.counters.started.elapsed())
    }
}

impl Effects for Counting<'_> {
    fn rate_limit(&mut self, limit: &RateLimit) -> Verdict {
        let mut least = (u64::MAX, u64::MAX);
        for rule in limit.rules.iter().filter(|rule| self.applies(rule)) {
            let (Some(calls), Some(period)) = (rule.calls, rule.period) else { continue };
            match self.counter(rule).take(self.now(), milliseconds(period), calls) {
                Ok(remaining) => least = least.min((remaining, calls)),
                Err(wait) => {
                    return Verdict::Exceeded { retry_after: Some(wait.div_ceil(1000)), bandwidth: false };
                }
            }
        }
        Verdict::Allowed { remaining: least.0, total: least.1 }
    }

    fn quota(&mut self, quota: &Quota) -> Verdict {
        let mut meters = Vec::new();
        for rule in quota.rules.iter().filter(|rule| self.applies(rule)) {
            let counter = self.counter(rule);
            let verdict = counter.spend(self.now(), rule);
            if matches!(verdict, Verdict::Exceeded { .. }) {
                return verdict;
            }
            if rule.kilobytes.is_some() {
                meters.push(Meter(counter));
            }
        }
        self.meters.extend(meters);
        Verdict::Allowed { remaining: 0, total: 0 }
    }
}

#[cfg(test)]
mod tests;
