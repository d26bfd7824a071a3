//! Seals, verifies and reads the backup file; knows no resources.
//!
//! `docs/archive-format.md` is the specification of the bytes. [`ArchiveWriter`] writes a file in one pass;
//! [`Header::read`] tells what can be known without a key; [`Unverified`] becomes [`Verified`] when
//! every byte was found to be as written, and only a [`Verified`] archive hands its resources out.
//! Everything here blocks: call it from a thread that may.

mod digest;
mod frame;
mod header;
mod key;
mod line;
mod manifest;
mod member;
mod pipeline;
mod read;
mod trailer;
mod write;

pub use header::Header;
pub use key::{InvalidKey, Recipient, RecoveryKey};
pub use line::LineRef;
pub use manifest::Manifest;
pub use read::{ReadError, Unverified, Verified, check_integrity};
pub use write::{ArchiveWriter, Summary, WriteError};

/// The version of the format that this crate writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;
