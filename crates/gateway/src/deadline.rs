//! Time limits that cost next to nothing while they are kept.
//!
//! A timer that is set and cleared for every request is work for the runtime's wheel each time. These
//! leave their timer where it is: when it fires too early, because the limit has moved on meanwhile, it
//! is set again.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

/// A limit that is used again and again.
#[derive(Debug, Default)]
pub(crate) struct Deadline(Option<Pin<Box<tokio::time::Sleep>>>);

impl Deadline {
    /// Ready from an instant on.
    pub(crate) fn poll(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let at = tokio::time::Instant::from_std(at);
        let timer = self.0.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= at {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
        Poll::Pending
    }
}

/// Times the limits of one of hyper's connections. Hyper makes a new sleep for every request; they
/// hand one timer on.
#[derive(Debug, Clone, Default)]
pub(crate) struct LazyTimer {
    kept: Arc<Mutex<Deadline>>,
}

struct LazySleep {
    at: Instant,
    deadline: Deadline,
    kept: Arc<Mutex<Deadline>>,
}

impl Timer for LazyTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, at: Instant) -> Pin<Box<dyn Sleep>> {
        let deadline = self.kept.lock().map(|mut kept| std::mem::take(&mut *kept)).unwrap_or_default();
        Box::pin(LazySleep { at, deadline, kept: Arc::clone(&self.kept) })
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, at: Instant) {
        match sleep.as_mut().downcast_mut_pin::<LazySleep>() {
            Some(sleep) => sleep.get_mut().at = at,
            None => *sleep = self.sleep_until(at),
        }
    }
}

impl Sleep for LazySleep {}

impl Future for LazySleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let at = self.at;
        self.deadline.poll(at, cx)
    }
}

impl Drop for LazySleep {
    fn drop(&mut self) {
        if let Ok(mut kept) = self.kept.lock() {
            *kept = std::mem::take(&mut self.deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_is_kept_whether_it_moves_on_or_back() {
        let mut deadline = Deadline::default();
        let start = tokio::time::Instant::now();
        for (seconds, expected) in [(10, 10), (3, 13), (20, 33), (1, 34)] {
            let now = tokio::time::Instant::now().into_std();
            let far = now + Duration::from_secs(100);
            assert!(poll_fn(|cx| Poll::Ready(deadline.poll(far, cx))).await.is_pending());
            poll_fn(|cx| deadline.poll(now + Duration::from_secs(seconds), cx)).await;
            assert_eq!(start.elapsed().as_secs(), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn sleeps_hand_one_timer_on() {
        let timer = LazyTimer::default();
        let start = tokio::time::Instant::now();
        let soon = tokio::time::Instant::now().into_std() + Duration::from_secs(5);
        let mut first = timer.sleep_until(soon);
        assert!(poll_once(&mut first).await.is_pending());
        drop(first);
        let mut second = timer.sleep_until(soon + Duration::from_secs(2));
        assert!(poll_once(&mut second).await.is_pending());
        second.await;
        assert_eq!(start.elapsed().as_secs(), 7);
    }

    async fn poll_once(sleep: &mut Pin<Box<dyn Sleep>>) -> Poll<()> {
        poll_fn(|cx| Poll::Ready(sleep.as_mut().poll(cx))).await
    }
}
