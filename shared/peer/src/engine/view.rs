//! The state as people see it: snapshots built from what the engine owns.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use landline_protocol::{ConversationId, DeviceId, UserName, Verdict};
use landline_transfer::Upload;
use landline_transfer::fetch::Phase;

use super::downloads::Downloads;
use super::shares::Outgoing;
use super::{Engine, SignedIn};
use crate::api::{Me, RecipientState, RecipientView, Snapshot, TransferState, TransferView};
use crate::history::{DownloadStatus, OfferRow};

impl Engine {
    /// Publishes the state as it is now.
    pub(super) fn publish(&mut self) {
        let uploads = self.shares.uploads();
        self.outgoing.uploading = false;
        let mut snapshot = Snapshot {
            revision: 0,
            device: self.key.id(),
            me: None,
            line: self.line.clone(),
            people: Arc::new([]),
            conversations: Arc::new([]),
            transfers: Arc::new(BTreeMap::new()),
            download_folder: self.download_folder.clone(),
        };
        if let Some(signed_in) = &mut self.signed_in {
            snapshot.me = Some(me(signed_in));
            snapshot.people = signed_in.directory.views(&signed_in.author.user);
            snapshot.conversations = signed_in.conversations.views();
            let mut painter = Painter {
                me: signed_in.author.user.clone(),
                device: signed_in.author.device,
                now: Instant::now(),
                downloads: &mut self.downloads,
                outgoing: &mut self.outgoing,
                uploads: &uploads,
            };
            let transfers = signed_in.offers.values().filter_map(|row| {
                let conversation = signed_in.conversations.id_of(row.conv)?;
                Some((row.offer, painter.transfer(row, conversation)))
            });
            snapshot.transfers = Arc::new(transfers.collect());
        }
        self.outlet.publish(snapshot);
    }
}

fn me(signed_in: &SignedIn) -> Me {
    let account = &signed_in.account;
    Me {
        user: account.user.clone(),
        admin: account.admin,
        coordinator: account.address.clone(),
        coordinator_key: account.coordinator,
        key_from_invite: account.from_invite,
    }
}

struct Painter<'a> {
    me: UserName,
    device: DeviceId,
    now: Instant,
    downloads: &'a mut Downloads,
    outgoing: &'a mut Outgoing,
    uploads: &'a [Upload],
}

impl Painter<'_> {
    fn transfer(&mut self, row: &OfferRow, conversation: ConversationId) -> TransferView {
        let mut view = TransferView {
            offer: row.offer,
            conversation,
            author: row.author.clone(),
            outgoing: row.mine,
            name: row.name.clone(),
            size: row.size,
            state: TransferState::Offered,
            bytes: 0,
            rate: None,
            remaining: None,
            path: None,
            recipients: Vec::new(),
        };
        if row.mine {
            self.paint_outgoing(row, &mut view);
        } else {
            self.paint_incoming(row, &mut view);
        }
        view
    }

    fn paint_outgoing(&mut self, row: &OfferRow, view: &mut TransferView) {
        let uploads: Vec<&Upload> = self.uploads.iter().filter(|upload| upload.share == row.share).collect();
        view.recipients = recipients(row, &uploads);
        let fetching = || view.recipients.iter().filter(|one| one.state == RecipientState::Fetching);
        let left: u64 = fetching().map(|one| row.size.saturating_sub(one.bytes)).sum();
        view.bytes = fetching().map(|one| one.bytes).sum();
        if row.is_withdrawn() {
            view.state = TransferState::Cancelled { by: row.author.clone() };
        } else if row.root.is_none() {
            view.state = TransferState::Hashing;
        }
        let Some(entry) = self.outgoing.get_mut(&row.offer) else { return };
        view.path = Some(entry.path.clone());
        if let Some(failure) = &entry.failure {
            view.state = TransferState::Failed(failure.clone());
        }
        let active = uploads.iter().any(|upload| upload.active);
        let sent = uploads.iter().map(|upload| upload.bytes_sent).sum();
        if let Some(meter) = entry.observe(self.now, active, sent) {
            view.rate = meter.rate();
            view.remaining = meter.remaining(left);
            view.state = TransferState::Active;
            self.outgoing.uploading = true;
        }
    }

    fn paint_incoming(&mut self, row: &OfferRow, view: &mut TransferView) {
        let Some(entry) = self.downloads.get_mut(&row.offer) else {
            view.state = self.unaccepted(row);
            return;
        };
        view.path = Some(entry.record.folder.join(entry.record.name.as_str()));
        view.state = match &entry.record.status {
            DownloadStatus::Done(path) => {
                view.path = Some(path.clone());
                view.bytes = row.size;
                TransferState::Done
            }
            DownloadStatus::Cancelled if row.is_withdrawn() => {
                TransferState::Cancelled { by: row.author.clone() }
            }
            DownloadStatus::Cancelled => TransferState::Cancelled { by: self.me.clone() },
            DownloadStatus::Failed(failure) => TransferState::Failed(failure.clone()),
            DownloadStatus::Active => match &mut entry.live {
                None => TransferState::Hashing,
                Some(live) => {
                    let progress = *live.progress.borrow();
                    view.bytes = progress.verified;
                    if let Some(failure) = &live.waiting {
                        TransferState::Waiting(failure.clone())
                    } else if progress.phase == Phase::Connecting {
                        TransferState::Connecting
                    } else {
                        // What an earlier attempt left is not what moves now.
                        live.meter.observe(self.now, progress.verified.saturating_sub(progress.reused));
                        view.rate = live.meter.rate();
                        view.remaining = live.meter.remaining(row.size.saturating_sub(progress.verified));
                        TransferState::Active
                    }
                }
            },
        };
    }

    fn unaccepted(&self, row: &OfferRow) -> TransferState {
        if row.is_withdrawn() {
            return TransferState::Cancelled { by: row.author.clone() };
        }
        match row.answer_of(&self.device) {
            Some(Verdict::Declined) => TransferState::Declined,
            Some(Verdict::Cancelled) => TransferState::Cancelled { by: self.me.clone() },
            _ => TransferState::Offered,
        }
    }
}

/// Who has answered an offer, and who is fetching it without having said so.
fn recipients(row: &OfferRow, uploads: &[&Upload]) -> Vec<RecipientView> {
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
                views.push(RecipientView { user: answer.user.clone(), state, bytes });
            }
        }
    }
    for upload in uploads.iter().filter(|upload| upload.active) {
        if !views.iter().any(|view| view.user.folded() == upload.user.folded()) {
            let (user, state) = (upload.user.clone(), RecipientState::Fetching);
            views.push(RecipientView { user, state, bytes: upload.bytes_sent.min(row.size) });
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
