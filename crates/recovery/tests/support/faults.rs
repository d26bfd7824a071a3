//! A storage account that fails on demand.
//!
//! It stands around a working one and does to one chosen call what networks and services do: an error, a
//! connection that drops half-way, fewer bytes than there are, or no answer until somebody lets go.

#![allow(dead_code, reason = "every test binary uses its own part of this")]

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use evergate_recovery::storage::StoreWrapper;
use futures_util::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use tokio::sync::watch;

/// What is done to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is answered with an error.
    Fails,
    /// The connection drops after half of the bytes.
    Drops,
    /// Half of the bytes are passed on, and nobody says so.
    Truncates,
    /// Nothing happens until [`Faults::let_go`].
    Stalls,
}

/// The calls that can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// Any read; the first one is the question whether the container answers.
    Get,
    /// The upload of a whole blob.
    Put,
    /// The beginning of a staged upload.
    Begin,
    /// One part of it.
    Part,
    /// Its end, which makes it visible.
    Complete,
}

#[derive(Clone)]
pub(crate) struct Faults(Arc<State>);

struct State {
    /// The call, how many of its kind pass before it, and what is done to it.
    plan: Mutex<Option<(Call, usize, Fault)>>,
    /// Whether the planned call was made.
    hit: watch::Sender<bool>,
    open: watch::Sender<bool>,
}

impl Faults {
    pub(crate) fn none() -> Self {
        Self(Arc::new(State {
            plan: Mutex::new(None),
            hit: watch::Sender::new(false),
            open: watch::Sender::new(false),
        }))
    }

    /// Does `fault` to the `nth` call of a kind from now on, counted from 0, once.
    pub(crate) fn plan(&self, call: Call, nth: usize, fault: Fault) {
        self.0.hit.send_replace(false);
        self.0.open.send_replace(false);
        *self.0.plan.lock().unwrap() = Some((call, nth, fault));
    }

    /// Whether the planned call was made.
    pub(crate) fn was_hit(&self) -> bool {
        *self.0.hit.borrow()
    }

    /// Waits until the planned call is made.
    pub(crate) async fn hit(&self) {
        self.0.hit.subscribe().wait_for(|hit| *hit).await.unwrap();
    }

    /// Ends a stall.
    pub(crate) fn let_go(&self) {
        self.0.open.send_replace(true);
    }

    pub(crate) fn wrapper(&self) -> StoreWrapper {
        let faults = self.clone();
        Arc::new(move |inner| Arc::new(FaultyStore { inner, faults: faults.clone() }))
    }

    /// What is to be done to this call; a stall is sat out here.
    async fn meet(&self, call: Call) -> Result<Option<Fault>> {
        let fault = {
            let mut plan = self.0.plan.lock().unwrap();
            match plan.as_mut() {
                Some((planned, 0, fault)) if *planned == call => {
                    let fault = *fault;
                    *plan = None;
                    fault
                }
                Some((planned, before, _)) if *planned == call => {
                    *before -= 1;
                    return Ok(None);
                }
                _ => return Ok(None),
            }
        };
        self.0.hit.send_replace(true);
        match fault {
            Fault::Fails => Err(error("the service is busy")),
            Fault::Stalls => {
                self.0.open.subscribe().wait_for(|open| *open).await.map_err(|_| error("nobody let go"))?;
                Ok(None)
            }
            fault => Ok(Some(fault)),
        }
    }
}

fn error(text: &str) -> Error {
    Error::Generic { store: "faulty", source: text.into() }
}

fn dropped() -> Error {
    error("the connection was reset")
}

struct FaultyStore {
    inner: Arc<dyn ObjectStore>,
    faults: Faults,
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

fn half(payload: PutPayload) -> PutPayload {
    let bytes: Bytes = payload.into();
    PutPayload::from_bytes(bytes.slice(..bytes.len() / 2))
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        match self.faults.meet(Call::Put).await? {
            Some(Fault::Drops) => Err(dropped()),
            Some(Fault::Truncates) => self.inner.put_opts(location, half(payload), opts).await,
            _ => self.inner.put_opts(location, payload, opts).await,
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        if self.faults.meet(Call::Begin).await?.is_some() {
            return Err(dropped());
        }
        let inner = self.inner.put_multipart_opts(location, opts).await?;
        Ok(Box::new(FaultyUpload { inner, faults: self.faults.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let fault = self.faults.meet(Call::Get).await?;
        let mut result = self.inner.get_opts(location, options).await?;
        if let Some(fault) = fault {
            let range: Range<u64> = result.range.clone();
            let (meta, attributes, extensions) =
                (result.meta.clone(), result.attributes.clone(), result.extensions.clone());
            let bytes = result.bytes().await?;
            let mut pieces = vec![Ok(bytes.slice(..bytes.len() / 2))];
            if fault == Fault::Drops {
                pieces.push(Err(dropped()));
            }
            let payload = GetResultPayload::Stream(stream::iter(pieces).boxed());
            result = GetResult { payload, meta, range, attributes, extensions };
        }
        Ok(result)
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct FaultyUpload {
    inner: Box<dyn MultipartUpload>,
    faults: Faults,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faults")
    }
}

#[async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let faults = self.faults.clone();
        // The order of the parts is the order of these calls, so the inner one is made now.
        let whole = self.inner.put_part(data);
        Box::pin(async move {
            match faults.meet(Call::Part).await? {
                Some(_) => Err(dropped()),
                None => whole.await,
            }
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        match self.faults.meet(Call::Complete).await? {
            Some(_) => Err(dropped()),
            None => self.inner.complete().await,
        }
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}
