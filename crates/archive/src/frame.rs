//! Splits a body into its Zstandard frames without decompressing, and decompresses one in bounded memory.
//!
//! The layout of a frame is RFC 8878, section 3.1.1. The format narrows it: content size and checksum are
//! present, there is no dictionary, and reserved bits are zero.

use std::io::Read;

use crate::line::MAX_LINE;
use crate::read::{ReadError, fill};

/// The most that one frame may decompress to.
pub(crate) const MAX_CONTENT: usize = MAX_LINE + (2 << 20);
const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
const MAX_BLOCK: usize = 128 << 10;

/// One compressed frame.
#[derive(Default)]
pub(crate) struct Frame {
    /// Which one it is, from 0.
    pub(crate) index: u64,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// What it says it decompresses to; at most [`MAX_CONTENT`].
    pub(crate) content_size: usize,
}

impl Frame {
    /// Reads the frame that `source` stands before; none at its end.
    pub(crate) fn read(source: &mut impl Read, index: u64) -> Result<Option<Self>, ReadError> {
        let mut reader = FrameReader { source, index, bytes: Vec::with_capacity(64 << 10) };
        let Some(content_size) = reader.header()? else { return Ok(None) };
        reader.blocks(content_size)?;
        reader.take(4)?;
        Ok(Some(Self { index, bytes: reader.bytes, content_size }))
    }

    /// The content.
    pub(crate) fn decompress(
        &self,
        decompressor: &mut zstd::bulk::Decompressor<'_>,
    ) -> Result<Vec<u8>, ReadError> {
        let content = decompressor.decompress(&self.bytes, self.content_size);
        match content {
            Ok(content) if content.len() == self.content_size => Ok(content),
            _ => Err(altered(self.index, "it does not decompress")),
        }
    }
}

struct FrameReader<'a, R> {
    source: &'a mut R,
    index: u64,
    bytes: Vec<u8>,
}

impl<R: Read> FrameReader<'_, R> {
    /// Moves `count` bytes from the source to the frame and returns where they begin.
    fn take(&mut self, count: usize) -> Result<usize, ReadError> {
        let start = self.bytes.len();
        self.bytes.resize(start + count, 0);
        let read = fill(self.source, &mut self.bytes[start..])?;
        if read < count { Err(altered(self.index, "it is cut")) } else { Ok(start) }
    }

    fn header(&mut self) -> Result<Option<usize>, ReadError> {
        self.bytes.resize(5, 0);
        match fill(self.source, &mut self.bytes)? {
            0 => return Ok(None),
            5 => {}
            _ => return Err(altered(self.index, "it is cut")),
        }
        let descriptor = self.bytes[4];
        let single_segment = descriptor & 0b0010_0000 != 0;
        if self.bytes[..4] != MAGIC || descriptor & 0b0001_1111 != 0b0000_0100 {
            return Err(altered(self.index, "it is not one that the format allows"));
        }
        if !single_segment {
            self.take(1)?;
        }
        let length = match (descriptor >> 6, single_segment) {
            (0, true) => 1,
            (0, false) => return Err(altered(self.index, "it does not state its size")),
            (1, _) => 2,
            (2, _) => 4,
            _ => 8,
        };
        let start = self.take(length)?;
        let mut size = [0; 8];
        size[..length].copy_from_slice(&self.bytes[start..]);
        let size = u64::from_le_bytes(size) + if length == 2 { 256 } else { 0 };
        match usize::try_from(size) {
            Ok(size) if size <= MAX_CONTENT => Ok(Some(size)),
            _ => Err(altered(self.index, format!("it states a size of {size} bytes"))),
        }
    }

    fn blocks(&mut self, content_size: usize) -> Result<(), ReadError> {
        let bound = zstd::zstd_safe::compress_bound(content_size);
        loop {
            let start = self.take(3)?;
            let header =
                u32::from_le_bytes([self.bytes[start], self.bytes[start + 1], self.bytes[start + 2], 0]);
            let size = (header >> 3) as usize;
            let stored = match (header >> 1) & 0b11 {
                1 => 1,
                0 | 2 => size,
                _ => return Err(altered(self.index, "a block is of a reserved type")),
            };
            if size > MAX_BLOCK || self.bytes.len() + stored > bound {
                return Err(altered(self.index, "a block is too large"));
            }
            self.take(stored)?;
            if header & 1 == 1 {
                return Ok(());
            }
        }
    }
}

fn altered(index: u64, what: impl std::fmt::Display) -> ReadError {
    ReadError::altered(format!("frame {index}: {what}"))
}
