//! Folders beneath an open directory: opening, making, moving and removing, always by one name.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, Timespec, Timestamps, UTIME_OMIT};
use rustix::io::Errno;

use super::{Directory, OpenError, What, component, from_errno};

impl Directory {
    /// Opens a folder in it; a symlink to one is [`OpenError::NotRegular`].
    pub(crate) fn folder(&self, name: &str) -> Result<Self, OpenError> {
        let name = component(name.as_ref()).map_err(|_| OpenError::BadName)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let fd = self.open_fd(name, flags, Mode::empty()).map_err(from_errno)?;
        Ok(Self { fd, path: self.path.join(name) })
    }

    /// Another handle of the same directory.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { fd: self.fd.try_clone()?, path: self.path.clone() })
    }

    /// Makes a folder in it, and says whether it was not there.
    pub(crate) fn make_folder(&self, name: &str, mode: u32) -> io::Result<bool> {
        match rustix::fs::mkdirat(&self.fd, component(name.as_ref())?, Mode::from_raw_mode(mode)) {
            Err(Errno::EXIST) => Ok(false),
            other => Ok(other.map(|()| true)?),
        }
    }

    /// Makes a file that is not there yet. A symlink of that name counts as there.
    pub(crate) fn create_new(&self, name: &str, mode: u32) -> io::Result<File> {
        let name = component(name.as_ref())?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        Ok(File::from(self.open_fd(name, flags, Mode::from_raw_mode(mode))?))
    }

    /// Opens a file that is there for reading and writing.
    pub(crate) fn open_writable(&self, name: &str) -> Result<File, OpenError> {
        self.open_with(name.as_ref(), OFlags::RDWR, Mode::empty())
    }

    /// Moves a file or folder into another folder; refused when the name is taken there.
    pub(crate) fn move_to(&self, from: &str, to: &Self, name: &str) -> io::Result<()> {
        let (from, name) = (component(from.as_ref())?, component(name.as_ref())?);
        match rustix::fs::renameat_with(&self.fd, from, &to.fd, name, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS) => {}
            other => return Ok(other?),
        }
        // NFS and some FUSE file systems: a link refuses a taken name just as well, and a folder takes
        // the place of nothing but an empty folder.
        match rustix::fs::linkat(&self.fd, from, &to.fd, name, AtFlags::empty()) {
            Ok(()) => self.remove(from),
            Err(Errno::PERM) if self.has_folder(from)? => {
                Ok(rustix::fs::renameat(&self.fd, from, &to.fd, name)?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Removes an empty folder; one that is not there is as good as removed.
    pub(crate) fn remove_folder(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.fd, component(name.as_ref())?, AtFlags::REMOVEDIR) {
            Err(Errno::NOENT) => Ok(()),
            other => Ok(other?),
        }
    }

    /// Whether this is the name of a folder, itself and not what a symlink points to.
    pub(crate) fn has_folder(&self, name: impl AsRef<OsStr>) -> io::Result<bool> {
        Ok(self.look(name.as_ref())?.is_some_and(|found| found.what == What::Folder))
    }

    /// Lets nobody but its owner in, where the file system can.
    pub(crate) fn make_private(&self) {
        let _ = rustix::fs::fchmod(&self.fd, Mode::RWXU);
    }

    /// Whether it belongs to this user.
    pub(crate) fn is_own(&self) -> io::Result<bool> {
        Ok(rustix::fs::fstat(&self.fd)?.st_uid == crate::disk::own_user())
    }

    /// Sets when its content last changed.
    pub(crate) fn set_modified(&self, modified: (i64, u32)) -> io::Result<()> {
        set_modified(&self.fd, modified)
    }

    /// Brings everything on its file system to disk.
    pub(crate) fn sync_everything(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&self.fd)?)
    }
}

/// Sets when the content of an open file or folder last changed, in seconds since 1970, and the
/// nanoseconds of that second.
pub(crate) fn set_modified(anything: impl AsFd, (secs, nanos): (i64, u32)) -> io::Result<()> {
    let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    let times = Timestamps {
        last_access: omit,
        last_modification: Timespec { tv_sec: secs, tv_nsec: nanos.min(999_999_999).into() },
    };
    match rustix::fs::futimens(anything, &times) {
        // A time that the file system cannot say is no reason to lose a file.
        Err(Errno::INVAL | Errno::RANGE | Errno::OVERFLOW | Errno::OPNOTSUPP) => Ok(()),
        other => Ok(other?),
    }
}
