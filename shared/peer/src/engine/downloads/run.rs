//! The task of one download: it looks whether all is here already, fetches, and says what the engine
//! must know.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use landline_protocol::{FileName, MessageId, Root};
use landline_transfer::fetch::{FetchError, FetchJob, Fetched, Phase, Progress, fetch};
use landline_transfer::{Conflict, PartName, Shares, discard};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Report;
use crate::history::{Download, OfferRow};

/// How long nobody may send anything before the slot is for others.
const STALL: Duration = Duration::from_secs(3);

/// How long a part may be in use by an attempt that was stopped.
const LET_GO: Duration = Duration::from_millis(200);

/// How many numbered names are looked through for a file that arrived before.
const LAST_NUMBER: u32 = 99;

/// What a fetching task says.
pub(in crate::engine) struct FetchReport {
    pub(super) offer: MessageId,
    /// Which task.
    pub(super) run: u64,
    pub(super) news: News,
}

/// What happened to it.
pub(super) enum News {
    /// Nobody sends anything, and that lasts.
    Stalls,
    /// Somebody does again.
    Moves,
    /// A first piece is proven: others may have it from here.
    Holds,
    /// It is over.
    Ended(Result<Arrived, FetchError>),
}

/// A download that is complete and in place.
pub(super) struct Arrived {
    pub(super) path: PathBuf,
    /// What was fetched just now; absent when all was found in place, as after a crash.
    pub(super) fetched: Option<Box<Fetched>>,
}

/// The task of one download.
pub(super) struct Run {
    pub(super) offer: MessageId,
    pub(super) number: u64,
    pub(super) job: FetchJob,
    pub(super) progress: watch::Sender<Progress>,
    pub(super) cancel: CancellationToken,
    pub(super) reports: mpsc::Sender<Report>,
    /// Accepted in an earlier run, which may have ended right after everything was in place.
    pub(super) resumed: bool,
}

impl Run {
    pub(super) async fn go(self) {
        if self.resumed
            && let Some(path) = self.finished_before().await
        {
            return self.say(News::Ended(Ok(Arrived { path, fetched: None }))).await;
        }
        let result = self.watched_fetch().await;
        let result = match result {
            // The attempt before, paused a moment ago, has not let go of the part yet.
            Err(FetchError::Busy) => {
                tokio::time::sleep(LET_GO).await;
                Err(FetchError::Busy)
            }
            result => result,
        };
        let arrived = result
            .map(|fetched| Arrived { path: fetched.placed.path.clone(), fetched: Some(Box::new(fetched)) });
        self.say(News::Ended(arrived)).await;
    }

    /// Fetches, and follows what is being done.
    async fn watched_fetch(&self) -> Result<Fetched, FetchError> {
        let mut progress = self.progress.subscribe();
        // On the heap: it holds buffers and TLS connections.
        let mut fetching = Box::pin(fetch(self.job.clone(), self.progress.clone(), self.cancel.clone()));
        let mut state = Watched::default();
        loop {
            let news = tokio::select! {
                result = &mut fetching => return result,
                Ok(()) = progress.changed() => state.observe(&progress.borrow_and_update()),
                () = stalled(state.waiting_since) => Some(state.stalls()),
            };
            if let Some(news) = news {
                // The engine's answer may be to drop this task: nothing is lost by that.
                self.say(news).await;
            }
        }
    }

    /// Where it is, if everything has arrived and has its name already: a crash between that and
    /// writing it down must not bring it twice.
    async fn finished_before(&self) -> Option<PathBuf> {
        // What picks leave of a folder hashes to something else.
        let root = (*self.job.root.borrow()).filter(|_| self.job.picks.is_none())?;
        self.progress.send_modify(|progress| progress.phase = Phase::Checking);
        let (to, size, part) = (self.job.to.clone(), self.job.size, self.job.part());
        let cancel = self.cancel.clone();
        let checked = tokio::task::spawn_blocking(move || {
            let names = candidates(&to.name, to.conflict);
            let path = names
                .map(|name| to.folder.join(name.as_str()))
                .take_while(|path| path.exists())
                .find(|path| is_complete(path, size, &root, &cancel))?;
            discard(&to.folder, &part).is_ok().then_some(path)
        });
        let path = checked.await.ok().flatten();
        self.progress.send_replace(Progress::default());
        path.filter(|_| !self.cancel.is_cancelled())
    }

    async fn say(&self, news: News) {
        let report = FetchReport { offer: self.offer, run: self.number, news };
        // An engine that is gone needs no news.
        let _ = self.reports.send(Report::Fetch(Box::new(report))).await;
    }
}

/// What the engine has been told.
#[derive(Default)]
struct Watched {
    waiting_since: Option<Instant>,
    stalled: bool,
    holds: bool,
}

impl Watched {
    fn observe(&mut self, progress: &Progress) -> Option<News> {
        // Trying is not moving, nor is waiting for others.
        if !matches!(progress.phase, Phase::Active | Phase::Checking | Phase::Finishing) {
            if !self.stalled {
                self.waiting_since.get_or_insert_with(Instant::now);
            }
            return None;
        }
        self.waiting_since = None;
        if self.stalled {
            self.stalled = false;
            return Some(News::Moves);
        }
        if !self.holds && progress.verified > 0 {
            self.holds = true;
            return Some(News::Holds);
        }
        None
    }

    fn stalls(&mut self) -> News {
        self.waiting_since = None;
        self.stalled = true;
        News::Stalls
    }
}

async fn stalled(since: Option<Instant>) {
    match since {
        Some(since) => tokio::time::sleep_until(since + STALL).await,
        None => std::future::pending().await,
    }
}

