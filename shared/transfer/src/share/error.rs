//! Why something cannot be shared, or not any more.

use std::io;
use std::path::{Path, PathBuf};

use crate::beneath::OpenError;

/// Why a file or folder cannot be shared, or not any more.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    /// It is not there.
    #[error("{} is not there; choose it again", .0.display())]
    Missing(PathBuf),
    /// A link or a device.
    #[error("{} is neither a file nor a folder; only those can be shared", .0.display())]
    NotRegular(PathBuf),
    /// Not what it was when it was shared.
    #[error("{} was changed after it was shared; share it again", .0.display())]
    Changed(PathBuf),
    /// A name that could not be told to anyone.
    #[error("{} has a name that is not valid UTF-8, so it cannot be shared; rename it and try again", .0.display())]
    NotUtf8(PathBuf),
    /// Deeper or longer than a path may be.
    #[error("{} lies too deep in the folder to be shared; move it further up and try again", .0.display())]
    TooDeep(PathBuf),
    /// More than a list of a folder may hold.
    #[error("there is too much in {} to be shared as one folder; share parts of it", .0.display())]
    TooMuch(PathBuf),
    /// The system refused.
    #[error("{} cannot be read: {source}; check that you may open it", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

impl ShareError {
    /// What an error while opening `path` means.
    pub(crate) fn at(path: &Path, error: OpenError) -> Self {
        let path = path.to_owned();
        match error {
            OpenError::Missing => Self::Missing(path),
            OpenError::NotRegular | OpenError::BadName => Self::NotRegular(path),
            OpenError::Io(source) if source.kind() == io::ErrorKind::NotFound => Self::Missing(path),
            OpenError::Io(source) => Self::Io { path, source },
        }
    }
}
