//! Whole paths beneath an open directory, and what a name stands for.

use std::ffi::OsStr;
use std::fs::File;
use std::io;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{COMMON, Directory, OpenError, RESOLVE, component, from_errno};
use crate::disk::FileVersion;
use crate::manifest::EntryPath;

/// What has a name, as it is now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    /// Whether it is a file, a folder, or neither.
    pub(crate) what: What,
    /// Its number, size and time.
    pub(crate) version: FileVersion,
    /// Whether its owner may execute it.
    pub(crate) executable: bool,
}

/// What can be shared, and what cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symlink, a device, a pipe.
    Other,
}

impl Directory {
    /// Opens a regular file at any depth for reading, in one step, and looks at it; no symlink is
    /// followed on the way.
    pub(crate) fn open_path(&self, path: &EntryPath) -> Result<(File, FileVersion), OpenError> {
        let file = match self.open_fd_beneath(path) {
            Err(Errno::NOSYS) => self.open_by_steps(path)?,
            opened => File::from(opened.map_err(from_errno)?),
        };
        // openat2 opens directories and devices like files.
        let found = Found::of(&rustix::fs::fstat(&file).map_err(io::Error::from)?);
        if found.what == What::File { Ok((file, found.version)) } else { Err(OpenError::NotRegular) }
    }

    /// What has this name, itself and not what a symlink points to; `None` when nothing has.
    pub(crate) fn look(&self, name: &OsStr) -> io::Result<Option<Found>> {
        match rustix::fs::statat(&self.fd, component(name)?, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
            Ok(stat) => Ok(Some(Found::of(&stat))),
        }
    }

    fn open_fd_beneath(&self, path: &EntryPath) -> rustix::io::Result<std::os::fd::OwnedFd> {
        let flags = OFlags::RDONLY | COMMON;
        // See `open_fd` for when to try again. The path has no `..`, which BENEATH would allow inside.
        for _ in 0..16 {
            match rustix::fs::openat2(&self.fd, path.as_str(), flags, Mode::empty(), RESOLVE) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                other => return other,
            }
        }
        Err(Errno::AGAIN)
    }

    /// Where there is no `openat2`: folder by folder, each held while the next is opened in it.
    fn open_by_steps(&self, path: &EntryPath) -> Result<File, OpenError> {
        let (mut held, mut rest): (Option<Self>, _) = (None, path.as_str());
        while let Some((first, more)) = rest.split_once('/') {
            held = Some(held.as_ref().unwrap_or(self).folder(first)?);
            rest = more;
        }
        held.as_ref().unwrap_or(self).open_file(rest)
    }
}

impl Found {
    fn of(stat: &Stat) -> Self {
        let what = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => What::File,
            FileType::Directory => What::Folder,
            _ => What::Other,
        };
        let version = FileVersion {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified_secs: stat.st_mtime,
            modified_nanos: i64::try_from(stat.st_mtime_nsec).unwrap_or(0),
        };
        Self { what, version, executable: stat.st_mode & 0o100 != 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    fn path(text: &str) -> EntryPath {
        EntryPath::parse(text).unwrap()
    }

    #[test]
    fn whole_paths_stay_beneath_and_follow_nothing() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        fs::create_dir_all(at("in/a/b")).unwrap();
        fs::write(at("in/a/b/file"), "deep").unwrap();
        fs::create_dir(at("out")).unwrap();
        fs::write(at("out/file"), "secret").unwrap();
        symlink("../out", at("in/link")).unwrap();
        symlink("a", at("in/inner")).unwrap();
        let directory = Directory::open(&at("in")).unwrap();
        let open = |text: &str| directory.open_path(&path(text)).map(|(file, _)| file);
        let steps = |text: &str| [open(text), directory.open_by_steps(&path(text))];
        for opened in steps("a/b/file") {
            let mut text = String::new();
            opened.unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "deep");
        }
        for bad in ["link/file", "inner/b/file", "a/b", "a/b/file/x"] {
            assert!(steps(bad).into_iter().all(|r| matches!(r, Err(OpenError::NotRegular))), "{bad}");
        }
        assert!(steps("a/c").into_iter().all(|r| matches!(r, Err(OpenError::Missing))));
        assert_eq!(directory.look("link".as_ref()).unwrap().unwrap().what, What::Other);
        assert_eq!(directory.look("a".as_ref()).unwrap().unwrap().what, What::Folder);
        assert!(directory.look("none".as_ref()).unwrap().is_none());
    }

    #[test]
    fn looking_and_opening_tell_the_same_version() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("file"), "x").unwrap();
        let directory = Directory::open(temp.path()).unwrap();
        let found = directory.look("file".as_ref()).unwrap().unwrap();
        let (opened, version) = directory.open_path(&path("file")).unwrap();
        assert_eq!((found.what, found.version), (What::File, version));
        assert_eq!(FileVersion::of(&opened).unwrap(), version);
    }
}
