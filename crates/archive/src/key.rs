//! Recovery keys: the one thing besides a backup that a restore elsewhere needs.
//!
//! A key is an age X25519 identity, and its file is an age identity file, so that `age -d -i` takes it.

use std::fmt;
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::digest::sha256_hex;

/// A text that is no recovery key or recipient. The text itself is not repeated: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// No line of the text is a key.
    #[error("there is no recovery key in this file: it has a line that begins with AGE-SECRET-KEY-1")]
    Missing,
    /// More than one line is a key.
    #[error("this file holds more than one recovery key; put each into its own file")]
    Several,
    /// A key line is damaged.
    #[error("the recovery key is damaged: {0}")]
    Damaged(&'static str),
    /// The text is no recipient.
    #[error("this is not a recipient, which begins with age1: {0}")]
    Recipient(&'static str),
}

/// The secret half: opens what was sealed to its [`Recipient`]. `Debug` shows the id only.
#[derive(Clone)]
pub struct RecoveryKey {
    identity: age::x25519::Identity,
    id: String,
}

impl RecoveryKey {
    /// Makes a new key from the operating system's randomness.
    pub fn generate() -> Self {
        Self::from_identity(age::x25519::Identity::generate())
    }

    /// Reads a key's file, or the key's line alone.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let line = lines.next().ok_or(InvalidKey::Missing)?;
        if lines.next().is_some() {
            return Err(InvalidKey::Several);
        }
        if !line.starts_with("AGE-SECRET-KEY-1") {
            return Err(InvalidKey::Missing);
        }
        age::x25519::Identity::from_str(line).map(Self::from_identity).map_err(InvalidKey::Damaged)
    }

    /// The text of the key's file.
    pub fn to_file_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!(
            "# Evergate recovery key {}\n# It opens every backup sealed to it. Keep a copy away from this machine.\n\
             # recipient: {}\n{}\n",
            self.id,
            self.recipient(),
            self.identity.to_string().expose_secret(),
        ))
    }

    /// The short name under which backups refer to this key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public half, which seals.
    pub fn recipient(&self) -> Recipient {
        Recipient(self.identity.to_public())
    }

    fn from_identity(identity: age::x25519::Identity) -> Self {
        let id = Recipient(identity.to_public()).id();
        Self { identity, id }
    }

    pub(crate) fn identity(&self) -> &dyn age::Identity {
        &self.identity
    }
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecoveryKey({})", self.id)
    }
}

/// The public half of a recovery key: seals backups that only the key opens. Not a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(age::x25519::Recipient);

impl Recipient {
    /// The id of the key that this is the public half of.
    pub fn id(&self) -> String {
        sha256_hex(self.to_string().as_bytes())[..16].to_owned()
    }

    pub(crate) fn sealer(&self) -> &dyn age::Recipient {
        &self.0
    }
}

impl FromStr for Recipient {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        age::x25519::Recipient::from_str(text.trim()).map(Self).map_err(InvalidKey::Recipient)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_file() {
        let key = RecoveryKey::generate();
        let text = key.to_file_text();
        let again = RecoveryKey::parse(&text).unwrap();
        assert_eq!((again.id(), again.recipient()), (key.id(), key.recipient()));
        assert_eq!(key.recipient().to_string().parse(), Ok(key.recipient()));
        assert_eq!(key.recipient().id(), key.id());
        assert_eq!(format!("{key:?}"), format!("RecoveryKey({})", key.id()));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let line = RecoveryKey::generate().to_file_text().lines().last().unwrap().to_owned();
        let check = |text: &str, expected: InvalidKey| {
            assert_eq!(RecoveryKey::parse(text).unwrap_err(), expected, "{text:?}");
        };
        check("", InvalidKey::Missing);
        check("# only a comment\n", InvalidKey::Missing);
        check("age1qqqq", InvalidKey::Missing);
        check(&format!("{line}\n{line}\n"), InvalidKey::Several);
        let changed = format!("{}{}", &line[..line.len() - 1], if line.ends_with('Q') { 'P' } else { 'Q' });
        check(&changed, InvalidKey::Damaged("invalid Bech32 encoding"));
        assert!("age1qqqq".parse::<Recipient>().is_err());
    }
}
