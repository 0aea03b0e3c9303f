//! What the parts of one download share: the job, what stage it is in, its sources, and the bell that
//! wakes whoever waits for any of it to change.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use landline_protocol::Root;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::content::Content;
use super::known::Known;
use super::peer::Peer;
use super::{FetchError, FetchJob, Phase, SourceState};
use crate::lock;
use crate::plan::Has;

/// After so long, another source is asked too for what one is asked for already: a list of hashes
/// that all wait for.
const LEASE: Duration = Duration::from_secs(2);
/// How long sources that have not said anything yet may take, once the author said no.
const GRACE: Duration = Duration::from_secs(10);

/// One download.
pub(super) struct Download {
    pub(super) job: FetchJob,
    pub(super) learned: watch::Sender<Option<Arc<Known>>>,
    /// Something may be to be shown.
    pub(super) news: Notify,
    /// And is to be shown at once: it does something else now.
    pub(super) turned: Notify,
    content: OnceLock<Arc<Content>>,
    stage: Mutex<Stage>,
    bell: watch::Sender<()>,
    peers: Mutex<Vec<Arc<Peer>>>,
    failure: Mutex<Option<FetchError>>,
    failed: Notify,
    refused: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Stage {
    /// A list of hashes is wanted that belongs to this root.
    learn: Option<Root>,
    leased: Option<Instant>,
    /// Pieces are wanted.
    is_open: bool,
    /// Shown instead of what the sources do.
    phase: Option<Phase>,
}

impl Download {
    pub(super) fn new(job: FetchJob) -> Self {
        Self {
            job,
            learned: watch::Sender::new(None),
            news: Notify::new(),
            turned: Notify::new(),
            content: OnceLock::new(),
            stage: Mutex::default(),
            bell: watch::Sender::new(()),
            peers: Mutex::default(),
            failure: Mutex::default(),
            failed: Notify::new(),
            refused: Mutex::default(),
        }
    }

    /// Wakes everyone who waits.
    pub(super) fn ring(&self) {
        self.bell.send_replace(());
        self.news.notify_one();
    }

    pub(super) fn bell(&self) -> watch::Receiver<()> {
        self.bell.subscribe()
    }

    /// Ends the download with an error that time does not mend.
    pub(super) fn fail(&self, error: FetchError) {
        lock(&self.failure).get_or_insert(error);
        self.failed.notify_one();
    }

    /// The error that ended it.
    pub(super) async fn failed(&self) -> FetchError {
        loop {
            if let Some(error) = lock(&self.failure).take() {
                return error;
            }
            self.failed.notified().await;
        }
    }

    /// The pieces, from when they are known.
    pub(super) fn content(&self) -> Option<&Arc<Content>> {
        self.content.get()
    }

    /// Makes the pieces known. They are asked for only after [`open`](Self::open).
    pub(super) fn show(&self, content: Content) -> Arc<Content> {
        Arc::clone(self.content.get_or_init(|| Arc::new(content)))
    }

    /// From now on pieces are asked for.
    pub(super) fn open(&self) {
        lock(&self.stage).is_open = true;
        self.set_phase(None);
        self.ring();
    }

    /// The pieces, if they are to be asked for.
    pub(super) fn open_content(&self) -> Option<&Arc<Content>> {
        self.content.get().filter(|_| lock(&self.stage).is_open)
    }

    /// What is shown, whatever the sources do; `None` to show what they do.
    pub(super) fn set_phase(&self, phase: Option<Phase>) {
        lock(&self.stage).phase = phase;
        self.turned.notify_one();
        self.news.notify_one();
    }

    /// Has the sources asked for what belongs to a root, until it is there.
    pub(super) async fn learn(&self, root: Root) -> Arc<Known> {
        lock(&self.stage).learn = Some(root);
        self.ring();
        let mut learned = self.learned.subscribe();
        let found = learned.wait_for(Option::is_some).await.ok().and_then(|found| found.clone());
        lock(&self.stage).learn = None;
        match found {
            Some(found) => found,
            None => std::future::pending().await, // not reached: the sender is in `self`
        }
    }

