//! The first 4096 bytes of a backup: what can be known of it without the key.

use std::io::Read;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::FORMAT_VERSION;
use crate::digest::sha256_hex;
use crate::read::{ReadError, fill};
use crate::write::WriteError;

/// The length of the header in the file.
pub(crate) const HEADER_LENGTH: usize = 4096;
/// The magic and content length of the skippable frame, and the mark of the format.
const OPENING: &[u8; 24] = b"\x5E\x2A\x4D\x18\xF8\x0F\x00\x00EVERGATE BACKUP\n";
const DIGEST_AT: usize = HEADER_LENGTH - 64;

/// The plain header: enough to refuse a restore early and to find the right key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// The version of the format.
    pub format_version: u32,
    /// The service's name.
    pub service: String,
    /// The region it stood in.
    pub location: String,
    /// Its tier.
    pub sku_name: String,
    /// Deployed units of it.
    pub sku_capacity: u32,
    /// When the snapshot was taken.
    pub created_at: Timestamp,
    /// From when on it must not be restored any more.
    pub expires_at: Timestamp,
    /// The recovery keys that open it; empty when it is not sealed.
    pub key_ids: Vec<String>,
    /// Whether the body is sealed.
    pub sealed: bool,
}

/// The one member that every version of the format has in the same place.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    format_version: u32,
}

impl Header {
    /// Reads the header of a backup from its beginning; takes exactly 4096 bytes.
    pub fn read(mut source: impl Read) -> Result<Self, ReadError> {
        let mut bytes = [0; HEADER_LENGTH];
        let length = fill(&mut source, &mut bytes)?;
        Self::decode(&bytes[..length])
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, ReadError> {
        let common = bytes.len().min(OPENING.len());
        if bytes[..common] != OPENING[..common] {
            return Err(ReadError::NotABackup);
        }
        if bytes.len() < HEADER_LENGTH {
            return Err(ReadError::Truncated { found: bytes.len() as u64, expected: None });
        }
        if sha256_hex(&bytes[..DIGEST_AT]).as_bytes() != &bytes[DIGEST_AT..HEADER_LENGTH] {
            return Err(ReadError::altered("the header"));
        }
        let json = &bytes[OPENING.len()..DIGEST_AT];
        let unreadable = |error: serde_json::Error| ReadError::altered(format!("the header: {error}"));
        let version: Version = serde_json::from_slice(json).map_err(unreadable)?;
        if version.format_version > FORMAT_VERSION {
            return Err(ReadError::NewerFormat { found: version.format_version, known: FORMAT_VERSION });
        }
        let header: Self = serde_json::from_slice(json).map_err(unreadable)?;
        if header.format_version == 0 || header.sealed == header.key_ids.is_empty() {
            return Err(ReadError::altered("the header: it contradicts itself"));
        }
        Ok(header)
    }

    pub(crate) fn encode(&self) -> Result<[u8; HEADER_LENGTH], WriteError> {
        let mut bytes = [b' '; HEADER_LENGTH];
        bytes[..OPENING.len()].copy_from_slice(OPENING);
        let json = serde_json::to_vec(self).map_err(|error| WriteError::Invalid(error.to_string()))?;
        let room = &mut bytes[OPENING.len()..DIGEST_AT];
        if json.len() >= room.len() {
            return Err(WriteError::Invalid(format!(
                "the header would be {} bytes long and there is room for {}: name fewer recovery keys",
                json.len(),
                room.len() - 1
            )));
        }
        room[..json.len()].copy_from_slice(&json);
        bytes[DIGEST_AT - 1] = b'\n';
        let digest = sha256_hex(&bytes[..DIGEST_AT]);
        bytes[DIGEST_AT..].copy_from_slice(digest.as_bytes());
        Ok(bytes)
    }
}
