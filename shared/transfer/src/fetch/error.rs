//! Why a download ended, in a sentence for people and a kind for the engine. What time can mend is not
//! among it: for that a download waits ([`Phase::Waiting`](super::Phase::Waiting)).

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use landline_protocol::WireError;
use landline_protocol::name::printable;
use landline_trust::tls::KeyMismatch;

use crate::disk;
use crate::store::Taken;

/// What ended a download. Except after [`Cancelled`](Self::Cancelled), the part file is kept.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Somebody answered with another key than the pinned one. A download waits for the right one
    /// ([`Phase::WrongKey`](super::Phase::WrongKey)); a look at a folder does not.
    #[error(
        "The device at the sender's address showed another key than expected, so nothing was fetched. \
         Compare the verification codes with the sender before going on."
    )]
    KeyChanged(KeyMismatch),
    /// There is no such share, or not for this user.
    #[error("The sender does not offer this file any more, or not to you. Ask them to share it again.")]
    NotFound,
    /// The file was changed after it was offered.
    #[error("The file was changed after it was offered. Ask the sender to share it again.")]
    SourceChanged,
    /// The file is not there any more.
    #[error("The sender's file is not there any more. Ask them to share it again.")]
    Gone,
    /// What came is not what was offered.
    #[error(
        "What the sender's device sent is not the file that was offered, so that was thrown away. \
         Ask the sender to share it again."
    )]
    Corrupt,
    /// No room in the folder.
    #[error(
        "The disk that holds {} is full: {} are needed. Free some space and try \
         again; what has arrived is kept.", folder.display(), Size(*needed)
    )]
    DiskFull {
        /// The folder for the file.
        folder: PathBuf,
        /// Bytes of all of it.
        needed: u64,
    },
    /// The folder or the files in it cannot be used.
    #[error("The file cannot be saved in {}: {source}.", folder.display())]
    Io {
        /// The folder for the file.
        folder: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// There is something with this name already, and the policy is to ask.
    #[error("There is something with this name already: {}. Say what to do about it.", .0.display())]
    NameTaken(PathBuf),
    /// Another download of the same offer is writing the same part file.
    #[error("This file is being downloaded already.")]
    Busy,
    /// The caller cancelled; the part file is gone.
    #[error("The download was cancelled.")]
    Cancelled,
    /// The sender's device refused for another reason.
    #[error("The sender's device refused: {}", printable(&.0.message))]
    Refused(WireError),
}

impl FetchError {
    /// What an error of this machine's disk means.
    pub(crate) fn disk(error: io::Error, folder: &Path, needed: u64) -> Self {
        if let Some(Taken(path)) = Taken::of(&error) {
            return Self::NameTaken(path.clone());
        }
        let folder = folder.to_owned();
        match error {
            full if disk::is_full(&full) => Self::DiskFull { folder, needed },
            busy if busy.kind() == io::ErrorKind::ResourceBusy => Self::Busy,
            source => Self::Io { folder, source },
        }
    }
}

/// Bytes as people say them.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match units.into_iter().find(|(unit, _)| self.0 >= *unit) {
            Some((unit, name)) => write!(f, "{:.1} {name}", self.0 as f64 / unit as f64),
            None => write!(f, "{} bytes", self.0),
        }
    }
}
