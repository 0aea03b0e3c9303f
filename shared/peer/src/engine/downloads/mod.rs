//! What becomes of offers made by others: who fetches when, from whom, and what is known of each.
//!
//! [`Downloads`] is told what happens and starts and stops the tasks that fetch; what must be kept or
//! said about it is for the engine ([`commands`], [`ends`]).

mod commands;
mod ends;
mod failures;
mod live;
mod outlook;
mod queue;
mod run;
mod sources;
mod view;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use landline_protocol::{DeviceId, MessageId};
use landline_transfer::fetch::{Connect, Phase};
use landline_transfer::{Rates, Shares};
use tokio::sync::{mpsc, watch};

use super::Report;
use super::directory::Directory;
use crate::history::{Download, DownloadStatus, OfferRow};
pub(super) use commands::make_folder;
pub(super) use failures::of_fetch as failure_of;
use live::Live;
pub(super) use outlook::OutlookReport;
use outlook::Outlooks;
use queue::{Change, Queue};
pub(super) use run::FetchReport;
use sources::Known;

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

    /// Picks up what earlier runs began.
    pub(super) fn resume(&mut self, rows: Vec<(MessageId, Download)>) {
        for (offer, record) in rows {
            let (known, resumed) = (Known::default(), record.status != DownloadStatus::Clearing);
            self.entries.insert(offer, Entry { record, known, resumed, live: None });
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

    /// One that came to nothing, as if it had not been accepted.
    fn forget(&mut self, offer: &MessageId) {
        self.entries.remove(offer);
        self.queue.leave(offer);
        self.outlooks.look_again();
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
}
