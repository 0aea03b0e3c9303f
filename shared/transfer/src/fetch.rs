//! Fetches an offered file: one attempt, over up to two connections, into a part file.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use landline_protocol::peer_routes::ShareRoute;
use landline_protocol::{DeviceId, FileName, Root, ShareId};
use landline_trust::device::DeviceKey;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::beneath::Directory;
use crate::part::{self, PartFile, PartName};
use crate::tree::{PieceTree, encoded_len};

mod download;
mod error;
mod source;

pub use error::FetchError;

use download::Download;
use source::{Line, Source};

/// How often, and with what pause, a part file in use is asked for again.
const PART_TRIES: u32 = 40;
const PART_PAUSE: Duration = Duration::from_millis(50);

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
    let (folder, part) = (job.folder.clone(), job.part());
    let result = attempt(job, key, credential, progress, &cancel).await;
    if matches!(result, Err(FetchError::Cancelled)) {
        let removed = tokio::task::spawn_blocking(move || discard(&folder, &part)).await;
        if let Ok(Err(error)) = removed {
            tracing::warn!(%error, "the part of a cancelled download could not be removed");
        }
    }
    result
}

/// Everything but the clearing up after a cancel. A step that leaves something behind when it is
/// dropped in the middle (making the part, naming the file) runs to its end; the others stop at once.
async fn attempt(
    job: FetchJob,
    key: Arc<DeviceKey>,
    credential: watch::Receiver<Arc<str>>,
    progress: watch::Sender<Progress>,
    cancel: &CancellationToken,
) -> Result<Fetched, FetchError> {
    unless(cancel, room(&job)).await?;
    let line = Line { key, device: job.device, addresses: job.addresses.clone(), credential };
    progress.send_modify(|progress| progress.phase = Phase::Connecting);
    let (source, tree) = unless(cancel, connect(&job, &line)).await?;
    let part = open_part(&job, cancel).await?;
    let download = Arc::new(Download::new(job.clone(), tree, part, progress.clone()));
    unless(cancel, async {
        download.check().await?;
        if let Some(source) = source {
            download.run(source, line).await?;
        }
        progress.send_modify(|progress| progress.phase = Phase::Finishing);
        download.blocking(|download| download.part().sync()).await
    })
    .await?;
    let path = download.blocking(move |download| download.part().place(&job.name)).await?;
    Ok(Fetched { path })
}

/// Known before anybody is asked for anything: whether the folder is there and has room.
async fn room(job: &FetchJob) -> Result<(), FetchError> {
    let (path, name, size) = (job.folder.clone(), job.part(), job.size);
    on_disk(job, move || part::room(&Directory::open(&path)?, &name, size)).await
}

/// A line to the sender and the hashes. An empty file needs neither.
async fn connect(job: &FetchJob, line: &Line) -> Result<(Option<Source>, PieceTree), FetchError> {
    if job.size == 0 {
        let tree = PieceTree::of_small(0, &job.root).ok_or(FetchError::Corrupt)?;
        return Ok((None, tree));
    }
    let mut source = Source::connect(line.clone()).await?;
    if let Some(tree) = PieceTree::of_small(job.size, &job.root) {
        return Ok((Some(source), tree));
    }
    let route = ShareRoute::Tree { share: job.share, entry: job.entry };
    let values = source.whole(route, encoded_len(job.size)).await?;
    let tree = PieceTree::from_bytes(&values, job.size, &job.root).map_err(|_| FetchError::Corrupt)?;
    Ok((Some(source), tree))
}

/// Opens the part file. An attempt that was dropped a moment ago may still hold it for as long as
/// its last write takes, so this asks again for two seconds.
async fn open_part(job: &FetchJob, cancel: &CancellationToken) -> Result<PartFile, FetchError> {
    for _ in 0..PART_TRIES {
        let (path, name, size, root) = (job.folder.clone(), job.part(), job.size, job.root);
        let open = move || PartFile::open(Directory::open(&path)?, name, size, root);
        match on_disk(job, open).await {
            Err(FetchError::Busy) => unless(cancel, pause()).await?,
            other => return other,
        }
    }
    Err(FetchError::Busy)
}

/// Runs something that waits for the disk where waiting disturbs nobody.
async fn on_disk<T: Send + 'static>(
    job: &FetchJob,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, FetchError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(io::Error::other).flatten();
    done.map_err(|error| FetchError::disk(error, &job.folder, job.size))
}

async fn pause() -> Result<(), FetchError> {
    tokio::time::sleep(PART_PAUSE).await;
    Ok(())
}

/// Does something unless it is cancelled first.
async fn unless<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T, FetchError>>,
) -> Result<T, FetchError> {
    cancel.run_until_cancelled(work).await.unwrap_or(Err(FetchError::Cancelled))
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
