//! Downloads as people see them.

use std::time::Instant;

use landline_protocol::{UserName, Verdict};
use landline_transfer::fetch::{Phase, Progress, SourceState};

use super::failures::wrong_key;
use super::{Downloads, Live};
use crate::api::{Failure, FailureKind, SourceStanding, SourceView, TransferState, TransferView};
use crate::engine::view::Looker;
use crate::history::{Download, DownloadStatus, OfferRow};
use crate::rate::RateMeter;

impl Downloads {
    /// Fills in what became of somebody's offer.
    pub(in crate::engine) fn paint(&mut self, row: &OfferRow, view: &mut TransferView, looker: &Looker<'_>) {
        let ahead = self.queue.ahead(&row.offer);
        let Some(entry) = self.entries.get_mut(&row.offer) else {
            view.state = unaccepted(row, looker);
            view.outlook = self.outlooks.of(&row.offer).filter(|_| view.state == TransferState::Offered);
            return;
        };
        paint_record(row, &entry.record, view, looker);
        if entry.record.status != DownloadStatus::Active {
            return;
        }
        view.state = match (&mut entry.live, ahead) {
            _ if entry.record.paused => TransferState::Paused,
            (Some(live), _) => live.paint(row, view, looker),
            (None, Some(ahead)) => TransferState::Queued(ahead),
            (None, None) => TransferState::Connecting,
        };
    }
}

impl Live {
    fn paint(&mut self, row: &OfferRow, view: &mut TransferView, looker: &Looker<'_>) -> TransferState {
        let progress = self.progress.borrow().clone();
        // Until that has been looked at, what was here before is the best that is known.
        if progress.is_checked {
            view.bytes = progress.here;
        }
        view.picture = progress.picture.clone();
        view.files_done = progress.files.1;
        if progress.wanted > 0 {
            view.size = progress.wanted;
        }
        if progress.phase == Phase::Active {
            self.meter.observe(looker.now, progress.received);
            view.rate = self.meter.rate();
            view.remaining = self.meter.remaining(progress.wanted.saturating_sub(progress.here));
        } else {
            self.meter = RateMeter::default();
        }
        view.hashed = (progress.phase == Phase::Checking).then_some(progress.here);
        view.sources = self.sources(&progress, looker.now);
        state_of(row, progress.phase, looker)
    }

    /// Those who brought the most first.
    fn sources(&mut self, progress: &Progress, now: Instant) -> Vec<SourceView> {
        let mut views = Vec::with_capacity(progress.sources.len());
        for (device, source) in &progress.sources {
            let meter = self.meters.entry(*device).or_default();
            let rate = if source.state == SourceState::Active {
                meter.observe(now, source.bytes);
                meter.rate().filter(|rate| *rate > 0)
            } else {
                *meter = RateMeter::default();
                None
            };
            let (user, bytes) = (source.user.clone(), source.bytes);
            views.push(SourceView { user, device: *device, bytes, rate, standing: standing(&source.state) });
        }
        views.sort_by_key(|view| std::cmp::Reverse(view.bytes));
        views
    }
}

fn paint_record(row: &OfferRow, record: &Download, view: &mut TransferView, looker: &Looker<'_>) {
    view.path = Some(record.folder.join(record.name.as_str()));
    view.priority = record.priority;
    view.size = record.wanted.unwrap_or(view.size);
    view.bytes = record.here;
    view.state = match &record.status {
        DownloadStatus::Done(path) => {
            view.path = Some(path.clone());
            view.bytes = view.size;
            let all = row.folder.map_or(0, |folder| folder.files);
            view.files_done = record.picks.as_ref().map_or(all, |picks| picks.len() as u64);
            TransferState::Done
        }
        DownloadStatus::Clearing | DownloadStatus::Cancelled => {
            let by = if row.is_withdrawn() { &row.author } else { looker.me };
            TransferState::Cancelled { by: by.clone() }
        }
        DownloadStatus::Conflict(path) => TransferState::Conflict(path.clone()),
        DownloadStatus::Failed(failure) => TransferState::Failed(failure.clone()),
        DownloadStatus::Active => TransferState::Connecting,
    };
}

fn state_of(row: &OfferRow, phase: Phase, looker: &Looker<'_>) -> TransferState {
    match phase {
        Phase::Connecting => TransferState::Connecting,
        Phase::Checking => TransferState::Checking,
        Phase::Active => TransferState::Active,
        Phase::Unsealed => TransferState::Hashing,
        Phase::Waiting(why) => {
            TransferState::Waiting(Failure::new(FailureKind::Unreachable, waiting(row, why, looker)))
        }
        Phase::WrongKey(mismatch) => TransferState::Waiting(wrong_key(&mismatch, &row.author)),
        Phase::Queued(ahead) => TransferState::QueuedThere(ahead),
        Phase::Finishing => TransferState::Finishing,
    }
}

/// Why nothing comes: the shortest of what is known.
fn waiting(row: &OfferRow, why: String, looker: &Looker<'_>) -> String {
    if looker.online && looker.directory.is_offline(&row.author) {
        format!("{} is offline; goes on when {0} or somebody else who has it is back.", row.author)
    } else {
        why
    }
}

fn standing(state: &SourceState) -> SourceStanding {
    match state {
        SourceState::Connecting => SourceStanding::Connecting,
        SourceState::Active => SourceStanding::Active,
        SourceState::Waiting(why) => SourceStanding::Waiting(why.clone()),
        SourceState::Dropped(why) => SourceStanding::Dropped(why.clone()),
    }
}

fn unaccepted(row: &OfferRow, looker: &Looker<'_>) -> TransferState {
    let cancelled = |by: &UserName| TransferState::Cancelled { by: by.clone() };
    if row.is_withdrawn() {
        return cancelled(&row.author);
    }
    match row.answer_of(&looker.device) {
        Some(Verdict::Declined) => TransferState::Declined,
        Some(Verdict::Cancelled) => cancelled(looker.me),
        _ => TransferState::Offered,
    }
}
