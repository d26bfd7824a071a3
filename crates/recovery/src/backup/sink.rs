//! The producing half of a backup: rows of the snapshot become parts of the upload.
//!
//! It runs on the store's blocking thread and waits there when the upload is slower, so that memory
//! stays flat.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use evergate_archive::{ArchiveWriter, FORMAT_VERSION, Manifest, Recipient, Summary, WriteError};
use evergate_store::{RowSink, SnapshotInfo, SnapshotRow};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::mpsc;

use crate::RecoveryError;
use crate::runner::{Job, Meter};
use crate::storage::PART;

/// How long a backup can be restored.
const VALIDITY: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What a finished archive is.
pub(super) struct Produced {
    pub(super) info: SnapshotInfo,
    pub(super) expires_at: Timestamp,
    pub(super) bytes: u64,
    pub(super) sha256: String,
    pub(super) resources: u64,
}

/// Makes the archive. The snapshot drives the sink; the producer ends it.
pub(super) struct Producer {
    state: Arc<Mutex<State>>,
    seal: Seal,
    meter: Meter,
}

#[derive(Clone)]
struct Seal {
    recipients: Arc<Vec<Recipient>>,
    producer: String,
}

enum State {
    /// No row came yet.
    Waiting(PartWriter),
    Writing(Box<ArchiveWriter<PartWriter>>, SharedBuffer),
    /// What it was given cannot be written, or nobody takes it.
    Failed(WriteError),
    /// It was taken.
    Over,
}

impl Producer {
    pub(super) fn new(job: &Job<'_>, sender: mpsc::Sender<Bytes>) -> Self {
        let writer =
            PartWriter { buffer: SharedBuffer::default(), sender, meter: job.meter.clone(), sent: 0 };
        let seal =
            Seal { recipients: Arc::new(job.parts.keys.recipients()), producer: job.parts.producer.clone() };
        Self { state: Arc::new(Mutex::new(State::Waiting(writer))), seal, meter: job.meter.clone() }
    }

    pub(super) fn sink(&self) -> Box<dyn RowSink> {
        Box::new(Sink { state: Arc::clone(&self.state), seal: self.seal.clone(), meter: self.meter.clone() })
    }

    /// Why the archive could not be written, if that is what stopped the snapshot.
    pub(super) fn failure(self) -> Option<WriteError> {
        match mem::replace(&mut *lock(&self.state), State::Over) {
            State::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// Writes the end of the archive and sends the last part.
    pub(super) async fn finish(self, info: SnapshotInfo) -> Result<Produced, RecoveryError> {
        let state = mem::replace(&mut *lock(&self.state), State::Over);
        let State::Writing(writer, buffer) = state else {
            return Err(RecoveryError::Unloadable("the snapshot never began".to_owned()));
        };
        let sender = lock(&buffer.0).sender.take();
        let finished = tokio::task::spawn_blocking(move || writer.finish()).await;
        let summary: Summary = finished.map_err(|error| RecoveryError::Spool(io::Error::other(error)))??;
        let last = mem::take(&mut lock(&buffer.0).bytes);
        if let Some(sender) = sender
            && !last.is_empty()
        {
            // Nobody receives when the upload failed, and then that is the error.
            let _ = sender.send(Bytes::from(last)).await;
        }
        self.meter.set_bytes(summary.bytes);
        Ok(Produced {
            expires_at: expiry(info.at),
            info,
            bytes: summary.bytes,
            sha256: summary.sha256,
            resources: summary.resources,
        })
    }
}

fn expiry(created_at: Timestamp) -> Timestamp {
    created_at.checked_add(VALIDITY).unwrap_or(Timestamp::MAX)
}

struct Sink {
    state: Arc<Mutex<State>>,
    seal: Seal,
    meter: Meter,
}

impl RowSink for Sink {
    fn begin(&mut self, info: &SnapshotInfo) -> Result<(), String> {
        let mut state = lock(&self.state);
        let State::Waiting(writer) = mem::replace(&mut *state, State::Over) else {
            return Err("the snapshot began twice".to_owned());
        };
        self.meter.phase("reading and uploading", info.counts.iter().map(|(_, count)| count).sum());
        let buffer = writer.buffer.clone();
        lock(&buffer.0).sender = Some(writer.sender.clone());
        let manifest = describe(info, &self.seal.producer);
        let header = manifest.header(&self.seal.recipients);
        match ArchiveWriter::new(writer, header, manifest, &self.seal.recipients) {
            Ok(writer) => {
                *state = State::Writing(Box::new(writer), buffer);
                Ok(())
            }
            Err(error) => Err(fail(&mut state, error)),
        }
    }

    fn row(&mut self, row: SnapshotRow<'_>) -> Result<(), String> {
        let mut state = lock(&self.state);
        let State::Writing(writer, _) = &mut *state else {
            return Err("the archive is closed".to_owned());
        };
        let (path, revision) = (row.path, row.revision.0);
        match writer.resource(row.resource_type, path, row.etag, revision, row.properties, row.secrets) {
            Ok(()) => {
                self.meter.add(1);
                Ok(())
            }
            Err(error) => Err(fail(&mut state, error)),
        }
    }
}

/// Keeps the error for the producer and tells the snapshot to stop.
fn fail(state: &mut State, error: WriteError) -> String {
    let reason = error.to_string();
    *state = State::Failed(error);
    reason
}

fn describe(info: &SnapshotInfo, producer: &str) -> Manifest {
    let service = &info.service;
    Manifest {
        format_version: FORMAT_VERSION,
        service: service.id.to_string(),
        name: service.id.name.to_string(),
        location: service.location.clone(),
        sku_name: service.sku.name.clone(),
        sku_capacity: service.sku.capacity,
        created_at: info.at,
        expires_at: expiry(info.at),
        revision: service.revision.0,
        counts: info.counts.clone(),
        producer: producer.to_owned(),
        // The writer fills these in.
        key_ids: Vec::new(),
        header_sha256: String::new(),
        service_body: json!({
            "createdAt": service.created_at.to_string(),
            "tags": service.tags,
            "body": service.body,
        }),
    }
}

/// What was written and does not fill a part yet, and the way to send it once the archive is done.
#[derive(Clone, Default)]
struct SharedBuffer(Arc<Mutex<Buffer>>);

#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    sender: Option<mpsc::Sender<Bytes>>,
}

/// Cuts the archive into parts and sends them.
struct PartWriter {
    buffer: SharedBuffer,
    sender: mpsc::Sender<Bytes>,
    meter: Meter,
    sent: u64,
}

impl Write for PartWriter {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let full = {
            let mut buffer = lock(&self.buffer.0);
            let room = PART - buffer.bytes.len();
            let taken = data.len().min(room);
            buffer.bytes.extend_from_slice(&data[..taken]);
            if buffer.bytes.len() < PART {
                return Ok(taken);
            }
            (taken, mem::take(&mut buffer.bytes))
        };
        let (taken, part) = full;
        self.sent += part.len() as u64;
        self.meter.set_bytes(self.sent);
        self.sender
            .blocking_send(Bytes::from(part))
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the upload stopped"))?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