    /// Whether what belongs to a root is wanted at all.
    pub(super) fn wants_to_learn(&self) -> bool {
        lock(&self.stage).learn.is_some()
    }

    /// Whether nobody asks for it, or not successfully.
    pub(super) fn may_lease(&self) -> bool {
        lock(&self.stage).leased.is_none_or(|at| at.elapsed() >= LEASE)
    }

    /// Undertakes to ask for what belongs to this root. One at a time, unless it takes long.
    pub(super) fn lease(&self) -> Option<Root> {
        let mut stage = lock(&self.stage);
        let root = stage.learn?;
        if stage.leased.is_some_and(|at| at.elapsed() < LEASE) {
            return None;
        }
        stage.leased = Some(Instant::now());
        Some(root)
    }

    /// What was undertaken came to nothing.
    pub(super) fn give_up_lease(&self) {
        lock(&self.stage).leased = None;
        self.ring();
    }

    pub(super) fn peers(&self) -> Vec<Arc<Peer>> {
        lock(&self.peers).clone()
    }

    pub(super) fn add_peer(&self, make: impl FnOnce(u32) -> Peer) -> Arc<Peer> {
        let mut peers = lock(&self.peers);
        let peer = Arc::new(make(u32::try_from(peers.len()).unwrap_or(u32::MAX)));
        peers.push(Arc::clone(&peer));
        peer
    }

    /// Whether the author said no, so that the end depends on the others.
    pub(super) fn is_refused(&self) -> bool {
        lock(&self.refused).is_some()
    }

    /// What the author's no means, once nobody else is left who could bring the rest.
    pub(super) fn verdict(&self) -> Option<FetchError> {
        let peers = self.peers();
        let author = peers.iter().find(|peer| peer.is_author() && peer.has_no());
        let Some(author) = author else {
            *lock(&self.refused) = None;
            return None;
        };
        let since = *lock(&self.refused).get_or_insert_with(Instant::now);
        let others: Vec<_> = peers.iter().filter(|peer| !peer.is_author() && !peer.is_dropped()).collect();
        if self.content().is_some_and(|content| content.in_doubt() > 0) {
            return None; // it may all be here
        }
        let unheard = others.iter().any(|peer| peer.is_present() && peer.has().is_none());
        if unheard && since.elapsed() < GRACE {
            return None;
        }
        let maps: Vec<Has> = others.iter().filter_map(|peer| peer.has()).collect();
        let can_go_on = match self.content() {
            Some(content) if !maps.is_empty() => content.is_covered_by(&maps),
            // Without the list of what is in it, nobody knows what is missing.
            None => others.iter().any(|peer| peer.is_present()),
            Some(content) => content.missing() == 0 && content.is_known(),
        };
        if can_go_on { None } else { author.take_no() }
    }

    /// What it is doing, in one word.
    pub(super) fn phase(&self) -> Phase {
        if let Some(phase) = lock(&self.stage).phase.clone() {
            return phase;
        }
        let content = self.content();
        if self.job.root.borrow().is_none() && content.is_some_and(|content| content.missing() == 0) {
            return Phase::Unsealed;
        }
        let peers: Vec<_> = self.peers().into_iter().filter(|peer| peer.is_present()).collect();
        if peers.iter().any(|peer| peer.is_moving()) {
            return Phase::Active;
        }
        if self.open_content().is_some_and(|content| content.in_doubt() > 0) {
            return Phase::Checking;
        }
        if let Some(ahead) = peers.iter().filter_map(|peer| peer.ahead()).min() {
            return Phase::Queued(ahead);
        }
        if peers.iter().any(|peer| peer.state() == SourceState::Connecting) {
            return Phase::Connecting;
        }
        if let Some(mismatch) = peers.iter().filter(|peer| peer.is_author()).find_map(|peer| peer.replaced())
        {
            return Phase::WrongKey(mismatch);
        }
        // The author comes first among the sources.
        let why = peers.iter().find_map(|peer| match peer.state() {
            SourceState::Waiting(why) => Some(why),
            _ => None,
        });
        Phase::Waiting(why.unwrap_or_else(|| {
            "Nobody who can be reached has what is still missing. The download goes on when somebody does."
                .to_owned()
        }))
    }
}
