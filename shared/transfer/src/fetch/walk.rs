//! A download from its beginning to the moment when everything is proven and on disk: what is there
//! already, what it must be, everything that is missing.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use landline_protocol::Root;
use tokio::time::sleep;

use super::content::Content;
use super::download::Download;
use super::hold::PassedOn;
use super::known::{Known, Proof};
use super::learn::believe;
use super::pace::random;
use super::worker::changed;
use super::{FetchError, FetchJob, Kind, Phase};
use crate::layout::Layout;
use crate::manifest::Manifest;
use crate::store::{self, Store, Subject};
use crate::tree::PieceTree;

/// How often, and with what pause, parts in use are asked for again.
const PART_TRIES: u32 = 40;
const PART_PAUSE: Duration = Duration::from_millis(50);
/// How often what came is brought to disk: what a power cut may cost.
const RECORD: Duration = Duration::from_secs(5);

/// What a complete download is.
pub(super) struct Whole {
    pub(super) content: Arc<Content>,
    pub(super) known: Arc<Known>,
    /// Others fetch from it until this is gone.
    pub(super) passed_on: Option<PassedOn>,
}

/// A download whose pieces are being asked for.
struct Begun {
    content: Arc<Content>,
    known: Arc<Known>,
    /// What an earlier attempt may have left, and nobody has looked at yet.
    in_doubt: Vec<usize>,
}

/// Lasts until every piece that is wanted is proven.
pub(super) async fn gather(download: &Arc<Download>) -> Result<Whole, FetchError> {
    let Begun { content, known, in_doubt } = match download.job.kind {
        Kind::File => file(download).await?,
        Kind::Folder => folder(download).await?,
    };
    let pass_on = download.job.pass_on.clone();
    let passed_on = pass_on.map(|shares| PassedOn::begin(shares, download.job.offer, Arc::clone(&content)));
    tokio::select! {
        error = keep_record(download, &content) => return Err(error),
        error = check(download, &content, in_doubt) => return Err(error),
        () = complete(download, &content) => {}
    }
    Ok(Whole { content, known, passed_on })
}

async fn complete(download: &Download, content: &Content) {
    let mut bell = download.bell();
    while !content.is_complete() {
        changed(&mut bell).await;
    }
}

/// A file may begin before its root is known.
async fn file(download: &Arc<Download>) -> Result<Begun, FetchError> {
    let job = &download.job;
    let layout = Arc::new(Layout::single(job.size));
    let store = open_store(job, || Subject::File, &layout).await?;
    let content = download.show(Content::new(layout, store, None, random()));
    let root = *job.root.borrow();
    if let Some(root) = root {
        let known = known_file(download, root).await?;
        content.settle(Arc::clone(&known));
        let in_doubt = survey(download, &content).await?;
        download.open();
        return Ok(Begun { content, known, in_doubt });
    }
    survey(download, &content).await?;
    download.open();
    tokio::select! {
        error = keep_record(download, &content) => Err(error),
        known = sealed(download) => {
            let known = known?;
            content.settle(Arc::clone(&known));
            download.ring();
            Ok(Begun { content, known, in_doubt: Vec::new() })
        }
    }
}

async fn sealed(download: &Download) -> Result<Arc<Known>, FetchError> {
    let root = root(download).await;
    known_file(download, root).await
}

/// What the pieces of a file must be: of a small one, its root says it.
async fn known_file(download: &Download, root: Root) -> Result<Arc<Known>, FetchError> {
    let size = download.job.size;
    if Layout::single(size).needs_tree() {
        let (known, is_kept) = known(download, root).await?;
        if !is_kept {
            keep(&download.job, &known).await?;
        }
        return Ok(known);
    }
    let tree = PieceTree::of_small(size, &root).ok_or(FetchError::Corrupt)?;
    Ok(Arc::new(Known::of_file(tree)))
}

/// What belongs to a root, and whether an earlier attempt kept it; else it is learned from whoever has it.
async fn known(download: &Download, root: Root) -> Result<(Arc<Known>, bool), FetchError> {
    match kept(&download.job, root).await? {
        Some(known) => Ok((Arc::new(known), true)),
        None => Ok((download.learn(root).await, false)),
    }
}

/// Keeps it for attempts to come.
async fn keep(job: &FetchJob, known: &Known) -> Result<(), FetchError> {
    let (folder, part, kind, bytes) = (job.to.folder.clone(), job.part(), job.kind, known.bytes.clone());
    on_disk(job, move || store::save_proof(&folder, &part, kind, &bytes)).await
}

