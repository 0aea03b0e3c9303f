//! The one way to open a file: by a name, or a path of checked names, beneath a directory that is
//! already open.
//!
//! `openat2` with BENEATH, `NO_SYMLINKS` and `NO_MAGICLINKS` checks and opens in one step, so a
//! symlink swapped in between has no moment to act. Unix; built and tested on Linux. Where the
//! kernel has no `openat2`, `openat` with NOFOLLOW is as good here, because it gets one component at a
//! time.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

mod folders;
mod paths;

pub(crate) use folders::set_modified;
pub(crate) use paths::What;

/// A directory held open. It stays the same directory whatever happens to its path.
#[derive(Debug)]
pub struct Directory {
    fd: OwnedFd,
    path: PathBuf,
}

/// Why there is no open file.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing has this name.
    #[error("there is no such file")]
    Missing,
    /// A folder, a symlink, a device: nothing to read bytes from.
    #[error("it is not a regular file")]
    NotRegular,
    /// More or less than one component.
    #[error("it is not the name of a file")]
    BadName,
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

const RESOLVE: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);
/// A FIFO must not hold the opener up, nor a terminal become its own.
const COMMON: OFlags = OFlags::CLOEXEC.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

impl Directory {
    /// Opens the directory that a person chose. Symlinks on the way are theirs and are followed.
    pub fn open(path: &Path) -> io::Result<Self> {
        let open = |flags| rustix::fs::open(path, flags | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        // A directory that may be passed through but not listed is enough for opening by name.
        let fd = match open(OFlags::RDONLY) {
            Err(Errno::ACCESS) => open(OFlags::PATH),
            other => other,
        }?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// The path it was opened by. For messages and results, not for opening.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a regular file for reading.
    pub fn open_file(&self, name: impl AsRef<OsStr>) -> Result<File, OpenError> {
        self.open_with(name.as_ref(), OFlags::RDONLY, Mode::empty())
    }

    /// Opens a regular file for reading and writing, made if missing.
    pub fn open_or_create(&self, name: impl AsRef<OsStr>) -> Result<File, OpenError> {
        self.open_with(name.as_ref(), OFlags::RDWR | OFlags::CREATE, Mode::from_raw_mode(0o666))
    }

    /// Removes a file; one that is not there is as good as removed.
    pub fn remove(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.fd, component(name.as_ref())?, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            other => Ok(other?),
        }
    }

    /// Every name in it.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd)? {
            names.push(OsString::from_vec(entry?.file_name().to_bytes().to_vec()));
        }
        Ok(names)
    }

    /// Makes renames and removals in it survive a power cut.
    pub fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.fd)?)
    }

    /// For asking about the file system it is on.
    pub(crate) fn handle(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Device and number: equal for two handles of one directory.
    pub(crate) fn identity(&self) -> io::Result<(u64, u64)> {
        let stat = rustix::fs::fstat(&self.fd)?;
        Ok((stat.st_dev, stat.st_ino))
    }

    fn open_with(&self, name: &OsStr, flags: OFlags, mode: Mode) -> Result<File, OpenError> {
        let name = component(name).map_err(|_| OpenError::BadName)?;
        let file = File::from(self.open_fd(name, flags | COMMON, mode).map_err(from_errno)?);
        // openat2 opens directories and devices like files.
        let meta = file.metadata()?;
        if meta.is_file() { Ok(file) } else { Err(OpenError::NotRegular) }
    }

    fn open_fd(&self, name: &OsStr, flags: OFlags, mode: Mode) -> rustix::io::Result<OwnedFd> {
        // EAGAIN: a rename elsewhere ran through the kernel's check; man openat2 says to retry.
        for _ in 0..16 {
            match rustix::fs::openat2(&self.fd, name, flags, mode, RESOLVE) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(Errno::NOSYS) => return rustix::fs::openat(&self.fd, name, flags, mode),
                other => return other,
            }
        }
        Err(Errno::AGAIN)
    }
}

/// Whether a file belongs to this user and has no other name through which it is somebody's.
pub(crate) fn is_solely_ours(file: &File) -> io::Result<bool> {
    let meta = file.metadata()?;
    Ok(meta.uid() == crate::disk::own_user() && meta.nlink() == 1)
}

