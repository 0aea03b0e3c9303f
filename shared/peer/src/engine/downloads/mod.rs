//! What becomes of offers made by others: who fetches when, from whom, and what is known of each.
//!
//! [`Downloads`] is told what happens and starts and stops the tasks that fetch; what must be kept or
//! said about it is for the engine ([`commands`], [`ends`]).

mod commands;
mod ends;
mod failures;
mod outlook;
mod queue;
mod run;
mod sources;
mod view;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use landline_protocol::{DeviceId, MessageId, Root};
use landline_transfer::fetch::{Connect, FetchJob, Kind, Line, Phase, Progress, Source};
use landline_transfer::{Destination, Rates, Shares};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::Report;
use super::directory::Directory;
use crate::history::{Download, DownloadStatus, OfferRow};
use crate::rate::RateMeter;
pub(super) use commands::make_folder;
pub(super) use failures::of_fetch as failure_of;
pub(super) use outlook::OutlookReport;
use outlook::Outlooks;
use queue::{Change, Queue};
pub(super) use run::FetchReport;
use run::Run;
use sources::Known;

/// Between two questions who holds what is being fetched.
const SEEK: Duration = Duration::from_secs(3);
/// The same while nobody can be reached.
const SEEK_PARKED: Duration = Duration::from_secs(10);

/// All offers in memory.
pub(super) type Offers = BTreeMap<MessageId, OfferRow>;

/// What every fetch needs of its surroundings.
pub(super) struct Surroundings {
    pub(super) connect: Arc<dyn Connect>,
    pub(super) credential: watch::Receiver<Arc<str>>,
    pub(super) rates: Rates,
    pub(super) shares: Shares,
    pub(super) reports: mpsc::Sender<Report>,
    /// This machine: never a source of its own.
    pub(super) device: DeviceId,
}

/// All downloads of the account, those at work and those that ended.
pub(super) struct Downloads {
    entries: HashMap<MessageId, Entry>,
    queue: Queue,
    around: Surroundings,
    /// How many tasks were started.
    runs: u64,
    pub(super) outlooks: Outlooks,
}

/// One download.
struct Entry {
    record: Download,
    /// Who has it besides its author, as far as is known; stays while it waits.
    known: Known,
    /// Not the first time in this run: what is on disk needs no second look.
    resumed: bool,
    live: Option<Live>,
}

/// A download at work.
struct Live {
    /// Tells the reports of this task from those of an earlier one.
    run: u64,
    root: watch::Sender<Option<Root>>,
    sources: watch::Sender<Arc<[Source]>>,
    pass: watch::Sender<Arc<str>>,
    progress: watch::Receiver<Progress>,
    meter: RateMeter,
    meters: HashMap<DeviceId, RateMeter>,
    next_seek: Instant,
    cancel: CancellationToken,
    _task: AbortOnDropHandle<()>,
}

impl Downloads {
    /// None, and no slot for any.
    pub(super) fn new(around: Surroundings) -> Self {
        let outlooks = Outlooks::default();
        Self { entries: HashMap::new(), queue: Queue::new(0), around, runs: 0, outlooks }
    }

    /// Whether any of them shows progress.
    pub(super) fn is_moving(&self) -> bool {
        let moves = |live: &Live| {
            let phase = &live.progress.borrow().phase;
            matches!(phase, Phase::Active | Phase::Checking | Phase::Finishing)
        };
        self.entries.values().filter_map(|entry| entry.live.as_ref()).any(moves)
    }

    /// Ends all tasks and forgets them. What they verified stays on disk for the next start.
    pub(super) fn stop_all(&mut self) {
        self.entries.clear();
        self.queue.clear();
        self.outlooks.clear();
    }

    /// Picks up what earlier runs began.
    pub(super) fn resume(&mut self, rows: Vec<(MessageId, Download)>) {
        for (offer, record) in rows {
            let known = Known::default();
            self.entries.insert(offer, Entry { record, known, resumed: true, live: None });
            self.line_up(&offer);
        }
    }

    pub(super) fn set_slots(&mut self, slots: usize) {
        self.queue.set_slots(slots);
    }

    /// Starts and stops what the queue says. Returns what was stopped.
    pub(super) fn settle(&mut self, offers: &Offers, directory: &Directory) -> Vec<MessageId> {
        let mut stopped = Vec::new();
        for change in self.queue.settle() {
            match change {
                Change::Start(offer) => self.start(offer, offers, directory),
                Change::Stop(offer) => {
                    self.suspend(&offer);
                    stopped.push(offer);
                }
            }
        }
        stopped
    }

    /// The record of a download, if there is one.
    pub(super) fn record(&self, offer: &MessageId) -> Option<&Download> {
        self.entries.get(offer).map(|entry| &entry.record)
    }

    /// Whether it was answered with a yes and has not ended.
    fn is_active(&self, offer: &MessageId) -> bool {
        self.record(offer).is_some_and(|record| record.status == DownloadStatus::Active)
    }

