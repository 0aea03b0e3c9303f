//! What leaves the engine: snapshots, not more often than people can see, and events, never more
//! than fit.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use landline_protocol::DeviceId;
use tokio::sync::{mpsc, watch};

use crate::api::{Event, Line, Snapshot, TransferSettings};

/// Called after each new snapshot or event.
pub(crate) type Waker = Arc<dyn Fn() + Send + Sync>;

/// Between two snapshots when something happened.
const CHANGE: Duration = Duration::from_millis(30);
/// Between two snapshots while bytes move: about 10 Hz.
const MOTION: Duration = Duration::from_millis(100);

/// Snapshot and events on their way out.
pub(super) struct Outlet {
    snapshot: watch::Sender<Arc<Snapshot>>,
    events: mpsc::Sender<Event>,
    waker: Option<Waker>,
    waiting: Vec<Event>,
    changed: bool,
    last: Option<Instant>,
    missed: u64,
}

impl Outlet {
    pub(super) fn new(
        device: DeviceId,
        download_folder: PathBuf,
        events: mpsc::Sender<Event>,
        waker: Option<Waker>,
    ) -> (Self, watch::Receiver<Arc<Snapshot>>) {
        let empty = Snapshot {
            revision: 0,
            device,
            me: None,
            line: Line::SignedOut,
            people: Arc::new([]),
            conversations: Arc::new([]),
            transfers: Arc::new(BTreeMap::new()),
            download_folder,
            settings: Arc::new(TransferSettings::default()),
            uploads: Arc::new([]),
        };
        let (snapshot, receiver) = watch::channel(Arc::new(empty));
        (
            Self { snapshot, events, waker, waiting: Vec::new(), changed: true, last: None, missed: 0 },
            receiver,
        )
    }

    /// Something shown has changed.
    pub(super) fn touch(&mut self) {
        self.changed = true;
    }

    /// When the next snapshot should be published, if one should.
    pub(super) fn due(&self, moving: bool) -> Option<Instant> {
        let pause = if self.changed {
            CHANGE
        } else if moving {
            MOTION
        } else {
            return None;
        };
        Some(self.last.map_or_else(Instant::now, |last| last + pause))
    }

    /// Whether that moment has come.
    pub(super) fn is_due(&self, moving: bool) -> bool {
        self.due(moving).is_some_and(|due| due <= Instant::now())
    }

    /// Replaces the snapshot, keeping the count of revisions.
    pub(super) fn publish(&mut self, mut snapshot: Snapshot) {
        snapshot.revision = self.snapshot.borrow().revision + 1;
        self.snapshot.send_replace(Arc::new(snapshot));
        self.changed = false;
        self.last = Some(Instant::now());
        for event in std::mem::take(&mut self.waiting) {
            self.send(event);
        }
        self.wake();
    }

    /// Says something that happened, right after the next snapshot: whoever hears of it finds the
    /// state to be so.
    pub(super) fn event(&mut self, event: Event) {
        self.changed = true;
        self.waiting.push(event);
    }

    /// What does not fit is counted, and the count said later.
    fn send(&mut self, event: Event) {
        if self.missed > 0 && self.events.try_send(Event::Missed(self.missed)).is_ok() {
            self.missed = 0;
        }
        if self.events.try_send(event).is_err() {
            self.missed += 1;
        }
    }

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker();
        }
    }
}
