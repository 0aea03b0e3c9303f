//! Fetches what was offered from everyone who holds it. One call lasts as long as the download: it
//! waits for sources, leaves bad ones, and ends when everything is proven and in place.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use landline_net::client::HttpConnection;
use landline_net::dial::DialError;
use landline_protocol::peer_routes::Door;
use landline_protocol::{DeviceId, FolderSummary, OfferRef, Root, UserName};
use landline_trust::tls::KeyMismatch;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::limit::Rates;
use crate::share::{Hashed, Shared, Shares};
use crate::store::{Destination, PartName, Placed, discard};

mod bring;
mod calm;
mod coding;
mod content;
mod crowd;
mod download;
mod error;
mod files;
mod hold;
mod known;
mod learn;
mod listing;
mod pace;
mod peer;
mod show;
mod trouble;
mod version;
mod walk;
mod wire;
mod worker;

pub use error::FetchError;
pub use listing::{ListingError, listing};

use download::Download;
use walk::Whole;

pub use crate::share::Kind;

/// What to fetch, from whom, and where to put it.
#[derive(Clone)]
pub struct FetchJob {
    /// The offer: names the parts, and is what the pieces are passed on under.
    pub offer: OfferRef,
    /// What was offered.
    pub kind: Kind,
    /// Bytes, as offered.
    pub size: u64,
    /// Of a folder: how much the offer says is in it. Not what the manifest says: nothing is fetched.
    pub summary: Option<FolderSummary>,
    /// Its root, once the author has it. A file may begin before; a folder waits.
    pub root: watch::Receiver<Option<Root>>,
    /// Where to put it.
    pub to: Destination,
    /// Which files of a folder, by their index in the manifest; `None` for all.
    pub picks: Option<Arc<[u32]>>,
    /// Who may have some of it, changing as people come and go. The author first.
    pub sources: watch::Receiver<Arc<[Source]>>,
    /// How to reach them.
    pub line: Line,
    /// Limits on what comes in.
    pub rates: Rates,
    /// Where verified pieces are passed on from while the download lasts; `None` passes nothing on. What
    /// has arrived whole is still passed on when [`fetch`] returns it: replace it with
    /// [`Shares::hold_complete`], or release it.
    pub pass_on: Option<Shares>,
}

/// A device that may have some of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Whose.
    pub user: UserName,
    /// Its key: nobody else is talked to.
    pub device: DeviceId,
    /// Where it may be, the best first.
    pub addresses: Vec<SocketAddr>,
    /// The author is asked for the share, others for the offer they hold.
    pub door: Door,
}

/// How sources are reached and how this device proves who asks.
#[derive(Clone)]
pub struct Line {
    /// Dials.
    pub connect: Arc<dyn Connect>,
    /// The peer credential.
    pub credential: watch::Receiver<Arc<str>>,
    /// The content pass for the offer; empty while there is none, and holders are not asked then.
    pub pass: watch::Receiver<Arc<str>>,
}

/// A way to a source: its addresses, or something cleverer.
pub trait Connect: Send + Sync {
    /// A connection whose other end has proved the source's key.
    fn connect<'a>(
        &'a self,
        source: &'a Source,
    ) -> Pin<Box<dyn Future<Output = Result<HttpConnection, DialError>> + Send + 'a>>;
}

/// What a download is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Reaching sources, and asking what there is.
    #[default]
    Connecting,
    /// Hashing again what an earlier attempt left, or what is at the destination already.
    Checking,
    /// Receiving.
    Active,
    /// Everything is here, but the author has not said yet what it must hash to.
    Unsealed,
    /// Nobody can be reached who has what is missing; it goes on when somebody can. The sentence says
    /// why.
    Waiting(String),
    /// Somebody else answers at the author's address: nothing is fetched there. It goes on when the right
    /// device is reached.
    WrongKey(KeyMismatch),
    /// The author serves others first: so many are ahead.
    Queued(u32),
    /// Bringing the complete content to disk and giving it its name.
    Finishing,
}

/// How far a download has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Bytes wanted: the size, or that of the picked files.
    pub wanted: u64,
    /// Bytes here, proven or (before the root is known) not yet, those of earlier attempts included.
    pub here: u64,
    /// Whether what earlier attempts left has been looked at: until then, more may be here.
    pub is_checked: bool,
    /// Bytes proven.
    pub verified: u64,
    /// Bytes of those that were on disk before: left by an earlier attempt, or identical.
    pub reused: u64,
    /// Bytes of content that came over the network in this attempt, repeats included.
    pub received: u64,
    /// Files of a folder, and how many of them are complete; zero for a file.
    pub files: (u64, u64),
    /// Everyone who was or is a source.
    pub sources: BTreeMap<DeviceId, SourceProgress>,
    /// See [`crate::plan::Plan::picture`]; at most [`PICTURE_CELLS`].
    pub picture: Arc<[u8]>,
}

