//! SHA-256 as the format uses it: lower-case hexadecimal, of slices and of what passes through.

use std::io::{self, Read, Write};

use aws_lc_rs::digest::{Context, SHA256};

/// The hash of a slice.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(sha256(bytes))
}

/// The hash of a slice, as bytes.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(aws_lc_rs::digest::digest(&SHA256, bytes).as_ref());
    out
}

/// Hashes and counts what is read from or written to the inner stream.
pub(crate) struct Hashed<T> {
    inner: T,
    context: Context,
    count: u64,
}

impl<T> Hashed<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self { inner, context: Context::new(&SHA256), count: 0 }
    }

    /// How many bytes passed.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The hash of what has passed so far.
    pub(crate) fn hex(&self) -> String {
        hex::encode(self.context.clone().finish())
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.context.update(&buffer[..read]);
        self.count += read as u64;
        Ok(read)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.context.update(&bytes[..written]);
        self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
