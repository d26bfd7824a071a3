//! A caller that never stops calling, by a name that can be moved to another gateway.

use std::time::Duration;

use anyhow::Context as _;
use evergate_tests::{Gateway, ready};
use jiff::Timestamp;
use reqwest::StatusCode;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What a caller has seen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counted {
    pub(super) answered: u64,
    pub(super) failed: u64,
    /// Failures before the first outage or after its end.
    pub(super) failed_otherwise: u64,
    failing: bool,
    recovered: Option<Timestamp>,
}

/// The running caller.
pub(super) struct Traffic {
    target: watch::Sender<Option<Gateway>>,
    counted: watch::Receiver<Counted>,
    outage: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Traffic {
    /// Calls some fifty times a second.
    pub(super) fn start(gateway: Gateway, service: &str, path: &str, key: &str) -> Self {
        let (target, targets) = watch::channel(Some(gateway));
        let (count, counted) = watch::channel(Counted::default());
        let (outage, expected) = watch::channel(false);
        let (service, path, key) = (service.to_owned(), path.to_owned(), key.to_owned());
        let task = tokio::spawn(async move {
            loop {
                let gateway = targets.borrow().clone();
                let Some(gateway) = gateway else { break };
                let answer = gateway.get(&service, &path, &key).await;
                let good = answer.is_ok_and(|(status, _)| status == StatusCode::OK);
                count.send_modify(|counted| counted.note(good, *expected.borrow()));
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Self { target, counted, outage, task }
    }

    /// Moves the name.
    pub(super) fn move_to(&self, gateway: Gateway) {
        self.target.send_replace(Some(gateway));
    }

    /// Failures are expected from now on, until the next answer.
    pub(super) fn expect_outage(&self) {
        self.outage.send_replace(true);
    }

    /// Waits for the first failure.
    pub(super) async fn wait_until_failing(&self) -> anyhow::Result<()> {
        self.wait(|counted| counted.failing.then_some(())).await
    }

    /// Waits for the first answer after an outage, and says when it came.
    pub(super) async fn wait_until_answering(&self) -> anyhow::Result<Timestamp> {
        let recovered = self.wait(|counted| counted.recovered).await?;
        self.outage.send_replace(false);
        Ok(recovered)
    }

    async fn wait<T>(&self, found: impl Fn(&Counted) -> Option<T>) -> anyhow::Result<T> {
        let mut counted = self.counted.clone();
        let waited = counted.wait_for(|counted| found(counted).is_some());
        let counted = tokio::time::timeout(ready::PATIENCE, waited).await.context("the callers' state")??;
        found(&counted).context("the callers' state")
    }

    /// Ends the calls.
    pub(super) async fn stop(self) -> anyhow::Result<Counted> {
        self.target.send_replace(None);
        self.task.await?;
        Ok(*self.counted.borrow())
    }
}

impl Counted {
    fn note(&mut self, good: bool, outage: bool) {
        if good {
            self.answered += 1;
            if self.failing {
                self.recovered = Some(Timestamp::now());
                self.failing = false;
            }
        } else {
            self.failed += 1;
            self.failing = true;
            if !outage {
                self.failed_otherwise += 1;
            }
        }
    }
}
