//! A profile: the folder with one participant's key, history and secrets, used by one process at
//! a time.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use landline_protocol::UserName;
use landline_trust::private_file::{PrivateFileError, private_dir};

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Another process has it.
    #[error(
        "another Landline (process {pid}) is using this profile: use that one, close it, or choose \
         another with --profile"
    )]
    Locked {
        /// The process that holds it, or `unknown`.
        pid: String,
    },
    /// The folder cannot be kept private.
    #[error(transparent)]
    Private(#[from] PrivateFileError),
    /// The folder cannot be made or written.
    #[error("the profile folder {path} cannot be used: {source}")]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A profile folder, held exclusively until dropped.
#[derive(Debug)]
pub(crate) struct Profile {
    dir: PathBuf,
    // The lock lives as long as the open file does, and ends with the process whatever happens.
    _lock: File,
}

impl Profile {
    /// Makes the folder (mode 0700) if need be and takes its lock.
    pub(crate) fn open(dir: &Path) -> Result<Self, ProfileError> {
        let io = |source| ProfileError::Io { path: dir.to_owned(), source };
        private_dir(dir)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut lock = options.open(dir.join("lock")).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(ProfileError::Locked { pid: holder(&mut lock) });
            }
            Err(std::fs::TryLockError::Error(source)) => return Err(io(source)),
        }
        lock.set_len(0).map_err(io)?;
        lock.rewind().map_err(io)?;
        write!(lock, "{}", std::process::id()).map_err(io)?;
        Ok(Self { dir: dir.to_owned(), _lock: lock })
    }

    /// The folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }
}

fn holder(lock: &mut File) -> String {
    let mut pid = String::new();
    let read = lock.take(20).read_to_string(&mut pid);
    if read.is_err() || pid.is_empty() { "unknown".to_owned() } else { pid }
}

/// Where profiles live by default: the platform's data directory for Landline.
pub fn default_profile_dir() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "landline").map(|dirs| dirs.data_dir().join("profile"))
}

/// Where accepted files go by default: `Landline` in the platform's downloads folder, or in the
/// home directory where there is none.
pub fn default_download_folder() -> Option<PathBuf> {
    let dirs = directories::UserDirs::new()?;
    Some(dirs.download_dir().unwrap_or_else(|| dirs.home_dir()).join("Landline"))
}

/// A name to start from, the same on each start of one machine: `x86_64-linux-a4f2`.
pub fn suggested_username() -> UserName {
    let machine = std::fs::read("/etc/machine-id").unwrap_or_default();
    let host = gethostname::gethostname();
    let seed = [host.as_encoded_bytes(), &machine].concat();
    let digest = landline_trust::hash_secret(&data_encoding::HEXLOWER.encode(&seed));
    let tail = data_encoding::HEXLOWER.encode(&digest[..2]);
    let name = format!("{}-{}-{tail}", std::env::consts::ARCH, std::env::consts::OS);
    name.parse().unwrap_or_else(|_| unreachable!("letters, digits, underscores and hyphens"))
}

/// What this machine is called in lists: its host name.
pub fn device_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_user_of_a_profile_is_told_who_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = Profile::open(dir.path()).unwrap();
        let Err(ProfileError::Locked { pid }) = Profile::open(dir.path()) else { panic!("locked twice") };
        assert_eq!(pid, std::process::id().to_string());
        drop(first);
        Profile::open(dir.path()).unwrap();
    }

    #[test]
    fn the_suggested_name_is_stable_and_short() {
        assert_eq!(suggested_username(), suggested_username());
        assert!(suggested_username().as_str().len() < 40);
    }
}
