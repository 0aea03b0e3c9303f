//! One connection to one source, for as long as the source is one: what to do next, and what to do
//! about what goes wrong.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use landline_protocol::peer_routes::Door;
use tokio::sync::watch;
use tokio::time::sleep;

use super::content::Content;
use super::download::Download;
use super::pace::{Backoff, Pace, jitter};
use super::peer::Peer;
use super::trouble::Trouble;
use super::wire::Wire;
use super::{FetchError, Source};
use crate::plan::Task;

/// Missing pieces from which a second connection is worth its handshake.
const SECOND_CONNECTION: usize = 8;
/// How long a source that has nothing useful is left alone: this, and as much again at most.
const IDLE: Duration = Duration::from_millis(250);

/// Which of a source's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// There always.
    First,
    /// There while the source is the only one.
    Second,
}

/// A connection's keeper.
pub(super) struct Worker {
    pub(super) download: Arc<Download>,
    pub(super) peer: Arc<Peer>,
    slot: Slot,
    wire: Option<Wire>,
    pub(super) pace: Pace,
    backoff: Backoff,
    /// Something good came since the last trouble.
    brought: bool,
    /// What came of a piece and is not on disk yet.
    pub(super) buffer: Vec<u8>,
    pub(super) bell: watch::Receiver<()>,
    pub(super) source: watch::Receiver<Source>,
    pass: watch::Receiver<Arc<str>>,
}

enum Step {
    /// Nothing to do, until something changes or so much time has passed.
    Rest(Option<Duration>),
    Dial,
    Learn,
    AskHave(Arc<Content>),
    Bring(Arc<Content>, Task),
}

impl Worker {
    pub(super) fn new(download: Arc<Download>, peer: Arc<Peer>, slot: Slot) -> Self {
        Self {
            slot,
            wire: None,
            pace: Pace::default(),
            backoff: Backoff::default(),
            brought: false,
            buffer: Vec::new(),
            bell: download.bell(),
            source: peer.source.subscribe(),
            pass: download.job.line.pass.clone(),
            download,
            peer,
        }
    }

    /// Lasts until it is aborted.
    pub(super) async fn run(mut self) {
        loop {
            let done = match self.next() {
                Step::Rest(pause) => {
                    self.rest(pause).await;
                    continue;
                }
                Step::Dial => self.dial().await,
                Step::Learn => self.learn().await,
                Step::AskHave(content) => self.ask_have(&content).await,
                Step::Bring(content, task) => self.bring_task(&content, task).await,
            };
            match done {
                Ok(()) => self.peer.answered(),
                Err(trouble) => self.meet(trouble).await,
            }
            self.download.news.notify_one();
        }
    }

    /// What to do now.
    fn next(&mut self) -> Step {
        // What rings from here on is not missed.
        self.bell.mark_unchanged();
        if self.peer.is_dropped() {
            return Step::Rest(None);
        }
        if !self.may_ask() {
            self.peer.waits("It is asked as soon as the coordinator gives leave to.".to_owned(), None);
            return Step::Rest(None);
        }
        let learns = self.slot == Slot::First && self.download.wants_to_learn();
        let content = self.download.open_content().filter(|content| content.missing() > 0);
        if content.is_none_or(|content| !self.pays(content)) && !learns {
            self.wire = None;
            return Step::Rest(None);
        }
        if self.wire.as_ref().is_none_or(Wire::is_stale) {
            return Step::Dial;
        }
        if learns && self.download.may_lease() {
            return Step::Learn;
        }
        match content.cloned() {
            Some(content) => self.next_of(content),
            None => Step::Rest(Some(IDLE)),
        }
    }

    fn next_of(&self, content: Arc<Content>) -> Step {
        let is_first = self.slot == Slot::First;
        if is_first
            && !self.peer.joined.load(Ordering::Relaxed)
            && let Some(has) = self.peer.has()
        {
            content.has(self.peer.id, has, None);
            self.peer.joined.store(true, Ordering::Relaxed);
            self.download.ring(); // a second connection may pay now, or not any more
        }
        if is_first && self.peer.should_tell(content.sources() < 2, content.missing()) {
            return Step::AskHave(content);
        }
        match content.take(self.peer.id, self.pace.most_bytes()) {
            Some(task) => Step::Bring(content, task),
            None => Step::Rest(Some(IDLE + jitter(IDLE))),
        }
    }

    /// A holder is asked only with a pass.
    fn may_ask(&self) -> bool {
        matches!(self.source.borrow().door, Door::Share(_)) || !self.pass.borrow().is_empty()
    }

    /// Whether this connection is worth having.
    fn pays(&self, content: &Content) -> bool {
        self.slot == Slot::First
            || (self.peer.is_proved()
                && content.sources() == 1
                && (self.wire.is_some() || content.missing() >= SECOND_CONNECTION))
    }

