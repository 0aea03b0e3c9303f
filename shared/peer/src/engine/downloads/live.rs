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
use super::{Downloads, Entry, Offers, Surroundings};
use crate::engine::directory::Directory;
use crate::history::{Download, DownloadStatus, OfferRow};
use crate::rate::RateMeter;

/// Between two questions who holds what is being fetched.
const SEEK: Duration = Duration::from_secs(3);
/// Between the first two; then twice as long each time: who begins together must find each other soon.
const SEEK_FIRST: Duration = Duration::from_millis(400);
/// The same while nobody can be reached.
const SEEK_PARKED: Duration = Duration::from_secs(10);

/// How long an end waits for downloads that are being removed; the next start does what is left.
const CLEARING: Duration = Duration::from_secs(3);

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
    task: AbortOnDropHandle<()>,
}

/// What a task is told while it runs.
pub(super) struct Told {
    root: watch::Sender<Option<Root>>,
    pub(super) sources: watch::Sender<Arc<[Source]>>,
    pub(super) pass: watch::Sender<Arc<str>>,
}

impl Live {
    /// Bytes that are here, once that has been looked at.
    pub(super) fn here(&self) -> Option<u64> {
        let progress = self.progress.borrow();
        progress.is_checked.then_some(progress.here)
    }
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

    /// Stops a task for now; what is here is kept. Tells how much that is.
    pub(super) fn suspend(&mut self, offer: &MessageId) -> u64 {
        let Some(entry) = self.entries.get_mut(offer) else { return 0 };
        if let Some(live) = entry.live.take() {
            entry.record.here = live.here().unwrap_or(entry.record.here);
        }
        entry.record.here
    }

    /// Stops all tasks and forgets them. Those that clear up after a cancel are waited for, a while:
    /// nothing is to be left of what was given up. Tells how much is here of the others.
    pub(in crate::engine) async fn stop_all(&mut self) -> Vec<(MessageId, u64)> {
        let mut here = Vec::new();
        let mut clearing = Vec::new();
        for (offer, entry) in self.entries.drain() {
            match entry.live {
                Some(live) if live.cancel.is_cancelled() => clearing.push(live.task),
                Some(live) => here.extend(live.here().map(|bytes| (offer, bytes))),
                None => {}
            }
        }
        self.queue.clear();
        self.outlooks.clear();
        let cleared = async {
            for task in clearing {
                // One that panicked has nothing more to wait for either.
                let _ = task.await;
            }
        };
        if tokio::time::timeout(CLEARING, cleared).await.is_err() {
            tracing::info!("what is left of cancelled downloads is removed at the next start");
        }
        here
    }

    /// Removes what is left of downloads that were given up when an earlier run ended.
    pub(in crate::engine) fn clear_up(&mut self, offers: &Offers, directory: &Directory) {
        let left = |(offer, entry): (&MessageId, &Entry)| {
            (entry.record.status == DownloadStatus::Clearing).then_some(*offer)
        };
        for offer in self.entries.iter().filter_map(left).collect::<Vec<_>>() {
            self.start(offer, offers, directory);
            self.cancel(&offer);
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
            task: AbortOnDropHandle::new(tokio::spawn(run.go())),
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
