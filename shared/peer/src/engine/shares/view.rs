//! Offers of this machine as people see them.

use std::collections::HashMap;
use std::time::Instant;

use landline_protocol::peer_routes::Door;
use landline_protocol::{UserName, Verdict};
use landline_transfer::Upload;

use super::{Entry, LULL, Outgoing};
use crate::api::{RecipientState, RecipientView, TransferState, TransferView};
use crate::engine::view::Looker;
use crate::history::OfferRow;
use crate::rate::RateMeter;

/// What goes out, by what it is asked for.
pub(in crate::engine) type Uploads = HashMap<Door, Vec<Upload>>;

impl Outgoing {
    /// Fills in what became of an offer of this machine.
    pub(in crate::engine) fn paint(
        &mut self,
        row: &OfferRow,
        view: &mut TransferView,
        uploads: &Uploads,
        looker: &Looker<'_>,
    ) {
        let uploads = uploads.get(&Door::Share(row.share)).map_or(&[][..], Vec::as_slice);
        view.recipients = recipients(row, uploads);
        let fetching = || view.recipients.iter().filter(|one| one.state == RecipientState::Fetching);
        let left: u64 = fetching().map(|one| row.size.saturating_sub(one.bytes)).sum();
        view.bytes = fetching().map(|one| one.bytes).sum();
        if row.is_withdrawn() {
            view.state = TransferState::Cancelled { by: row.author.clone() };
        } else if row.root.is_none() {
            view.state = TransferState::Hashing;
        }
        let Some(entry) = self.entries.get_mut(&row.offer) else { return };
        view.path = Some(entry.path.clone());
        view.hashed = entry.hashing.as_ref().map(super::Hashing::done);
        if let Some(failure) = &entry.failure
            && !row.is_withdrawn()
        {
            view.state = TransferState::Failed(failure.clone());
        }
        let active = uploads.iter().any(|upload| upload.active);
        let sent = uploads.iter().map(|upload| upload.bytes_sent).sum();
        if let Some(meter) = entry.observe(looker.now, active, sent) {
            view.rate = meter.rate();
            view.remaining = meter.remaining(left);
            view.state = TransferState::Active;
            entry.rate_people(looker.now, uploads, &mut view.recipients);
            self.uploading = true;
        }
    }
}

impl Entry {
    /// Takes a reading of what is sent; says the rate, or `None` once nothing has been sent for a
    /// while. A receiver asks piece by piece, so a short silence is not the end.
    fn observe(&mut self, now: Instant, active: bool, sent: u64) -> Option<RateMeter> {
        if active {
            self.last_active = Some(now);
        }
        let moving = self.last_active.is_some_and(|last| now.saturating_duration_since(last) < LULL);
        if !moving {
            self.meter = RateMeter::default();
            self.meters.clear();
            return None;
        }
        self.meter.observe(now, sent);
        Some(self.meter)
    }

    fn rate_people(&mut self, now: Instant, uploads: &[Upload], people: &mut [RecipientView]) {
        for one in people.iter_mut().filter(|one| one.state == RecipientState::Fetching) {
            let folded = one.user.folded();
            let theirs = uploads.iter().filter(|upload| upload.user.folded() == folded);
            let sent = theirs.map(|upload| upload.bytes_sent).sum();
            let meter = self.meters.entry(folded).or_default();
            meter.observe(now, sent);
            one.rate = meter.rate().filter(|rate| *rate > 0);
        }
    }
}

/// Who has answered an offer, and who is fetching it without having said so.
fn recipients(row: &OfferRow, uploads: &[Upload]) -> Vec<RecipientView> {
    let sent = |user: &UserName| -> u64 {
        let theirs = uploads.iter().filter(|upload| upload.user.folded() == user.folded());
        theirs.map(|upload| upload.bytes_sent).max().unwrap_or_default()
    };
    let mut views: Vec<RecipientView> = Vec::new();
    for answer in row.answers.iter().filter(|answer| answer.device != row.device) {
        let Some(state) = state_of(answer.verdict) else { continue };
        match views.iter_mut().find(|view| view.user.folded() == answer.user.folded()) {
            // Of several devices of one person, the furthest counts.
            Some(view) if rank(state) > rank(view.state) => view.state = state,
            Some(_) => {}
            None => {
                let bytes = sent(&answer.user).min(row.size);
                views.push(RecipientView { user: answer.user.clone(), state, bytes, rate: None });
            }
        }
    }
    for upload in uploads.iter().filter(|upload| upload.active) {
        if !views.iter().any(|view| view.user.folded() == upload.user.folded()) {
            let (user, state) = (upload.user.clone(), RecipientState::Fetching);
            views.push(RecipientView { user, state, bytes: upload.bytes_sent.min(row.size), rate: None });
        }
    }
    views
}

fn state_of(verdict: Verdict) -> Option<RecipientState> {
    match verdict {
        Verdict::Accepted => Some(RecipientState::Fetching),
        Verdict::Done => Some(RecipientState::Done),
        Verdict::Declined => Some(RecipientState::Declined),
        Verdict::Cancelled => Some(RecipientState::Cancelled),
        Verdict::Unknown => None,
    }
}

fn rank(state: RecipientState) -> u8 {
    match state {
        RecipientState::Declined => 0,
        RecipientState::Cancelled => 1,
        RecipientState::Fetching => 2,
        RecipientState::Done => 3,
    }
}
