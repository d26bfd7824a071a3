//! Reads a backup: first all of it to verify it, then again to hand its resources out.

mod contents;

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use crate::digest::{Hashed, sha256, sha256_hex};
use crate::frame::Frame;
use crate::header::HEADER_LENGTH;
use crate::pipeline::Pipeline;
use crate::trailer::{TRAILER_LENGTH, Trailer};
use crate::{Header, LineRef, Manifest, RecoveryKey};
use contents::{Contents, FrameReport};

const BUFFER: usize = 256 << 10;

/// Why a backup cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file is something else.
    #[error("this is not an Evergate backup")]
    NotABackup,
    /// A newer program wrote it.
    #[error(
        "the backup has format version {found} and this program reads up to {known}: use a newer Evergate"
    )]
    NewerFormat {
        /// Its version.
        found: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// Its end is missing. Downloading it again may help; otherwise the upload was cut.
    #[error("the backup is truncated: {found} bytes{}", expected.map_or(String::new(), |all| format!(" of {all}")))]
    Truncated {
        /// How long the file is.
        found: u64,
        /// How long it was written, where that can be known.
        expected: Option<u64>,
    },
    /// Its bytes are not those that were written.
    #[error("the backup was altered: {place}")]
    Altered {
        /// What does not hold.
        place: String,
    },
    /// It is sealed and no key was given.
    #[error("the backup is sealed: it needs the recovery key {}", key_ids.join(" or "))]
    KeyMissing {
        /// The keys that would do.
        key_ids: Vec<String>,
    },
    /// It is sealed to other keys.
    #[error("the backup is sealed to the recovery key {}, and {} was given", needed.join(" or "), given.join(" and "))]
    WrongKey {
        /// The keys that would do.
        needed: Vec<String>,
        /// The keys that were tried.
        given: Vec<String>,
    },
    /// The source failed; reading again may help.
    #[error("reading the backup failed: {0}")]
    Io(io::Error),
}

impl ReadError {
    pub(crate) fn altered(place: impl Into<String>) -> Self {
        Self::Altered { place: place.into() }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(Self::Io)
    }
}

/// A backup whose header, trailer and key were looked at, and nothing else.
#[derive(Debug)]
pub struct Unverified<R> {
    source: R,
    header: Header,
    header_sha256: String,
    trailer: Trailer,
    key: Option<RecoveryKey>,
}

impl<R: Read + Seek> Unverified<R> {
    /// Opens a backup. Of the keys, the one that it is sealed to is used; for one that is not sealed none is needed.
    pub fn open(source: R, keys: &[RecoveryKey]) -> Result<Self, ReadError> {
        let (source, header, header_sha256, trailer) = look(source)?;
        let key = keys.iter().find(|key| header.key_ids.iter().any(|id| id == key.id())).cloned();
        if header.sealed && key.is_none() {
            let needed = header.key_ids;
            return Err(if keys.is_empty() {
                ReadError::KeyMissing { key_ids: needed }
            } else {
                ReadError::WrongKey { needed, given: keys.iter().map(|key| key.id().to_owned()).collect() }
            });
        }
        Ok(Self { source, header, header_sha256, trailer, key })
    }

    /// The plain header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Reads everything once and checks every rule of the format.
    pub fn verify(self) -> Result<Verified<R>, ReadError> {
        let Self { mut source, header, header_sha256, trailer, key } = self;
        let length = trailer.length - TRAILER_LENGTH as u64;
        source.rewind()?;
        let mut raw = Hashed::new((&mut source).take(length));
        let mut header_bytes = [0; HEADER_LENGTH];
        let found = fill(&mut raw, &mut header_bytes)?;
        if sha256_hex(&header_bytes[..found]) != header_sha256 {
            return Err(ReadError::altered("the header, while it was read"));
        }
        let contents = {
            let key = key.as_ref().filter(|_| header.sealed);
            read_contents(open_body(BufReader::with_capacity(BUFFER, &mut raw), key)?)
        };
        if contents.is_err() && raw.count() < length && io::copy(&mut raw, &mut io::sink()).is_ok() {
            let found = raw.count();
            if found < length {
                return Err(ReadError::Truncated { found, expected: Some(trailer.length) });
            }
        }
        let contents = contents?;
        if raw.count() != length || raw.hex() != trailer.sha256 {
            return Err(ReadError::altered("the file's hash is not the one in its trailer"));
        }
        let (manifest, frames) = contents.finish(&header, &header_sha256)?;
        Ok(Verified { source, header, manifest, frames, key, length })
    }
}

/// A backup that was read whole and found to be as it was written.
#[derive(Debug)]
pub struct Verified<R> {
    source: R,
    header: Header,
    manifest: Manifest,
    /// The hash of every frame, so that the second reading sees what the first one saw.
    frames: Vec<[u8; 32]>,
    key: Option<RecoveryKey>,
    /// Of header and body.
    length: u64,
}

