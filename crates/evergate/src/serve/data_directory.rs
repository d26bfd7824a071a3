//! The data directory: what is where, private to its owner, used by one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// A data directory that this process holds; dropping it lets it go.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    root: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Makes the directory if there is none, and takes it.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        make_private(path)
            .with_context(|| format!("the data directory {} cannot be made", path.display()))?;
        let root = path.canonicalize().with_context(|| format!("{} cannot be read", path.display()))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(root.join("lock"))
            .with_context(|| format!("the data directory {} cannot be written", root.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root, _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                bail!("the data directory {} is used by another evergate process", root.display())
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("{} cannot be locked", root.display()))
            }
        }
    }

    /// A file or directory in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The directory itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A directory in it that only its owner can read, made if there is none.
    pub(crate) fn directory(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.root.join(name);
        make_private(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(path)
    }
}

fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a file that only its owner can read, whole or not at all, durably.
pub(crate) fn write_private(path: &Path, contents: impl AsRef<[u8]>) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        let directory = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(contents.as_ref())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        File::open(directory)?.sync_all()
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

/// A file's text; none when there is no such file.
pub(crate) fn read_optional(path: &Path) -> anyhow::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_has_one_user_at_a_time() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a/b");
        let held = DataDirectory::open(&path).unwrap();
        let error = DataDirectory::open(&path).unwrap_err().to_string();
        assert!(error.ends_with("is used by another evergate process"), "{error}");
        drop(held);
        DataDirectory::open(&path).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn what_is_written_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let place = tempfile::tempdir().unwrap();
        let data = DataDirectory::open(&place.path().join("data")).unwrap();
        let file = data.join("secret");
        write_private(&file, "old").unwrap();
        write_private(&file, "new").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(data.root())), (0o600, 0o700));
        assert_eq!(read_optional(&file).unwrap().as_deref(), Some("new"));
        assert_eq!(read_optional(&data.join("none")).unwrap(), None);
    }
}
