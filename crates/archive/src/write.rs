//! Writes a backup in one pass: the caller's thread lays members out, workers hash and compress them.

mod pack;

use std::io::{self, Write};

use jiff::Timestamp;

use crate::digest::{Hashed, sha256_hex};
use crate::member::{self, BLOCK, Name};
use crate::pipeline::Pipeline;
use crate::trailer::{TRAILER_LENGTH, Trailer};
use crate::{FORMAT_VERSION, Header, Manifest, Recipient, line};
use pack::{Chunk, Packed};

/// A part is closed once it has this size, and so is a frame.
const PART_SIZE: usize = 1 << 20;

/// Why a backup could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The destination failed; writing the backup anew may help.
    #[error("writing the backup failed: {0}")]
    Io(#[from] io::Error),
    /// A resource is beyond what the format carries.
    #[error("{path} is too large for a backup: {length} bytes")]
    TooLarge {
        /// Which resource.
        path: String,
        /// How long it is as text.
        length: usize,
    },
    /// Other resources came than the manifest announced.
    #[error(
        "the manifest announces {expected} resources of type {resource_type}, and {written} were written"
    )]
    Counts {
        /// The type that differs.
        resource_type: String,
        /// What the manifest says.
        expected: u64,
        /// What came.
        written: u64,
    },
    /// What was given does not fit the format; the text says how.
    #[error("this cannot be written to a backup: {0}")]
    Invalid(String),
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The length of the file.
    pub bytes: u64,
    /// How many resources it holds.
    pub resources: u64,
    /// The hash of the whole file.
    pub sha256: String,
}

/// A backup being written. Without [`ArchiveWriter::finish`] the file has no trailer and no reader accepts it.
pub struct ArchiveWriter<W: Write> {
    body: Body<W>,
    modified: Timestamp,
    chunk: Chunk,
    part: Option<Part>,
    expected: Vec<(String, u64)>,
    written: Vec<Written>,
    checksums: String,
    pipeline: Pipeline<Chunk, Result<Packed, WriteError>>,
    spare: Vec<Vec<u8>>,
}

/// The part that lines go to.
struct Part {
    start: usize,
    /// Its type's place in `written`.
    entry: usize,
}

/// What came of one type.
struct Written {
    resource_type: String,
    resources: u64,
    parts: u32,
}

enum Body<W: Write> {
    Plain(Hashed<W>),
    Sealed(Box<age::stream::StreamWriter<Hashed<W>>>),
}

impl<W: Write> ArchiveWriter<W> {
    /// Begins a backup: writes the header and lays out the manifest. Without recipients it is not sealed.
    ///
    /// [`Manifest::header`] makes the header that belongs to a manifest.
    pub fn new(
        sink: W,
        mut header: Header,
        mut manifest: Manifest,
        recipients: &[Recipient],
    ) -> Result<Self, WriteError> {
        header.format_version = FORMAT_VERSION;
        header.sealed = !recipients.is_empty();
        header.key_ids = recipients.iter().map(Recipient::id).collect();
        manifest.format_version = FORMAT_VERSION;
        manifest.key_ids.clone_from(&header.key_ids);
        if let Some(fact) = manifest.disagreement(&header) {
            return Err(WriteError::Invalid(format!("header and manifest state another {fact}")));
        }
        let header_bytes = header.encode()?;
        manifest.header_sha256 = sha256_hex(&header_bytes);
        let mut sink = Hashed::new(sink);
        sink.write_all(&header_bytes)?;
        let mut writer = Self {
            body: Body::new(sink, recipients)?,
            modified: manifest.created_at,
            chunk: Chunk::default(),
            part: None,
            expected: manifest.counts.clone(),
            written: Vec::new(),
            checksums: String::new(),
            pipeline: Pipeline::new(pack::worker),
            spare: Vec::new(),
        };
        let mut text =
            serde_json::to_vec_pretty(&manifest).map_err(|error| WriteError::Invalid(error.to_string()))?;
        text.push(b'\n');
        writer.member(Name::Manifest, &text)?;
        writer.end_chunk()?;
        Ok(writer)
    }

    /// Adds a resource. `properties_json` and `secrets_json` are the texts of JSON objects and are kept as they are.
    pub fn resource(
        &mut self,
        resource_type: &str,
        path: &str,
        etag: &str,
        revision: u64,
        properties_json: &str,
        secrets_json: Option<&str>,
    ) -> Result<(), WriteError> {
        let entry = match &self.part {
            Some(part) if self.written[part.entry].resource_type == resource_type => part.entry,
            _ => {
                self.end_part()?;
                self.begin_part(resource_type)?
            }
        };
        line::append(&mut self.chunk.bytes, path, etag, revision, properties_json, secrets_json)?;
        self.written[entry].resources += 1;
        let start = self.part.as_ref().map_or(0, |part| part.start);
        if self.chunk.bytes.len() - start >= PART_SIZE {
            self.end_part()?;
        }
        Ok(())
    }

