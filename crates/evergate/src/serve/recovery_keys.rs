//! The recovery keys of a data directory: its own, and those of other regions given to it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use evergate_archive::RecoveryKey;

use super::data_directory::{DataDirectory, read_optional, write_private};
use crate::config::ConfigError;

/// The keys, and the file that holds the own one.
#[derive(Debug)]
pub(crate) struct KeyRing {
    pub own: RecoveryKey,
    pub own_file: PathBuf,
    /// In order of their ids, without the own one.
    pub additional: Vec<RecoveryKey>,
}

impl KeyRing {
    /// Makes or reads the own key, copies the `given` files into the directory, reads all it has.
    pub(crate) fn open(data: &DataDirectory, given: &[PathBuf]) -> anyhow::Result<Self> {
        let own_file = data.join("recovery.key");
        let own = if let Some(text) = read_optional(&own_file)? {
            parse(&text, &own_file)?
        } else {
            let key = RecoveryKey::generate();
            write_private(&own_file, key.to_file_text().as_bytes())?;
            key
        };
        let directory = data.directory("recovery-keys")?;
        for file in given {
            import(&directory, file)?;
        }
        let mut additional = Vec::new();
        for entry in std::fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "key") {
                additional.push(parse(&std::fs::read_to_string(&path)?, &path)?);
            }
        }
        additional.retain(|key| key.id() != own.id());
        additional.sort_by(|a, b| a.id().cmp(b.id()));
        Ok(Self { own, own_file, additional })
    }
}

fn import(directory: &Path, file: &Path) -> Result<(), anyhow::Error> {
    let refused = |error: &dyn std::fmt::Display| {
        ConfigError::key("recovery-keys", format!("{}: {error}", file.display()))
    };
    let text = std::fs::read_to_string(file).map_err(|error| refused(&error))?;
    let key = RecoveryKey::parse(&text).map_err(|error| refused(&error))?;
    let kept = directory.join(format!("{}.key", key.id()));
    if !kept.exists() {
        write_private(&kept, key.to_file_text().as_bytes())?;
        tracing::info!(key = key.id(), "another region's recovery key was imported");
    }
    Ok(())
}

fn parse(text: &str, path: &Path) -> anyhow::Result<RecoveryKey> {
    RecoveryKey::parse(text).with_context(|| format!("{} is not a recovery key", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ring: &KeyRing) -> Vec<&str> {
        ring.additional.iter().map(RecoveryKey::id).collect()
    }

    #[test]
    fn a_key_given_once_stays() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let here = DataDirectory::open(here.path()).unwrap();
        let there = DataDirectory::open(there.path()).unwrap();
        let first = KeyRing::open(&here, &[]).unwrap();
        let second = KeyRing::open(&there, std::slice::from_ref(&first.own_file)).unwrap();
        assert_ne!(second.own.id(), first.own.id());
        assert_eq!(ids(&second), [first.own.id()]);

        let again = KeyRing::open(&there, &[first.own_file, second.own_file.clone()]).unwrap();
        assert_eq!((again.own.id(), ids(&again)), (second.own.id(), ids(&second)));
    }

    #[test]
    fn a_file_that_is_no_key_is_refused_by_name() {
        let place = tempfile::tempdir().unwrap();
        let data = DataDirectory::open(place.path()).unwrap();
        let file = data.join("notes.txt");
        std::fs::write(&file, "not a key").unwrap();
        let error = KeyRing::open(&data, std::slice::from_ref(&file)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("`recovery-keys`: {}: ", file.display())), "{error}");
    }
}
