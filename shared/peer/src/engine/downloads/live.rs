//! Downloads at work: one task each, what it is told while it runs, and when it asks who else has it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use landline_protocol::{DeviceId, MessageId, Root};
use landline_transfer::Destination;
use landline_transfer::fetch::{FetchJob, Kind, Line, Progress, Source};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::run::Run;
use super::{Downloads, Offers, Surroundings};
use crate::engine::directory::Directory;
use crate::history::{Download, OfferRow};
use crate::rate::RateMeter;

/// Between two questions who holds what is being fetched.
const SEEK: Duration = Duration::from_secs(3);
/// Between the first two; then twice as long each time: who begins together must find each other soon.
const SEEK_FIRST: Duration = Duration::from_millis(400);
/// The same while nobody can be reached.
const SEEK_PARKED: Duration = Duration::from_secs(10);

/// A download at work.
pub(super) struct Live {
    /// Tells the reports of this task from those of an earlier one.
    pub(super) run: u64,
    pub(super) told: Told,
    pub(super) progress: watch::Receiver<Progress>,
    pub(super) meter: RateMeter,
    pub(super) meters: HashMap<DeviceId, RateMeter>,
    pub(super) next_seek: Instant,
    /// How long to wait then before the one that follows.
    pub(super) seek_pause: Duration,
    pub(super) cancel: CancellationToken,
    _task: AbortOnDropHandle<()>,
}

/// What a task is told while it runs.
pub(super) struct Told {
    root: watch::Sender<Option<Root>>,
    pub(super) sources: watch::Sender<Arc<[Source]>>,
    pub(super) pass: watch::Sender<Arc<str>>,
}

impl Surroundings {
    fn job(&self, row: &OfferRow, record: &Download, told: &Told) -> FetchJob {
        FetchJob {
            offer: row.reference(),
            kind: if row.folder.is_some() { Kind::Folder } else { Kind::File },
            size: row.size,
            summary: row.folder,
            root: told.root.subscribe(),
            to: Destination {
                folder: record.folder.clone(),
                name: record.name.clone(),
                conflict: record.conflict,
            },
            picks: record.picks.clone(),
            sources: told.sources.subscribe(),
            line: Line {
                connect: Arc::clone(&self.connect),
                credential: self.credential.clone(),
                pass: told.pass.subscribe(),
            },
            rates: self.rates.clone(),
            pass_on: Some(self.shares.clone()),
        }
    }
}

impl Downloads {
    /// The author said what it hashes to.
    pub(in crate::engine) fn sealed(&mut self, row: &OfferRow) {
        if let Some(live) = self.live(&row.offer) {
            live.told.root.send_if_modified(|root| std::mem::replace(root, row.root) != row.root);
        }
    }

    /// Stops a task for now; what is here is kept.
    pub(super) fn suspend(&mut self, offer: &MessageId) {
        if let Some(entry) = self.entries.get_mut(offer) {
            entry.live = None;
        }
    }

    /// Ends a task for good; it removes what it has brought. Says whether there was one.
    pub(super) fn cancel(&mut self, offer: &MessageId) -> bool {
        match self.live(offer) {
            Some(live) => {
                live.cancel.cancel();
                true
            }
            None => false,
        }
    }

    pub(super) fn live(&mut self, offer: &MessageId) -> Option<&mut Live> {
        self.entries.get_mut(offer)?.live.as_mut()
    }

    pub(super) fn start(&mut self, offer: MessageId, offers: &Offers, directory: &Directory) {
        let (Some(row), Some(entry)) = (offers.get(&offer), self.entries.get_mut(&offer)) else {
            self.queue.leave(&offer);
            return;
        };
        if entry.live.is_some() {
            // A cancelled task that is still clearing up; it begins anew when that has ended.
            return;
        }
        self.runs += 1;
        let told = Told {
            root: watch::Sender::new(row.root),
            sources: watch::Sender::new(entry.known.sources(row, directory, &self.around.device)),
            pass: watch::Sender::new(Arc::clone(&entry.known.pass)),
        };
        let (progress, progress_watch) = watch::channel(Progress::default());
        let cancel = CancellationToken::new();
        let run = Run {
            offer,
            number: self.runs,
            job: self.around.job(row, &entry.record, &told),
            progress,
            cancel: cancel.clone(),
            reports: self.around.reports.clone(),
            resumed: std::mem::take(&mut entry.resumed),
        };
        entry.live = Some(Live {
            run: self.runs,
            told,
            progress: progress_watch,
            meter: RateMeter::default(),
            meters: HashMap::new(),
            next_seek: Instant::now(),
            seek_pause: SEEK_FIRST,
            cancel,
            _task: AbortOnDropHandle::new(tokio::spawn(run.go())),
        });
    }

    /// The offers whose holders are to be asked for now.
    pub(in crate::engine) fn seeks_due(&mut self, now: Instant) -> Vec<MessageId> {
        let mut due = Vec::new();
        for (offer, entry) in &mut self.entries {
            let Some(live) = entry.live.as_mut().filter(|live| live.next_seek <= now) else { continue };
            live.next_seek = now + if self.queue.is_parked(offer) { SEEK_PARKED } else { live.seek_pause };
            live.seek_pause = (live.seek_pause * 2).min(SEEK);
            due.push(*offer);
        }
        due
    }

    /// When the next of them is due.
    pub(in crate::engine) fn next_seek(&self) -> Option<Instant> {
        self.entries.values().filter_map(|entry| Some(entry.live.as_ref()?.next_seek)).min()
    }

    /// Asks anew for all of them, as after a new connection.
    pub(in crate::engine) fn seek_all(&mut self, now: Instant) {
        for live in self.entries.values_mut().filter_map(|entry| entry.live.as_mut()) {
            live.next_seek = now;
        }
    }
}
