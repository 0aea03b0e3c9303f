//! Fetches an offered file: one attempt, over up to two connections, into a part file.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use landline_protocol::{DeviceId, FileName, Root, ShareId};
use landline_trust::device::DeviceKey;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::beneath::Directory;
use crate::part::{self, PartName};

mod error;

pub use error::FetchError;

/// What to fetch, from whom, and where to put it.
#[derive(Clone, Debug)]
pub struct FetchJob {
    /// The capability in the offer.
    pub share: ShareId,
    /// The entry of the share; a single file is entry 0.
    pub entry: u32,
    /// Bytes, as offered.
    pub size: u64,
    /// BLAKE3 of the content, as offered.
    pub root: Root,
    /// The name to save it under; a number is added when it is taken.
    pub name: FileName,
    /// An existing folder.
    pub folder: PathBuf,
    /// The device that shares it. Nobody else is talked to.
    pub device: DeviceId,
    /// Where it may be, the best first.
    pub addresses: Vec<SocketAddr>,
}

impl FetchJob {
    /// What its part file is called.
    pub fn part(&self) -> PartName {
        PartName::of(&self.share, self.entry, &self.root)
    }
}

/// What an attempt is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Reaching the sender and asking for the hashes.
    #[default]
    Connecting,
    /// Hashing again what an earlier attempt left.
    Checking,
    /// Receiving.
    Active,
    /// Bringing the complete file to disk and giving it its name.
    Finishing,
}

/// How far a download has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes proven and written, those of earlier attempts included.
    pub verified: u64,
    /// Bytes of those that an earlier attempt had left on disk.
    pub reused: u64,
    /// What is being done.
    pub phase: Phase,
}

/// A file that is complete, proven, on disk and under its final name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Where.
    pub path: PathBuf,
}

/// Makes one attempt. What is proven stays in the part file when it fails or when the future is
/// dropped, and is not fetched again. A cancel ends it within a second and removes the part.
pub async fn fetch(
    job: FetchJob,
    key: Arc<DeviceKey>,
    credential: watch::Receiver<Arc<str>>,
    progress: watch::Sender<Progress>,
    cancel: CancellationToken,
) -> Result<Fetched, FetchError> {
    let _ = (job, key, credential, progress, cancel);
    Err(FetchError::Unreachable("not built yet".into()))
}

/// Removes the part file of a download that will not go on. Blocks briefly. A folder or a part
/// that is not there is as good as removed.
pub fn discard(folder: &Path, part: &PartName) -> io::Result<()> {
    match Directory::open(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(folder) => part::remove(&folder, part),
    }
}