/// A folder begins with the list of what is in it, for which its root must be known.
async fn folder(download: &Arc<Download>) -> Result<Begun, FetchError> {
    let job = &download.job;
    if job.root.borrow().is_none() {
        download.set_phase(Some(Phase::Unsealed));
    }
    let root = root(download).await;
    download.set_phase(None);
    let (known, is_kept) = known(download, root).await?;
    let Proof::Folder(manifest) = &known.proof else {
        return Err(FetchError::Corrupt); // not reached: a folder's proof is a manifest
    };
    let (manifest, wanted) = (Arc::clone(manifest), picked(job, manifest));
    let subject = || Subject::Folder { manifest: Arc::clone(&manifest), wanted: wanted.clone() };
    let layout = Arc::clone(manifest.layout());
    let store = open_store(job, subject, &layout).await?;
    if !is_kept {
        keep(job, &known).await?;
    }
    let content = download.show(Content::new(layout, store, Some(wanted), random()));
    content.settle(Arc::clone(&known));
    let in_doubt = survey(download, &content).await?;
    download.open();
    Ok(Begun { content, known, in_doubt })
}

/// Which files are wanted, one flag for each.
fn picked(job: &FetchJob, manifest: &Manifest) -> Vec<bool> {
    let Some(picks) = &job.picks else {
        return vec![true; manifest.files.len()];
    };
    let mut wanted = vec![false; manifest.files.len()];
    for pick in picks.iter() {
        if let Some(wanted) = usize::try_from(*pick).ok().and_then(|pick| wanted.get_mut(pick)) {
            *wanted = true;
        }
    }
    wanted
}

/// What an earlier attempt kept, if it is what belongs to the root.
async fn kept(job: &FetchJob, root: Root) -> Result<Option<Known>, FetchError> {
    let (folder, part, kind) = (job.to.folder.clone(), job.part(), job.kind);
    let (size, summary) = (job.size, job.summary);
    on_disk(job, move || {
        let Some(bytes) = store::load_proof(&folder, &part, kind)? else {
            return Ok(None);
        };
        // What is not the one is asked for anew, and judged then.
        Ok(match kind {
            Kind::File => PieceTree::from_bytes(&bytes, size, &root).ok().map(Known::of_file),
            Kind::Folder => believe(bytes, root, size, summary).ok(),
        })
    })
    .await
}

/// The root, as soon as the author has it.
async fn root(download: &Download) -> Root {
    let mut root = download.job.root.clone();
    loop {
        if let Some(root) = *root.borrow_and_update() {
            return root;
        }
        changed(&mut root).await;
    }
}

/// Opens the parts. An attempt that was dropped a moment ago may still hold them for as long as its
/// last write takes, so this asks again for two seconds.
async fn open_store(
    job: &FetchJob,
    subject: impl Fn() -> Subject,
    layout: &Arc<Layout>,
) -> Result<Store, FetchError> {
    for _ in 0..PART_TRIES {
        let (to, part, subject, layout) = (job.to.clone(), job.part(), subject(), Arc::clone(layout));
        match on_disk(job, move || Store::open(&to, &part, subject, &layout)).await {
            Err(FetchError::Busy) => sleep(PART_PAUSE).await,
            other => return other,
        }
    }
    Err(FetchError::Busy)
}

/// Finds what is there already, and what may be.
async fn survey(download: &Arc<Download>, content: &Arc<Content>) -> Result<Vec<usize>, FetchError> {
    download.set_phase(Some(Phase::Checking));
    let stop = StopOnDrop(Arc::default());
    let (surveyed, stopped) = (Arc::clone(content), Arc::clone(&stop.0));
    on_disk(&download.job, move || surveyed.survey(&stopped)).await
}

/// Looks at what may be there, while the rest is fetched. Ends only when the disk fails.
async fn check(download: &Arc<Download>, content: &Arc<Content>, in_doubt: Vec<usize>) -> FetchError {
    let stop = StopOnDrop(Arc::default());
    let (checked, stopped, told) = (Arc::clone(content), Arc::clone(&stop.0), Arc::clone(download));
    let judged = move |is_there: bool| if is_there { told.news.notify_one() } else { told.ring() };
    let work = move || checked.check(&in_doubt, &stopped, &judged);
    match on_disk(&download.job, work).await {
        Ok(()) => {
            download.ring();
            std::future::pending().await
        }
        Err(error) => error,
    }
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Brings what comes to disk every few seconds. Ends only when the disk fails.
async fn keep_record(download: &Download, content: &Arc<Content>) -> FetchError {
    loop {
        sleep(RECORD).await;
        let content = Arc::clone(content);
        if let Err(error) = on_disk(&download.job, move || content.record()).await {
            return error;
        }
    }
}

/// Runs something that waits for the disk where waiting disturbs nobody.
pub(super) async fn on_disk<T: Send + 'static>(
    job: &FetchJob,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, FetchError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(io::Error::other).flatten();
    done.map_err(|error| FetchError::disk(error, &job.to.folder, job.size))
}
