//! The last 128 bytes of a backup: how long it is and what everything before hashes to.
//!
//! It is plain also in a sealed file, so that storage can be checked without the key, and so that a file that was
//! cut is told from one that was altered.

use crate::digest::sha256_hex;
use crate::read::ReadError;

/// The length of the trailer in the file.
pub(crate) const TRAILER_LENGTH: usize = 128;
const OPENING: &[u8; 24] = b"\x5E\x2A\x4D\x18\x78\x00\x00\x00EVERGATE ENDING\n";
const CHECK_AT: usize = 104;
/// With this many bytes of the opening in place, the end was altered rather than cut off.
const RECOGNISED: usize = 16;

/// What the trailer states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trailer {
    /// The length of the whole file.
    pub(crate) length: u64,
    /// The hash of all bytes before the trailer.
    pub(crate) sha256: String,
}

impl Trailer {
    pub(crate) fn encode(&self) -> [u8; TRAILER_LENGTH] {
        let mut bytes = [0; TRAILER_LENGTH];
        bytes[..24].copy_from_slice(OPENING);
        bytes[24..40].copy_from_slice(format!("{:016x}", self.length).as_bytes());
        bytes[40..CHECK_AT].copy_from_slice(self.sha256.as_bytes());
        let check = sha256_hex(&bytes[..CHECK_AT]);
        bytes[CHECK_AT..].copy_from_slice(&check.as_bytes()[..24]);
        bytes
    }

    /// Reads the last bytes of a file that is `found` bytes long.
    pub(crate) fn decode(bytes: &[u8; TRAILER_LENGTH], found: u64) -> Result<Self, ReadError> {
        let same = bytes.iter().zip(OPENING).filter(|(have, want)| have == want).count();
        if same < RECOGNISED {
            return Err(ReadError::Truncated { found, expected: None });
        }
        let altered = || ReadError::altered("the trailer");
        let check = sha256_hex(&bytes[..CHECK_AT]);
        if same < OPENING.len() || check.as_bytes()[..24] != bytes[CHECK_AT..] {
            return Err(altered());
        }
        let text = std::str::from_utf8(&bytes[24..CHECK_AT]).map_err(|_| altered())?;
        let length = u64::from_str_radix(&text[..16], 16).map_err(|_| altered())?;
        match found.cmp(&length) {
            std::cmp::Ordering::Less => Err(ReadError::Truncated { found, expected: Some(length) }),
            std::cmp::Ordering::Greater => {
                Err(ReadError::altered(format!("the length: {found} bytes, not {length}")))
            }
            std::cmp::Ordering::Equal => Ok(Self { length, sha256: text[16..].to_owned() }),
        }
    }
}