impl<R: Read + Seek> Verified<R> {
    /// The plain header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What the backup says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The length of the file.
    pub fn bytes(&self) -> u64 {
        self.length + TRAILER_LENGTH as u64
    }

    /// Hands out every resource in the order it was written; stops at the first error.
    pub fn for_each<E: From<ReadError>>(
        &mut self,
        mut each: impl FnMut(LineRef<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let io = |error: io::Error| E::from(error.into());
        self.source.seek(SeekFrom::Start(HEADER_LENGTH as u64)).map_err(io)?;
        let body = (&mut self.source).take(self.length - HEADER_LENGTH as u64);
        let key = self.key.as_ref().filter(|_| self.header.sealed);
        let mut body = open_body(BufReader::with_capacity(BUFFER, body), key)?;
        let mut pipeline = Pipeline::new(contents::unpacker);
        for (index, pin) in self.frames.iter().enumerate() {
            let frame = Frame::read(&mut body, index as u64)?
                .ok_or_else(|| ReadError::altered("the file, after it was verified"))?;
            if let Some(content) = pipeline.submit((frame, *pin)).map_err(io)? {
                contents::each_line(&content?, &mut each)?;
            }
        }
        while let Some(content) = pipeline.next().map_err(io)? {
            contents::each_line(&content?, &mut each)?;
        }
        Ok(())
    }
}

/// Checks what can be checked without a key: the header, and that the file is as long as it was written and hashes to
/// what its trailer says.
pub fn check_integrity(source: impl Read + Seek) -> Result<Header, ReadError> {
    let (mut source, header, _, trailer) = look(source)?;
    source.rewind()?;
    let mut raw = Hashed::new(source.take(trailer.length - TRAILER_LENGTH as u64));
    io::copy(&mut BufReader::with_capacity(BUFFER, &mut raw), &mut io::sink())?;
    if raw.hex() == trailer.sha256 {
        Ok(header)
    } else {
        Err(ReadError::altered("the file's hash is not the one in its trailer"))
    }
}

/// Reads until the buffer is full or the source ends; returns how much was read.
pub(crate) fn fill(source: &mut impl Read, buffer: &mut [u8]) -> Result<usize, ReadError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(filled)
}

/// The header with its hash, and the trailer.
fn look<R: Read + Seek>(mut source: R) -> Result<(R, Header, String, Trailer), ReadError> {
    source.rewind()?;
    let mut bytes = [0; HEADER_LENGTH];
    let found = fill(&mut source, &mut bytes)?;
    let header = Header::decode(&bytes[..found])?;
    let length = source.seek(SeekFrom::End(0))?;
    if length < (HEADER_LENGTH + TRAILER_LENGTH) as u64 {
        return Err(ReadError::Truncated { found: length, expected: None });
    }
    source.seek(SeekFrom::Start(length - TRAILER_LENGTH as u64))?;
    let mut trailer = [0; TRAILER_LENGTH];
    if fill(&mut source, &mut trailer)? < TRAILER_LENGTH {
        return Err(ReadError::Truncated { found: length, expected: None });
    }
    let trailer = Trailer::decode(&trailer, length)?;
    Ok((source, header, sha256_hex(&bytes), trailer))
}

fn open_body<'a, R: io::BufRead + 'a>(
    source: R,
    key: Option<&RecoveryKey>,
) -> Result<Box<dyn Read + 'a>, ReadError> {
    let Some(key) = key else { return Ok(Box::new(source)) };
    let seal = |error| match error {
        age::DecryptError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            ReadError::from(error)
        }
        _ => ReadError::altered("the seal"),
    };
    let decryptor = age::Decryptor::new_buffered(source).map_err(seal)?;
    let opened = decryptor.decrypt(std::iter::once(key.identity())).map_err(seal)?;
    Ok(Box::new(Sealed(opened)))
}

/// Tells what age finds wrong from what the source under it reports.
struct Sealed<R>(age::stream::StreamReader<R>);

impl<R: Read> Read for Sealed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                io::Error::other(ReadError::altered(format!("the sealed body: {error}")))
            }
            _ => error,
        })
    }
}

fn read_contents(mut body: impl Read) -> Result<Contents, ReadError> {
    let mut contents = Contents::default();
    let mut pipeline: Pipeline<Frame, Result<FrameReport, ReadError>> = Pipeline::new(contents::inspector);
    let mut index = 0;
    while let Some(frame) = Frame::read(&mut body, index)? {
        contents.pin(sha256(&frame.bytes));
        if let Some(report) = pipeline.submit(frame)? {
            contents.add(report?)?;
        }
        index += 1;
    }
    while let Some(report) = pipeline.next()? {
        contents.add(report?)?;
    }
    Ok(contents)
}
