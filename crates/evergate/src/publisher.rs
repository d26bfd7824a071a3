//! Follows the store's change feed and hands the gateway a snapshot after every commit.
//!
//! Only what a commit changed is read again; a swapped generation, a new service or a long gap is
//! read whole. The last good snapshot is kept in a sealed file, so that a gateway that restarts while
//! its store is lost serves what it served before.

mod last_good;
mod load;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use evergate_model::snapshot::{Row, ServiceConfiguration, Snapshot};
use evergate_model::{Revision, Service, ServiceId};
use evergate_store::{Change, ChangeKind, InstanceKey, SharedStore, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use last_good::LastGoodFile;

/// More changes than this are slower to follow one by one than to read the service whole.
const MANY_CHANGES: usize = 2_000;
/// How often changes that came meanwhile are followed before what there is is published.
const ROUNDS: usize = 8;
/// After the store failed, before it is asked again.
const RETRY: Duration = Duration::from_secs(1);
/// The store is asked this often even when nothing wakes the publisher.
const AT_LEAST_EVERY: Duration = Duration::from_secs(30);
/// After a write, the disk is left alone this long at least, and this many times as long as it took:
/// a stream of commits must not become a stream of writes.
const REST: (Duration, u32) = (Duration::from_secs(2), 10);

/// The publisher while it runs.
pub(crate) struct Publisher {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    task: JoinHandle<()>,
}

impl Publisher {
    /// Publishes the last good snapshot, then follows the store until `stop`. The snapshot is kept in
    /// `file`, sealed with `key`.
    pub(crate) async fn start(
        store: SharedStore,
        key: InstanceKey,
        file: PathBuf,
        stop: CancellationToken,
    ) -> Self {
        let file = Arc::new(LastGoodFile::new(file, key));
        let first = Arc::new(file.read().await);
        let known = first
            .services
            .iter()
            .map(|service| (service.id.to_ascii_lowercase(), Arc::clone(service)))
            .collect();
        let (sender, snapshots) = watch::channel(first);
        let wake = store.watch();
        let follower = Follower { store, known, sender, file, unwritten: false };
        Self { snapshots, task: tokio::spawn(follower.run(wake, stop)) }
    }

    /// What was served last, for a gateway that must do without its store; empty when nothing was.
    pub(crate) async fn last_good(key: InstanceKey, file: PathBuf) -> Snapshot {
        Arc::new(LastGoodFile::new(file, key)).read().await
    }

    /// The newest snapshot, always.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Waits until the last snapshot has been written.
    pub(crate) async fn stopped(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the publisher failed");
        }
    }
}

struct Follower {
    store: SharedStore,
    /// Configurations by lower-cased service id.
    known: HashMap<String, Arc<ServiceConfiguration>>,
    sender: watch::Sender<Arc<Snapshot>>,
    file: Arc<LastGoodFile>,
    /// Whether the newest snapshot is not in the file yet.
    unwritten: bool,
}

impl Follower {
    async fn run(mut self, mut wake: watch::Receiver<u64>, stop: CancellationToken) {
        let mut writing: Option<JoinHandle<Duration>> = None;
        let mut rested = Instant::now();
        loop {
            wake.mark_unchanged();
            let pause = match self.follow().await {
                Ok(()) => AT_LEAST_EVERY,
                Err(error) => {
                    tracing::warn!(%error, "the store cannot be followed; the gateway serves what it has");
                    RETRY
                }
            };
            let waiting = self.unwritten && writing.is_none();
            if waiting && Instant::now() >= rested {
                writing = Some(self.write());
            }
            tokio::select! {
                changed = wake.changed() => if changed.is_err() {
                    tokio::select! { () = tokio::time::sleep(RETRY) => {} () = stop.cancelled() => {} }
                },
                () = tokio::time::sleep(pause) => {}
                took = finished(&mut writing) => rested = Instant::now() + REST.0.max(took * REST.1),
                () = tokio::time::sleep_until(rested), if waiting => {}
                () = stop.cancelled() => break,
            }
        }
        if let Some(writing) = writing {
            let _ = writing.await;
        }
        if self.unwritten {
            let _ = self.write().await;
        }
    }

