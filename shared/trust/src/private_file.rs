//! Files that only their owner may read: written whole or not at all, refused when others could
//! have read them.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::secret;

/// A private file or directory that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    /// The system said no.
    #[error("{} cannot be used: {source}", path.display())]
    Io {
        /// What was touched.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Group or others have a permission on it.
    #[error(
        "{} is open to other users of this machine (mode {mode:03o}). If nobody else has used it, \
         run `chmod {wanted:o} '{}'` and try again.",
        path.display(), path.display()
    )]
    OpenToOthers {
        /// What is too open.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// The permission bits it should have.
        wanted: u32,
    },
}

/// Makes sure of a directory that only its owner can enter, and makes it (0700) if it is missing.
///
/// An empty one with looser permissions is made private; one that holds something is refused rather
/// than changed, for it may be somebody's home.
pub fn private_dir(path: &Path) -> Result<(), PrivateFileError> {
    let at = |source| PrivateFileError::Io { path: path.to_owned(), source };
    platform::create_dirs(path).map_err(at)?;
    let meta = fs::metadata(path).map_err(at)?;
    if !meta.is_dir() {
        return Err(at(io::ErrorKind::NotADirectory.into()));
    }
    if refuse_open(path, &meta, 0o700).is_ok() {
        return Ok(());
    }
    if fs::read_dir(path).map_err(at)?.next().is_none() {
        return platform::make_private(path).map_err(at);
    }
    // Another process may have made it private, and then used it, since it was looked at.
    refuse_open(path, &fs::metadata(path).map_err(at)?, 0o700)
}

/// Puts these bytes at `path` with mode 0600, replacing what was there; a crash leaves the old
/// content or the new one.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), PrivateFileError> {
    let at = |source| PrivateFileError::Io { path: path.to_owned(), source };
    let draft = Draft::write(path, bytes).map_err(at)?;
    fs::rename(&draft.0, path).map_err(at)?;
    platform::sync_dir(path).map_err(at)
}

/// Puts these bytes at `path` with mode 0600 unless something is there already; tells whether it
/// did. Of two processes that try at once, one wins and both find the same content.
pub fn create_private(path: &Path, bytes: &[u8]) -> Result<bool, PrivateFileError> {
    let at = |source| PrivateFileError::Io { path: path.to_owned(), source };
    let draft = Draft::write(path, bytes).map_err(at)?;
    match fs::hard_link(&draft.0, path) {
        Ok(()) => platform::sync_dir(path).map(|()| true).map_err(at),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(at(error)),
    }
}

/// Reads a private file; `None` if there is none. Refused when others could read it.
pub fn read_private(path: &Path) -> Result<Option<Vec<u8>>, PrivateFileError> {
    let at = |source| PrivateFileError::Io { path: path.to_owned(), source };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(error)),
    };
    // The opened file is judged, not the name: a name can be swapped in between.
    refuse_open(path, &file.metadata().map_err(at)?, 0o600)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(at)?;
    Ok(Some(bytes))
}

fn refuse_open(path: &Path, meta: &fs::Metadata, wanted: u32) -> Result<(), PrivateFileError> {
    let mode = platform::mode(meta);
    let for_others = mode & 0o077;
    if for_others == 0 {
        return Ok(());
    }
    Err(PrivateFileError::OpenToOthers { path: path.to_owned(), mode, wanted })
}

/// A complete, synced file beside the final one, removed again unless it was renamed.
struct Draft(PathBuf);

impl Draft {
    fn write(target: &Path, bytes: &[u8]) -> io::Result<Self> {
        let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let mark = secret::random_code(9).map_err(io::Error::other)?;
        let draft = Self(target.with_file_name(format!(".{}.{mark}", name.display())));
        let mut file = platform::create_file(&draft.0)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(draft)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already after a rename; if not, a leftover draft harms nobody.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(unix)]
mod platform {
    use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
    use std::path::Path;

    pub(super) fn mode(meta: &Metadata) -> u32 {
        meta.permissions().mode() & 0o777
    }

    pub(super) fn create_dirs(path: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)
    }

    pub(super) fn make_private(dir: &Path) -> io::Result<()> {
        std::fs::set_permissions(dir, Permissions::from_mode(0o700))
    }

    pub(super) fn create_file(path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
    }

    pub(super) fn sync_dir(file: &Path) -> io::Result<()> {
        let parent = file.parent().filter(|p| !p.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// Elsewhere the user's profile directory is private by inheritance; there are no mode bits.
#[cfg(not(unix))]
mod platform {
    use std::fs::{File, Metadata};
    use std::io;
    use std::path::Path;

    pub(super) fn mode(_: &Metadata) -> u32 {
        0
    }

    pub(super) fn create_dirs(path: &Path) -> io::Result<()> {
        std::fs::create_dir_all(path)
    }

    pub(super) fn make_private(_: &Path) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn create_file(path: &Path) -> io::Result<File> {
        File::create_new(path)
    }

    pub(super) fn sync_dir(_: &Path) -> io::Result<()> {
        Ok(())
    }
}