/// The most cells in [`Progress::picture`].
pub const PICTURE_CELLS: usize = 120;

/// One source's part in a download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceProgress {
    /// Whose it is.
    pub user: UserName,
    /// Bytes of good pieces from there in this attempt.
    pub bytes: u64,
    /// How it stands.
    pub state: SourceState,
}

/// How a source stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceState {
    /// Being reached.
    Connecting,
    /// Something is coming from it, or may any moment.
    Active,
    /// Tried again after a while; why.
    Waiting(String),
    /// Not asked again; why: it lied, or said no for good.
    Dropped(String),
}

/// Content that is proven, on disk and under its final name; complete unless [`Placed::kept`] says that
/// others had the names.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Where.
    pub placed: Placed,
    /// What it was proven against.
    pub root: Root,
    /// Its tree or manifest, for passing it on without hashing it again ([`Shares::hold_complete`]).
    pub hashed: Hashed,
}

impl Fetched {
    /// Whether nothing came, because something else has the name and was to be kept.
    pub fn is_skipped(&self) -> bool {
        matches!(self.hashed, Hashed::File(_)) && self.placed.kept > 0
    }

    /// Whether what was found at the place is, as far as that can be told without reading it, what was
    /// placed: a file by its version, a folder by the times in its manifest, which everything fetched has.
    /// `false` is no proof of the contrary: then [`Shared::is_content`] says.
    pub fn is_still(&self, found: &Shared) -> bool {
        self.placed.kept == 0
            && match (found, &self.hashed) {
                (Shared::File(file), Hashed::File(_)) => self.placed.version.as_ref() == Some(file.version()),
                // Where something was numbered, something else has the name that is listed.
                (Shared::Folder(folder), Hashed::Folder { manifest, .. }) => {
                    self.placed.respelled.is_empty() && folder.has_times_of(manifest)
                }
                _ => false,
            }
    }
}

impl FetchJob {
    /// What its parts are called.
    pub fn part(&self) -> PartName {
        PartName::of(self.offer.key())
    }
}

/// Fetches until everything is in place. What is here stays in the part when it fails or when the
/// future is dropped (a pause), and is not fetched again. A cancel ends it within a second and removes
/// the part. Errors are those that time does not mend: for the others it waits, and says so.
pub async fn fetch(
    job: FetchJob,
    progress: watch::Sender<Progress>,
    cancel: CancellationToken,
) -> Result<Fetched, FetchError> {
    let (folder, part) = (job.to.folder.clone(), job.part());
    let result = until_placed(job, &progress, &cancel).await;
    if matches!(result, Err(FetchError::Cancelled)) {
        let removed = tokio::task::spawn_blocking(move || discard(&folder, &part)).await;
        if let Ok(Err(error)) = removed {
            tracing::warn!(%error, "the part of a cancelled download could not be removed");
        }
    }
    result
}

/// Everything but the clearing up after a cancel. Giving the content its name runs to its end, because
/// stopping in the middle would leave something behind; the rest stops at once.
async fn until_placed(
    job: FetchJob,
    progress: &watch::Sender<Progress>,
    cancel: &CancellationToken,
) -> Result<Fetched, FetchError> {
    let download = Arc::new(Download::new(job));
    let whole = tokio::select! {
        biased;
        () = cancel.cancelled() => Err(FetchError::Cancelled),
        whole = until_whole(&download) => whole,
        error = download.failed() => Err(error),
        error = crowd::follow(Arc::clone(&download)) => Err(error),
        () = show::keep_telling(&download, progress) => Err(FetchError::Cancelled),
    };
    show::tell(&download, progress);
    let whole = whole?;
    let content = Arc::clone(&whole.content);
    let placed = walk::on_disk(&download.job, move || content.store().place()).await?;
    // Of picked files, or where others were kept, nothing complete can take its place.
    let is_whole = download.job.picks.is_none() && placed.kept == 0;
    if let Some(passed_on) = whole.passed_on.filter(|_| is_whole) {
        passed_on.hand_over();
    }
    Ok(Fetched { placed, root: whole.known.root, hashed: whole.known.hashed() })
}

async fn until_whole(download: &Arc<Download>) -> Result<Whole, FetchError> {
    let whole = walk::gather(download).await?;
    download.set_phase(Some(Phase::Finishing));
    let content = Arc::clone(&whole.content);
    walk::on_disk(&download.job, move || content.store().sync()).await?;
    Ok(whole)
}
