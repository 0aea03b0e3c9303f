//! Looks whether a complete download is still what was offered, and passes it on from its place if so.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use landline_protocol::MessageId;
use landline_transfer::Shares;
use landline_transfer::fetch::Fetched;
use landline_transfer::share::{Hashed, Shared, SharedVersion};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::engine::Report;
use crate::history::OfferRow;

/// What was found.
pub(in crate::engine) struct HeldReport {
    pub(super) offer: MessageId,
    /// Whether it was complete in an earlier run.
    pub(super) again: bool,
    /// What it is now, as JSON; `None` when it is not passed on.
    pub(super) version: Option<String>,
}

/// What to look at.
pub(super) struct Look {
    pub(super) row: OfferRow,
    pub(super) path: PathBuf,
    /// Whether it was complete in an earlier run.
    pub(super) again: bool,
    /// What it was then, if that is known.
    pub(super) version: Option<String>,
    /// What was put there, if it has just been fetched.
    pub(super) fetched: Option<Box<Fetched>>,
}

impl Look {
    pub(super) async fn run(self, shares: Shares, stop: CancellationToken, reports: mpsc::Sender<Report>) {
        let (offer, again) = (self.row.offer, self.again);
        let stopped = stop.clone();
        let looked = tokio::task::spawn_blocking(move || self.look(&shares, &stop)).await;
        if stopped.is_cancelled() {
            // What was not looked at to the end is looked at in the next run.
            return;
        }
        let version = looked.ok().flatten();
        let _ = reports.send(Report::Held(HeldReport { offer, again, version })).await;
    }

    fn look(self, shares: &Shares, stop: &CancellationToken) -> Option<String> {
        let root = self.row.root?;
        let found = self.open()?;
        let (part, hashed) = match self.fetched {
            Some(fetched) => placed(&found, *fetched, stop)?,
            None => (found.clone(), found.hash(&mut leisurely(stop)).ok()?),
        };
        let version = serde_json::to_string(&part.version()).ok()?;
        let held = hashed.root() == root
            && !stop.is_cancelled()
            && shares.hold_complete(self.row.reference(), &found, hashed);
        held.then_some(version)
    }

    fn open(&self) -> Option<Shared> {
        let opened = match &self.version {
            Some(version) => {
                Shares::reopen(&self.path, &serde_json::from_str::<SharedVersion>(version).ok()?)
            }
            None => Shares::open(&self.path),
        };
        // Without its manifest, a folder is what was offered only when nothing else is in it.
        opened.ok().filter(|found| self.fetched.is_some() || found.size() == self.row.size)
    }
}

/// What belongs to a download of all that is found at its place: whatever else a person has there is
/// nobody's business. Files of theirs may have the listed names and sizes: what is not certainly what
/// was placed is read again before any of it is passed on.
fn placed(found: &Shared, fetched: Fetched, stop: &CancellationToken) -> Option<(Shared, Hashed)> {
    let part = found.part_in(&fetched.hashed)?;
    let is_it = fetched.is_still(&part) || part.is_content(&fetched.hashed, &mut leisurely(stop)).ok()?;
    is_it.then_some((part, fetched.hashed))
}

/// Lets others use the machine at least half of the time.
fn leisurely(stop: &CancellationToken) -> impl FnMut(u64) -> ControlFlow<()> {
    let mut worked_since = Instant::now();
    move |_| {
        if stop.is_cancelled() {
            return ControlFlow::Break(());
        }
        std::thread::sleep(worked_since.elapsed());
        worked_since = Instant::now();
        ControlFlow::Continue(())
    }
}