    /// Whether it is complete and in place.
    pub(super) fn is_done(&self, offer: &MessageId) -> bool {
        self.record(offer).is_some_and(|record| matches!(record.status, DownloadStatus::Done(_)))
    }

    /// Whether a task is at work on it.
    pub(super) fn is_fetching(&self, offer: &MessageId) -> bool {
        self.entries.get(offer).is_some_and(|entry| entry.live.is_some())
    }

    /// Takes over what was just written down of a download, and lines it up if it is to be fetched.
    fn set(&mut self, offer: MessageId, record: Download) {
        if let Some(entry) = self.entries.get_mut(&offer) {
            entry.record = record;
        } else {
            let entry = Entry { record, known: Known::default(), resumed: false, live: None };
            self.entries.insert(offer, entry);
        }
        self.line_up(&offer);
    }

    fn line_up(&mut self, offer: &MessageId) {
        let Some(entry) = self.entries.get(offer) else { return };
        let wanted = entry.record.status == DownloadStatus::Active && !entry.record.paused;
        if wanted {
            self.queue.enter(*offer, entry.record.priority);
            self.queue.prioritise(offer, entry.record.priority);
        } else {
            self.queue.leave(offer);
        }
    }

    /// The author said what it hashes to.
    pub(super) fn sealed(&mut self, row: &OfferRow) {
        if let Some(live) = self.live(&row.offer) {
            live.root.send_if_modified(|root| std::mem::replace(root, row.root) != row.root);
        }
    }

    /// Stops a task for now; what is here is kept.
    fn suspend(&mut self, offer: &MessageId) {
        if let Some(entry) = self.entries.get_mut(offer) {
            entry.live = None;
        }
    }

    /// Ends a task for good; it removes what it has brought. Says whether there was one.
    fn cancel(&mut self, offer: &MessageId) -> bool {
        match self.live(offer) {
            Some(live) => {
                live.cancel.cancel();
                true
            }
            None => false,
        }
    }

    fn live(&mut self, offer: &MessageId) -> Option<&mut Live> {
        self.entries.get_mut(offer)?.live.as_mut()
    }

    fn start(&mut self, offer: MessageId, offers: &Offers, directory: &Directory) {
        let (Some(row), Some(entry)) = (offers.get(&offer), self.entries.get_mut(&offer)) else {
            self.queue.leave(&offer);
            return;
        };
        if entry.live.is_some() {
            // A cancelled task that is still clearing up; it begins anew when that has ended.
            return;
        }
        self.runs += 1;
        let (root, root_watch) = watch::channel(row.root);
        let (sources, source_watch) =
            watch::channel(entry.known.sources(row, directory, &self.around.device));
        let (pass, pass_watch) = watch::channel(Arc::clone(&entry.known.pass));
        let (progress, progress_watch) = watch::channel(Progress::default());
        let cancel = CancellationToken::new();
        let record = &entry.record;
        let job = FetchJob {
            offer: row.reference(),
            kind: if row.folder.is_some() { Kind::Folder } else { Kind::File },
            size: row.size,
            summary: row.folder,
            root: root_watch,
            to: Destination {
                folder: record.folder.clone(),
                name: record.name.clone(),
                conflict: record.conflict,
            },
            picks: record.picks.clone(),
            sources: source_watch,
            line: Line {
                connect: Arc::clone(&self.around.connect),
                credential: self.around.credential.clone(),
                pass: pass_watch,
            },
            rates: self.around.rates.clone(),
            pass_on: Some(self.around.shares.clone()),
        };
        let run = Run {
            offer,
            number: self.runs,
            job,
            progress,
            cancel: cancel.clone(),
            reports: self.around.reports.clone(),
            resumed: std::mem::take(&mut entry.resumed),
        };
        entry.live = Some(Live {
            run: self.runs,
            root,
            sources,
            pass,
            progress: progress_watch,
            meter: RateMeter::default(),
            meters: HashMap::new(),
            next_seek: Instant::now(),
            cancel,
            _task: AbortOnDropHandle::new(tokio::spawn(run.go())),
        });
    }

    /// The offers whose holders are to be asked for now.
    pub(super) fn seeks_due(&mut self, now: Instant) -> Vec<MessageId> {
        let mut due = Vec::new();
        for (offer, entry) in &mut self.entries {
            let Some(live) = entry.live.as_mut().filter(|live| live.next_seek <= now) else { continue };
            live.next_seek = now + if self.queue.is_parked(offer) { SEEK_PARKED } else { SEEK };
            due.push(*offer);
        }
        due
    }

    /// When the next of them is due.
    pub(super) fn next_seek(&self) -> Option<Instant> {
        self.entries.values().filter_map(|entry| Some(entry.live.as_ref()?.next_seek)).min()
    }

    /// Asks anew for all of them, as after a new connection.
    pub(super) fn seek_all(&mut self, now: Instant) {
        for live in self.entries.values_mut().filter_map(|entry| entry.live.as_mut()) {
            live.next_seek = now;
        }
    }
}
