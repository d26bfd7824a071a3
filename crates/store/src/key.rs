//! The instance key: what is secret is sealed with it before it reaches a disk.
//!
//! AES-256-GCM with a random nonce for every seal. The context names what is sealed (a row, a file), so
//! that a sealed value moved elsewhere does not open.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use zeroize::Zeroizing;

const LENGTH: usize = 32;

/// The key of one instance. Clones share it; it never shows itself.
#[derive(Clone)]
pub struct InstanceKey(Arc<RandomizedNonceKey>);

/// Why a key could not be had, or could not seal or open.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The key file cannot be read or written.
    #[error("the instance key file {} cannot be used: {source}", path.display())]
    File {
        /// The key file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key file holds something else.
    #[error("{} is not an instance key: it must hold exactly 32 bytes; bring back the original file", .0.display())]
    Malformed(PathBuf),
    /// The cipher refused to seal.
    #[error("sealing failed")]
    Seal,
    /// It was sealed with another key or for another context, or it was altered.
    #[error("it was sealed with another instance key or it was altered")]
    Open,
}

impl InstanceKey {
    /// Reads the key file, or makes a new key and file (mode 0600) where there is none.
    ///
    /// The file appears whole or not at all, and two processes that start together get the same key.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        let failed = |source| KeyError::File { path: path.to_owned(), source };
        match File::open(path) {
            Ok(file) => Self::read(file, path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(path).map_err(failed)?;
                Self::read(File::open(path).map_err(failed)?, path)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// A new key that is kept nowhere.
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self::from_bytes(&*random_bytes().map_err(|_| KeyError::Seal)?))
    }

    fn from_bytes(bytes: &[u8; LENGTH]) -> Self {
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes).expect("the length is AES-256's");
        Self(Arc::new(key))
    }

    fn read(file: File, path: &Path) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(LENGTH + 1));
        file.take(LENGTH as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|source| KeyError::File { path: path.to_owned(), source })?;
        let bytes: &[u8; LENGTH] =
            bytes.as_slice().try_into().map_err(|_| KeyError::Malformed(path.to_owned()))?;
        Ok(Self::from_bytes(bytes))
    }

    /// Seals `plain` for `context`: nonce, ciphertext and tag in one piece.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        sealed.resize(NONCE_LEN, 0);
        sealed.extend_from_slice(plain);
        let (nonce, tag) = self
            .0
            .seal_in_place_separate_tag(Aad::from(context), &mut sealed[NONCE_LEN..])
            .map_err(|_| KeyError::Seal)?;
        sealed[..NONCE_LEN].copy_from_slice(nonce.as_ref());
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what [`InstanceKey::seal`] made for the same context.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN).ok_or(KeyError::Open)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| KeyError::Open)?;
        let mut plain = Zeroizing::new(rest.to_vec());
        let length =
            self.0.open_in_place(nonce, Aad::from(context), &mut plain).map_err(|_| KeyError::Open)?.len();
        plain.truncate(length);
        Ok(plain)
    }
}

impl fmt::Debug for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstanceKey(***)")
    }
}

fn random_bytes() -> io::Result<Zeroizing<[u8; LENGTH]>> {
    let mut bytes = Zeroizing::new([0; LENGTH]);
    aws_lc_rs::rand::fill(&mut *bytes).map_err(|_| io::Error::other("no randomness"))?;
    Ok(bytes)
}

/// Links a finished file into place, so that whoever comes second finds the first one's key.
fn create(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let staged = directory.join(format!(".instance-key-{}", uuid::Uuid::new_v4()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&staged)?;
    let written = file.write_all(&*random_bytes()?).and_then(|()| file.sync_all()).and_then(|()| {
        match fs::hard_link(&staged, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    });
    fs::remove_file(&staged)?;
    written?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_file_is_made_once_and_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("instance.key");
        let first = InstanceKey::load_or_create(&path).unwrap();
        let second = InstanceKey::load_or_create(&path).unwrap();
        let sealed = first.seal("a", b"plain").unwrap();
        assert_eq!(second.open("a", &sealed).unwrap().as_slice(), b"plain");
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (32, 0o600));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_of_another_length_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        for length in [0, 31, 33] {
            let path = directory.path().join(length.to_string());
            fs::write(&path, vec![7; length]).unwrap();
            assert!(matches!(InstanceKey::load_or_create(&path), Err(KeyError::Malformed(_))), "{length}");
        }
    }

    #[test]
    fn what_was_altered_or_moved_does_not_open() {
        let key = InstanceKey::generate().unwrap();
        let sealed = key.seal("row 1", b"plain").unwrap();
        assert!(key.open("row 2", &sealed).is_err());
        assert!(InstanceKey::generate().unwrap().open("row 1", &sealed).is_err());
        for index in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[index] ^= 1;
            assert!(key.open("row 1", &altered).is_err(), "byte {index}");
            assert!(key.open("row 1", &sealed[..index]).is_err(), "first {index} bytes");
        }
    }
}