/// One component: `..` would satisfy BENEATH as long as it ends inside.
fn component(name: &OsStr) -> io::Result<&OsStr> {
    let bytes = name.as_bytes();
    let bad = matches!(bytes, b"" | b"." | b"..") || bytes.iter().any(|b| matches!(b, b'/' | 0));
    if bad { Err(io::ErrorKind::InvalidFilename.into()) } else { Ok(name) }
}

fn from_errno(errno: Errno) -> OpenError {
    match errno {
        Errno::NOENT => OpenError::Missing,
        Errno::LOOP | Errno::XDEV | Errno::ISDIR | Errno::NXIO | Errno::NOTDIR => OpenError::NotRegular,
        other => OpenError::Io(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> (tempfile::TempDir, Directory) {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir(temp.path().join("in")).unwrap();
        fs::write(temp.path().join("secret"), "secret").unwrap();
        fs::write(temp.path().join("in/file"), "file").unwrap();
        let directory = Directory::open(&temp.path().join("in")).unwrap();
        (temp, directory)
    }

    #[test]
    fn only_a_regular_file_right_here_is_opened() {
        let (temp, directory) = folder();
        fs::create_dir(temp.path().join("in/sub")).unwrap();
        symlink("../secret", temp.path().join("in/link")).unwrap();
        symlink("file", temp.path().join("in/inner")).unwrap();
        let mut text = String::new();
        directory.open_file("file").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "file");
        for name in ["link", "inner", "sub"] {
            assert!(matches!(directory.open_file(name), Err(OpenError::NotRegular)), "{name}");
        }
        assert!(matches!(directory.open_or_create("link"), Err(OpenError::NotRegular)));
        for name in ["", ".", "..", "../secret", "sub/../file", "/etc/passwd", "fi\0le"] {
            assert!(matches!(directory.open_file(name), Err(OpenError::BadName)), "{name}");
        }
        assert!(matches!(directory.open_file("none"), Err(OpenError::Missing)));
    }

    #[test]
    fn a_pipe_neither_blocks_nor_opens() {
        let (temp, directory) = folder();
        let made = std::process::Command::new("mkfifo").arg(temp.path().join("in/pipe")).status();
        assert!(made.unwrap().success());
        assert!(matches!(directory.open_file("pipe"), Err(OpenError::NotRegular)));
    }

    #[test]
    fn nothing_is_overwritten_by_a_rename() {
        let (temp, directory) = folder();
        fs::write(temp.path().join("in/other"), "other").unwrap();
        let taken = directory.move_to("file", &directory, "other").unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(temp.path().join("in/other")).unwrap(), b"other");
        directory.move_to("file", &directory, "free").unwrap();
        assert!(directory.move_to("free", &directory, "../out").is_err());
        directory.remove("none").unwrap();
        directory.sync().unwrap();
        assert!(directory.names().unwrap().contains(&"free".into()));
    }

    /// The hole of checking a path and opening it afterwards: none here.
    #[test]
    fn a_symlink_swapped_in_while_opening_never_leaks() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let (temp, directory) = folder();
        let base = temp.path().join("in");
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                symlink("../secret", base.join("trap")).unwrap();
                while !done.load(Ordering::Relaxed) {
                    rustix::fs::renameat_with(
                        rustix::fs::CWD,
                        base.join("trap"),
                        rustix::fs::CWD,
                        base.join("file"),
                        rustix::fs::RenameFlags::EXCHANGE,
                    )
                    .unwrap();
                }
            });
            let (mut opened, mut refused, mut leaked) = (0, 0, false);
            while !leaked && (opened < 2_000 || refused < 2_000) {
                let Ok(mut file) = directory.open_file("file") else {
                    refused += 1;
                    continue;
                };
                let mut text = String::new();
                leaked = file.read_to_string(&mut text).is_err() || text != "file";
                opened += 1;
            }
            done.store(true, Ordering::Relaxed);
            assert!(!leaked);
        });
    }
}