/// Under which names a complete download may stand.
fn candidates(name: &FileName, conflict: Conflict) -> impl Iterator<Item = FileName> {
    let last = if conflict == Conflict::Rename { LAST_NUMBER } else { 0 };
    let (first, name) = (name.clone(), name.clone());
    std::iter::once(first).chain((1..=last).map(move |n| name.numbered(n)))
}

fn is_complete(path: &Path, size: u64, root: &Root, cancel: &CancellationToken) -> bool {
    let mut go_on =
        |_| if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let shared = Shares::open(path).ok().filter(|shared| shared.size() == size);
    let hashed = shared.and_then(|shared| shared.hash(&mut go_on).ok());
    hashed.is_some_and(|hashed| hashed.root() == *root)
}

/// Removes what a download that does not go on has left in its folder.
pub(super) async fn discard_part(row: &OfferRow, record: &Download) {
    let (folder, part) = (record.folder.clone(), PartName::of(row.key()));
    let removed = tokio::task::spawn_blocking(move || discard(&folder, &part)).await;
    if let Ok(Err(error)) = removed {
        tracing::warn!(%error, "the part of a download could not be removed");
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::Arc;

    use landline_net::{DialError, HttpConnection};
    use landline_protocol::{ConversationId, DeviceId, OfferRef, Timestamp};
    use landline_transfer::fetch::{Connect, Kind, Line, Source};
    use landline_transfer::{Destination, Rates};

    use super::*;

    /// Reaches nobody.
    struct Nowhere;

    impl Connect for Nowhere {
        fn connect<'a>(
            &'a self,
            _: &'a Source,
        ) -> Pin<Box<dyn Future<Output = Result<HttpConnection, DialError>> + Send + 'a>> {
            Box::pin(std::future::pending())
        }
    }

    /// A download of a file that was accepted in an earlier run.
    fn resumed(folder: &Path, size: u64, root: Root) -> Run {
        let id = MessageId::new(Timestamp::from_millis(1), [1; 10]);
        let (device, conversation) = (DeviceId::from_bytes([1; 32]), ConversationId::lobby());
        let text = || watch::channel(Arc::from("")).1;
        let job = FetchJob {
            offer: OfferRef { conversation, device, id },
            kind: Kind::File,
            size,
            summary: None,
            root: watch::channel(Some(root)).1,
            to: Destination {
                folder: folder.to_owned(),
                name: FileName::sanitized("a.txt"),
                conflict: Conflict::Rename,
            },
            picks: None,
            sources: watch::channel(Arc::from([])).1,
            line: Line { connect: Arc::new(Nowhere), credential: text(), pass: text() },
            rates: Rates::new(),
            pass_on: None,
        };
        let (progress, cancel) = (watch::Sender::default(), CancellationToken::new());
        Run { offer: id, number: 1, job, progress, cancel, reports: mpsc::channel(1).0, resumed: true }
    }

    #[tokio::test]
    async fn what_is_in_place_already_is_not_fetched_again() {
        let temp = tempfile::tempdir().unwrap();
        let path = |name: &str| temp.path().join(name);
        std::fs::write(path("a.txt"), "somebody else's").unwrap();
        let own = FileName::sanitized("a.txt").numbered(1);
        std::fs::write(path(own.as_str()), "what was fetched").unwrap();
        let hashed = Shares::open(&path(own.as_str())).unwrap();
        let root = hashed.hash(&mut |_| ControlFlow::Continue(())).unwrap().root();
        let run = resumed(temp.path(), 16, root);
        assert_eq!(run.finished_before().await, Some(path(own.as_str())));
        std::fs::write(path(own.as_str()), "what was changed").unwrap();
        assert_eq!(run.finished_before().await, None);
        assert_eq!(run.progress.borrow().phase, Phase::Connecting);
    }

    fn at(phase: Phase, verified: u64) -> Progress {
        Progress { phase, verified, ..Progress::default() }
    }

    #[test]
    fn only_what_sends_nothing_for_long_stalls_and_only_bytes_make_it_move_again() {
        let mut watched = Watched::default();
        assert!(watched.observe(&at(Phase::Connecting, 0)).is_none());
        let since = watched.waiting_since.unwrap();
        assert!(watched.observe(&at(Phase::Waiting(String::new()), 0)).is_none());
        assert_eq!(watched.waiting_since, Some(since), "trying again is no beginning");
        assert!(matches!(watched.stalls(), News::Stalls));
        assert!(watched.observe(&at(Phase::Queued(3), 0)).is_none());
        assert_eq!(watched.waiting_since, None, "told once");
        assert!(matches!(watched.observe(&at(Phase::Active, 0)), Some(News::Moves)));
        assert!(watched.observe(&at(Phase::Unsealed, 0)).is_none());
        assert!(watched.waiting_since.is_some());
    }

    #[test]
    fn the_first_proven_piece_is_told_once() {
        let mut watched = Watched::default();
        assert!(watched.observe(&at(Phase::Active, 0)).is_none());
        assert!(matches!(watched.observe(&at(Phase::Active, 1)), Some(News::Holds)));
        assert!(watched.observe(&at(Phase::Active, 2)).is_none());
    }

    #[test]
    fn numbered_names_are_looked_through_only_where_they_are_given() {
        let name = FileName::sanitized("a.txt");
        assert_eq!(candidates(&name, Conflict::Replace).count(), 1);
        let numbered: Vec<_> = candidates(&name, Conflict::Rename).take(2).collect();
        assert_eq!(numbered, [name.clone(), name.numbered(1)]);
    }
}