    /// Writes the newest snapshot in the background, and tells how long that took.
    fn write(&mut self) -> JoinHandle<Duration> {
        self.unwritten = false;
        let (file, snapshot) = (Arc::clone(&self.file), Arc::clone(&self.sender.borrow()));
        tokio::spawn(async move {
            let started = Instant::now();
            if let Err(error) = file.write(snapshot).await {
                tracing::warn!(%error, "the last good snapshot could not be written");
            }
            started.elapsed()
        })
    }

    /// Brings the snapshot up to the store. A service that cannot be read keeps what it has and holds no
    /// other one up; the error is told when all have been looked at.
    async fn follow(&mut self) -> Result<(), StoreError> {
        let services = self.store.services().await?;
        let mut next = HashMap::with_capacity(services.len());
        let mut published = Snapshot::default();
        let mut failed = None;
        for service in &services {
            let key = service.id.to_string().to_ascii_lowercase();
            let known = self.known.get(&key);
            let configuration = match self.current(known, service).await {
                Ok(configuration) => configuration,
                Err(error) => {
                    failed = Some(error);
                    let Some(known) = known else { continue };
                    Arc::clone(known)
                }
            };
            published.services.push(Arc::clone(&configuration));
            next.insert(key, configuration);
        }
        let same = {
            let now = self.sender.borrow();
            now.services.len() == published.services.len()
                && now.services.iter().zip(&published.services).all(|(a, b)| Arc::ptr_eq(a, b))
        };
        self.known = next;
        if !same {
            self.sender.send_replace(Arc::new(published));
            self.unwritten = true;
        }
        failed.map_or(Ok(()), Err)
    }

    /// The configuration of a service as the store has it.
    async fn current(
        &self,
        known: Option<&Arc<ServiceConfiguration>>,
        service: &Service,
    ) -> Result<Arc<ServiceConfiguration>, StoreError> {
        Ok(match known {
            Some(known) if is_current(known, service) => Arc::clone(known),
            Some(known)
                if known.generation == service.generation.0 && known.revision <= service.revision.0 =>
            {
                Arc::new(self.catch_up(known, &service.id).await?)
            }
            _ => Arc::new(load::whole(&self.store, &service.id).await?),
        })
    }

    /// Applies what changed since a configuration was read. What is read may be newer than the change
    /// that named it, so this goes on until nothing is new: then it is the state of one commit.
    async fn catch_up(
        &self,
        known: &ServiceConfiguration,
        id: &ServiceId,
    ) -> Result<ServiceConfiguration, StoreError> {
        let mut configuration = known.clone();
        for _ in 0..ROUNDS {
            let changes = self.store.changes(id, Revision(configuration.revision)).await?;
            let Some(last) = changes.last() else { break };
            // After the changes, so that a change of the service itself is in it.
            let service = self.store.service(id).await?;
            let service = service.ok_or_else(|| StoreError::NotFound(id.to_string()))?;
            let swapped = changes.iter().any(|change| change.kind == ChangeKind::Swapped);
            if swapped || service.generation.0 != known.generation || changes.len() > MANY_CHANGES {
                return load::whole(&self.store, id).await;
            }
            configuration.set_service(&service);
            for change in &changes {
                self.apply(&mut configuration, id, change).await?;
            }
            configuration.revision = last.revision.0;
        }
        Ok(configuration)
    }

    async fn apply(
        &self,
        configuration: &mut ServiceConfiguration,
        service: &ServiceId,
        change: &Change,
    ) -> Result<(), StoreError> {
        let Some(path) = &change.path else { return Ok(()) };
        if change.kind == ChangeKind::Deleted {
            configuration.remove(path);
        } else if ServiceConfiguration::concerns(path.as_str()) {
            // What was deleted after this change is gone by now; its own change comes later.
            if let Some(resource) = self.store.resource(service, path).await? {
                configuration.put(Row::from(&resource));
            }
        }
        Ok(())
    }
}

/// Whether a configuration is what the store holds. A change of the service itself takes a revision too.
fn is_current(known: &ServiceConfiguration, service: &Service) -> bool {
    known.generation == service.generation.0 && known.revision == service.revision.0
}

async fn finished(writing: &mut Option<JoinHandle<Duration>>) -> Duration {
    match writing {
        Some(task) => {
            let took = task.await.unwrap_or_default();
            *writing = None;
            took
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
