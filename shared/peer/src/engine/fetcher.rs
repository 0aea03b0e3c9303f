//! The task of one download: it tries until it succeeds, is cancelled, or meets something that
//! trying again would not change.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use landline_protocol::{MessageId, Root, UserName};
use landline_transfer::PartName;
use landline_transfer::fetch::{FetchError, FetchJob, Phase, Progress, discard, fetch};
use landline_transfer::share::Shares;
use landline_trust::device::DeviceKey;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::Report;
use crate::api::Failure;
use crate::history::{Download, OfferRow};
use crate::session::backoff::{Backoff, random_byte};

/// What a fetching task says.
pub(super) struct FetchReport {
    pub(super) offer: MessageId,
    pub(super) news: News,
}

/// What happened to it.
pub(super) enum News {
    /// It is this download's turn.
    Trying,
    /// An attempt failed; another follows.
    Waiting(Failure),
    /// There are no more attempts.
    Ended(Result<PathBuf, FetchEnd>),
}

/// How a download ends without its file.
pub(super) enum FetchEnd {
    Cancelled,
    Failed(Failure),
}

/// The task of one download.
pub(super) struct Fetcher {
    pub(super) offer: MessageId,
    pub(super) author: UserName,
    pub(super) job: FetchJob,
    pub(super) addresses: watch::Receiver<Vec<SocketAddr>>,
    pub(super) credential: watch::Receiver<Arc<str>>,
    pub(super) key: Arc<DeviceKey>,
    pub(super) progress: watch::Sender<Progress>,
    pub(super) cancel: CancellationToken,
    pub(super) reports: mpsc::Sender<Report>,
    pub(super) slots: Arc<Semaphore>,
    /// Accepted in an earlier run, which may have ended right after the file was in place.
    pub(super) resumed: bool,
}

impl Fetcher {
    pub(super) async fn run(mut self) {
        // On the heap: an attempt holds buffers and a TLS connection.
        let result = Box::pin(self.attempts()).await;
        if matches!(result, Err(FetchEnd::Cancelled)) {
            let (folder, part) = (self.job.folder.clone(), self.job.part());
            // Nothing is left behind, whether an attempt was under way or not.
            let removed = tokio::task::spawn_blocking(move || discard(&folder, &part)).await;
            if let Ok(Err(error)) = removed {
                tracing::warn!(%error, "the part of a cancelled download could not be removed");
            }
        }
        self.say(News::Ended(result)).await;
    }

    async fn attempts(&mut self) -> Result<PathBuf, FetchEnd> {
        let mut backoff = Backoff::default();
        if self.resumed
            && let Some(path) = self.finished_before().await
        {
            return Ok(path);
        }
        loop {
            let slots = Arc::clone(&self.slots);
            let turn = tokio::select! {
                turn = slots.acquire_owned() => turn,
                () = self.cancel.cancelled() => return Err(FetchEnd::Cancelled),
            };
            self.say(News::Trying).await;
            let before = self.progress.borrow().verified;
            let error = match Box::pin(self.attempt()).await {
                Ok(path) => return Ok(path),
                Err(FetchError::Cancelled) => return Err(FetchEnd::Cancelled),
                Err(error) if !error.retryable() && !matches!(error, FetchError::KeyChanged(_)) => {
                    return Err(FetchEnd::Failed(self.failure(&error)));
                }
                Err(error) => error,
            };
            drop(turn);
            if self.progress.borrow().verified > before {
                backoff.reset();
            }
            self.say(News::Waiting(self.failure(&error))).await;
            // At an address that was known before, somebody else is now: only another address is
            // worth another attempt.
            let wait = match error {
                FetchError::KeyChanged(_) => Duration::MAX,
                _ => backoff.next(random_byte()),
            };
            self.pause(wait).await?;
        }
    }

    /// The file, if it has all arrived and has its name already: a crash between that and writing
    /// it down must not bring it twice.
    async fn finished_before(&self) -> Option<PathBuf> {
        let (folder, name) = (self.job.folder.clone(), self.job.name.clone());
        let (size, root, part) = (self.job.size, self.job.root, self.job.part());
        let checked = tokio::task::spawn_blocking(move || {
            let candidates = std::iter::once(name.clone()).chain((1..=LAST_NUMBER).map(|n| name.numbered(n)));
            let path = candidates
                .map(|name| folder.join(name.as_str()))
                .take_while(|path| path.exists())
                .find(|path| is_complete(path, size, &root))?;
            discard(&folder, &part).is_ok().then_some(path)
        });
        checked.await.ok().flatten()
    }

    async fn attempt(&mut self) -> Result<PathBuf, FetchError> {
        let mut job = self.job.clone();
        job.addresses.clone_from(&self.addresses.borrow_and_update());
        self.progress.send_modify(|progress| progress.phase = Phase::Connecting);
        let (key, credential) = (Arc::clone(&self.key), self.credential.clone());
        let fetched =
            Box::pin(fetch(job, key, credential, self.progress.clone(), self.cancel.clone())).await?;
        Ok(fetched.path)
    }

    /// Waits before the next attempt; a sender who moved or came back is tried at once.
    async fn pause(&mut self, wait: Duration) -> Result<(), FetchEnd> {
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            Ok(()) = self.addresses.changed() => Ok(()),
            () = self.cancel.cancelled() => Err(FetchEnd::Cancelled),
        }
    }

    async fn say(&self, news: News) {
        // An engine that is gone needs no news.
        let _ = self.reports.send(Report::Fetch(FetchReport { offer: self.offer, news })).await;
    }

    fn failure(&self, error: &FetchError) -> Failure {
        super::failures::of_fetch(error, &self.author)
    }
}

/// How many numbered names are looked through for a file that arrived before.
const LAST_NUMBER: u32 = 99;

fn is_complete(path: &Path, size: u64, root: &Root) -> bool {
    let file = Shares::open(path).ok().filter(|file| file.size() == size);
    let tree = file.and_then(|file| file.hash(&mut |_| ControlFlow::Continue(())).ok());
    tree.is_some_and(|tree| tree.root() == *root)
}

/// Removes what a download that does not go on has left in its folder.
pub(super) async fn discard_part(row: &OfferRow, record: &Download) {
    let Some(root) = row.root else { return };
    let (folder, part) = (record.folder.clone(), PartName::of(&row.share, 0, &root));
    let removed = tokio::task::spawn_blocking(move || discard(&folder, &part)).await;
    if let Ok(Err(error)) = removed {
        tracing::warn!(%error, "the part of a download could not be removed");
    }
}
