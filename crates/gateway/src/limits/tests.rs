//! Rate limits and quotas, counted with a clock of the test's own.

use super::*;

#[test]
fn a_window_opens_with_its_first_call_and_closes_after_its_period() {
    let counter = Counter::default();
    assert_eq!(counter.take(1_000, 500, 2), Ok(1));
    assert_eq!(counter.take(1_200, 500, 2), Ok(0));
    assert_eq!(counter.take(1_300, 500, 2), Err(200));
    assert_eq!(counter.take(1_500, 500, 2), Ok(1));
    assert_eq!(counter.take(9_999, 500, 0), Err(500), "a limit of nothing lets nothing in");
}

#[test]
fn threads_that_share_a_window_take_exactly_its_calls() {
    let counter = Arc::new(Counter::default());
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let counter = Arc::clone(&counter);
            std::thread::spawn(move || (0..1_000).filter(|_| counter.take(5, 1_000, 1_234).is_ok()).count())
        })
        .collect();
    let taken: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(taken, 1_234);
}

fn rule(calls: Option<u64>, kilobytes: Option<u64>, seconds: Option<u64>) -> LimitRule {
    LimitRule {
        id: "r".into(),
        applies: LimitScope::All,
        calls,
        kilobytes,
        period: seconds.map(Duration::from_secs),
    }
}

#[test]
fn a_quota_is_replenished_after_its_period_or_never() {
    let counter = Counter::default();
    let hourly = rule(Some(1), None, Some(3600));
    assert_eq!(counter.spend(0, &hourly), Verdict::Allowed { remaining: 0, total: 1 });
    let wait = Verdict::Exceeded { retry_after: Some(3599), bandwidth: false };
    assert_eq!(counter.spend(1_000, &hourly), wait);
    assert_eq!(counter.spend(3_600_000, &hourly), Verdict::Allowed { remaining: 0, total: 1 });

    let once = rule(Some(1), None, None);
    let counter = Counter::default();
    assert!(matches!(counter.spend(0, &once), Verdict::Allowed { .. }));
    assert_eq!(counter.spend(u64::MAX / 2, &once), Verdict::Exceeded { retry_after: None, bandwidth: false });
}

#[test]
fn bandwidth_is_counted_as_it_flows() {
    let counter = Arc::new(Counter::default());
    let rule = rule(None, Some(1), Some(60));
    assert!(matches!(counter.spend(0, &rule), Verdict::Allowed { .. }));
    Meter(Arc::clone(&counter)).add(1023);
    assert!(matches!(counter.spend(1, &rule), Verdict::Allowed { .. }));
    Meter(Arc::clone(&counter)).add(1);
    assert_eq!(counter.spend(2, &rule), Verdict::Exceeded { retry_after: Some(60), bandwidth: true });
}