    /// Ends the backup: checksums and trailer. Fails when the manifest announced other counts.
    pub fn finish(mut self) -> Result<Summary, WriteError> {
        self.end_part()?;
        self.check_counts()?;
        self.end_chunk()?;
        while let Some(packed) = self.pipeline.next()? {
            self.emit(packed?)?;
        }
        let checksums = std::mem::take(&mut self.checksums);
        self.member(Name::Checksums, checksums.as_bytes())?;
        self.chunk.bytes.resize(self.chunk.bytes.len() + 2 * BLOCK, 0);
        self.end_chunk()?;
        while let Some(packed) = self.pipeline.next()? {
            self.emit(packed?)?;
        }
        let mut sink = self.body.finish()?;
        let trailer = Trailer { length: sink.count() + TRAILER_LENGTH as u64, sha256: sink.hex() };
        sink.write_all(&trailer.encode())?;
        sink.flush()?;
        let resources = self.written.iter().map(|written| written.resources).sum();
        Ok(Summary { bytes: sink.count(), resources, sha256: sink.hex() })
    }

    fn begin_part(&mut self, resource_type: &str) -> Result<usize, WriteError> {
        let known = self.written.iter().position(|written| written.resource_type == resource_type);
        let entry = match known {
            Some(entry) => entry,
            None if member::is_resource_type(resource_type) => {
                let resource_type = resource_type.to_owned();
                self.written.push(Written { resource_type, resources: 0, parts: 0 });
                self.written.len() - 1
            }
            None => return Err(WriteError::Invalid(format!("{resource_type:?} is not a resource type"))),
        };
        self.written[entry].parts += 1;
        let start = self.chunk.begin();
        self.part = Some(Part { start, entry });
        Ok(entry)
    }

    fn end_part(&mut self) -> Result<(), WriteError> {
        let Some(part) = self.part.take() else { return Ok(()) };
        let written = &self.written[part.entry];
        let name = Name::Part { resource_type: written.resource_type.clone(), number: written.parts };
        self.chunk.end(part.start, name, self.modified)?;
        if self.chunk.bytes.len() >= PART_SIZE { self.end_chunk() } else { Ok(()) }
    }

    fn member(&mut self, name: Name, content: &[u8]) -> Result<(), WriteError> {
        let start = self.chunk.begin();
        self.chunk.bytes.extend_from_slice(content);
        self.chunk.end(start, name, self.modified)
    }

    fn end_chunk(&mut self) -> Result<(), WriteError> {
        if self.chunk.bytes.is_empty() {
            return Ok(());
        }
        let next = Chunk { bytes: self.spare.pop().unwrap_or_default(), members: Vec::new() };
        let chunk = std::mem::replace(&mut self.chunk, next);
        if let Some(packed) = self.pipeline.submit(chunk)? { self.emit(packed?) } else { Ok(()) }
    }

    fn emit(&mut self, packed: Packed) -> Result<(), WriteError> {
        self.body.write_all(&packed.frame)?;
        self.checksums.push_str(&packed.checksums);
        if packed.buffer.capacity() <= 4 * PART_SIZE {
            self.spare.push(packed.buffer);
        }
        Ok(())
    }

    fn check_counts(&self) -> Result<(), WriteError> {
        let expected = |wanted: &str| {
            self.expected.iter().find(|(name, _)| name == wanted).map_or(0, |(_, count)| *count)
        };
        let written = |wanted: &str| {
            self.written.iter().find(|entry| entry.resource_type == wanted).map_or(0, |entry| entry.resources)
        };
        let announced = self.expected.iter().map(|(name, _)| name);
        for resource_type in announced.chain(self.written.iter().map(|entry| &entry.resource_type)) {
            let (expected, written) = (expected(resource_type), written(resource_type));
            if expected != written {
                return Err(WriteError::Counts { resource_type: resource_type.clone(), expected, written });
            }
        }
        Ok(())
    }
}

impl<W: Write> Body<W> {
    fn new(sink: Hashed<W>, recipients: &[Recipient]) -> Result<Self, WriteError> {
        if recipients.is_empty() {
            return Ok(Self::Plain(sink));
        }
        let encryptor = age::Encryptor::with_recipients(recipients.iter().map(Recipient::sealer))
            .map_err(|error| WriteError::Invalid(error.to_string()))?;
        Ok(Self::Sealed(Box::new(encryptor.wrap_output(sink)?)))
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(sink) => sink.write_all(bytes),
            Self::Sealed(sink) => sink.write_all(bytes),
        }
    }

    fn finish(self) -> io::Result<Hashed<W>> {
        match self {
            Self::Plain(sink) => Ok(sink),
            Self::Sealed(sink) => sink.finish(),
        }
    }
}
