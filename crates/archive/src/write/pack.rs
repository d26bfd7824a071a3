//! A stretch of the tar archive and what a worker makes of it: a frame and the checksums of its members.

use std::fmt::Write;
use std::ops::Range;

use jiff::Timestamp;

use super::WriteError;
use crate::digest::sha256_hex;
use crate::line::{self, Line};
use crate::member::{self, BLOCK, Name};
use crate::pipeline::Work;

/// The level `zstd` itself takes when none is named; `docs/archive-format.md` says what its neighbours cost.
const LEVEL: i32 = 3;

/// Whole tar members that become one frame.
#[derive(Default)]
pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
    pub(super) members: Vec<(Name, Range<usize>)>,
}

impl Chunk {
    /// Leaves room for a member's header and returns where its content begins.
    pub(super) fn begin(&mut self) -> usize {
        self.bytes.resize(self.bytes.len() + BLOCK, 0);
        self.bytes.len()
    }

    /// Ends the member whose content began at `start`.
    pub(super) fn end(&mut self, start: usize, name: Name, modified: Timestamp) -> Result<(), WriteError> {
        let content = start..self.bytes.len();
        let header = member::encode(&name, content.len(), modified).map_err(WriteError::Invalid)?;
        self.bytes[start - BLOCK..start].copy_from_slice(&header);
        self.bytes.resize(content.end + member::padding(content.len()), 0);
        self.members.push((name, content));
        Ok(())
    }
}

/// A chunk, compressed.
pub(super) struct Packed {
    pub(super) frame: Vec<u8>,
    /// The lines of `checksums.sha256` for its members.
    pub(super) checksums: String,
    /// The chunk's memory, to be used again.
    pub(super) buffer: Vec<u8>,
}

/// What one worker does.
pub(super) fn worker() -> Work<Chunk, Result<Packed, WriteError>> {
    let mut compressor = None;
    Box::new(move |chunk| {
        let compressor = match &mut compressor {
            Some(compressor) => compressor,
            none => none.insert(new_compressor()?),
        };
        pack(chunk, compressor)
    })
}

fn new_compressor() -> Result<zstd::bulk::Compressor<'static>, WriteError> {
    let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
    compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
    Ok(compressor)
}

fn pack(mut chunk: Chunk, compressor: &mut zstd::bulk::Compressor<'_>) -> Result<Packed, WriteError> {
    let mut checksums = String::new();
    for (name, content) in &chunk.members {
        let content = &chunk.bytes[content.clone()];
        if matches!(name, Name::Part { .. }) {
            check_lines(name, content)?;
        }
        let _ = writeln!(checksums, "{}  {name}", sha256_hex(content));
    }
    let frame = compressor.compress(&chunk.bytes)?;
    chunk.bytes.clear();
    Ok(Packed { frame, checksums, buffer: chunk.bytes })
}

/// A backup that no one can read is worse than one that fails, so each line is read back before it is packed.
fn check_lines(name: &Name, content: &[u8]) -> Result<(), WriteError> {
    let invalid = |what: String| WriteError::Invalid(format!("{name}, {what}"));
    for (index, line) in line::lines(content).map_err(invalid)?.enumerate() {
        Line::parse(line).map_err(|what| invalid(format!("line {}: {what}", index + 1)))?;
    }
    Ok(())
}