    async fn rest(&mut self, pause: Option<Duration>) {
        tokio::select! {
            () = changed(&mut self.bell) => {}
            () = changed(&mut self.source) => self.backoff.reset(),
            () = changed(&mut self.pass) => {}
            () = sleep(pause.unwrap_or_default()), if pause.is_some() => {}
        }
    }

    async fn dial(&mut self) -> Result<(), Trouble> {
        self.wire = None;
        loop {
            let source = self.source.borrow_and_update().clone();
            if self.slot == Slot::First {
                self.peer.is_dialled();
            }
            tokio::select! {
                // Boxed: the TLS state would make every future around it 16 KiB large.
                wire = Box::pin(Wire::open(&self.download.job.line, &source, Arc::clone(&self.peer.version))) => {
                    if self.slot == Slot::First {
                        self.peer.dialled();
                    }
                    self.wire = Some(wire?);
                    return Ok(());
                }
                // It is somewhere else now: no use in waiting for it here.
                () = changed(&mut self.source) => {}
            }
        }
    }

    /// The connection, which [`next`](Self::next) has seen to.
    pub(super) fn wire(&mut self) -> Result<&mut Wire, Trouble> {
        self.wire.as_mut().ok_or_else(|| Trouble::broken("it ended"))
    }

    /// Something good came from this source.
    pub(super) fn succeeded(&mut self, bytes: u64) {
        self.backoff.reset();
        self.brought = true;
        if self.peer.brought(bytes) {
            self.download.ring(); // a second connection pays now
        }
        self.download.news.notify_one();
    }

    async fn bring_task(&mut self, content: &Arc<Content>, task: Task) -> Result<(), Trouble> {
        let peer = Arc::clone(&self.peer);
        let _claim = Claim { download: Arc::clone(&self.download), peer: &peer, content, task };
        self.bring(content, task).await
    }

    /// What went wrong, and what is to be done about it.
    async fn meet(&mut self, trouble: Trouble) {
        if !matches!(trouble, Trouble::Busy { .. }) {
            self.wire = None;
        }
        match trouble {
            Trouble::Beaten | Trouble::Stale => {}
            Trouble::Local(error) => self.download.fail(error),
            Trouble::Lied(what) => {
                let why = format!("It {what}, so nothing more is fetched from it.");
                tracing::warn!(device = %self.peer.device, user = %self.peer.user, what, "a source lied");
                self.drop_peer(why, FetchError::Corrupt);
            }
            Trouble::WrongKey(mismatch) => {
                tracing::warn!(device = %self.peer.device, %mismatch, "somebody else answers for a source");
                self.peer.is_replaced(mismatch);
                let pause = self.backoff.next();
                self.pause("Another device answers at its address.".to_owned(), None, pause).await;
            }
            Trouble::Final(error) => self.drop_peer(error.to_string(), error),
            Trouble::Busy { ahead, after, why } => self.pause(why, ahead, after + jitter(after / 4)).await,
            // A line that was good until it broke is dialled again at once.
            Trouble::Passing(_) if std::mem::take(&mut self.brought) => {}
            Trouble::Passing(why) => {
                let pause = self.backoff.next();
                tracing::debug!(device = %self.peer.device, why, ?pause, "a source is left alone for a while");
                self.pause(why, None, pause).await;
            }
        }
    }

    fn drop_peer(&self, why: String, error: FetchError) {
        self.peer.drop_for(why, error);
        self.leave();
        self.download.ring();
    }

    /// Leaves the source alone for a while, or until it is somewhere else. The second connection does
    /// so by itself.
    async fn pause(&mut self, why: String, ahead: Option<u32>, pause: Duration) {
        if self.slot == Slot::First {
            self.peer.waits(why, ahead);
            self.leave();
            self.download.news.notify_one();
        }
        let mut credential = self.download.job.line.credential.clone();
        credential.mark_unchanged();
        tokio::select! {
            () = changed(&mut self.source) => self.backoff.reset(),
            () = changed(&mut credential) => {}
            () = sleep(pause) => {}
        }
    }

    fn leave(&self) {
        self.peer.joined.store(false, Ordering::Relaxed);
        if let Some(content) = self.download.content() {
            content.leave(self.peer.id);
            self.download.ring();
        }
    }
}

/// Waits for a change; forever, if none can come any more.
pub(super) async fn changed<T>(watch: &mut watch::Receiver<T>) {
    if watch.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// A task that goes back to the plan, as far as it was not brought, when its worker ends.
struct Claim<'a> {
    download: Arc<Download>,
    peer: &'a Peer,
    content: &'a Content,
    task: Task,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let something_is_left = self.content.end(self.peer.id, self.task);
        if something_is_left || self.content.missing() == 0 {
            self.download.ring();
        }
    }
}
