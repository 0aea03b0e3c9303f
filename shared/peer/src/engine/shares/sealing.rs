//! What follows an offer: its hash, once known, and the discovery that it is not what it was.

use std::sync::Arc;
use std::time::Duration;

use landline_protocol::peer_routes::Door;
use landline_protocol::{Body, MessageId, Sealed, Verdict};
use landline_transfer::share::Hashed;
use landline_transfer::{ShareError, Shared};

use super::Hashing;
use super::offering::tree_bytes;
use super::tasks::{HashFailure, ShareReport, failure_of, hash};
use crate::api::{Event, Failure, FailureKind};
use crate::engine::account::signed_out;
use crate::engine::{Engine, Report};
use crate::history::OfferRow;

/// Before a seal is written again that did not fit on the disk.
const SEAL_AGAIN: Duration = Duration::from_secs(5);

impl Engine {
    /// Hashes what was offered, in turn.
    pub(super) fn begin_hash(&mut self, offer: MessageId, shared: Shared) {
        let manifest = self.outgoing.manifest_of(&offer);
        let turns = Arc::clone(&self.outgoing.turns);
        let Some(entry) = self.outgoing.entries.get_mut(&offer) else {
            return;
        };
        let hashing = Hashing::default();
        entry.hashing = Some(hashing.clone());
        let reports = self.reports.clone();
        self.tasks.spawn(async move {
            let Ok(_turn) = turns.acquire_owned().await else { return };
            let done = tokio::task::spawn_blocking(move || hash(&shared, &hashing, &manifest)).await;
            if let Ok(result) = done {
                let report = ShareReport::Hashed { offer, result };
                let _ = reports.send(Report::Share(Box::new(report))).await;
            }
        });
    }

    pub(super) async fn hashed(&mut self, offer: MessageId, result: Result<Hashed, HashFailure>) {
        let (Ok(row), Some(entry)) = (self.offer(&offer), self.outgoing.entries.get_mut(&offer)) else {
            return;
        };
        entry.hashing = None;
        let done = match result {
            Ok(hashed) => {
                self.shares.set_hashed(&entry.share, &hashed);
                match self.seal(&row, &hashed).await {
                    Err(failure) if failure.kind == FailureKind::DiskFull => {
                        self.hash_report_later(offer, hashed);
                        Err(failure)
                    }
                    result => result,
                }
            }
            Err(HashFailure::Source(why)) => {
                let text = format!("“{}” cannot be offered: {why}. Share it again.", row.name);
                let failure = Failure::new(FailureKind::SourceChanged, text);
                entry.failure = Some(failure.clone());
                entry.stop(&self.shares);
                self.tell_of_change(offer).await;
                // Nobody waits for a hash that will not come.
                self.answer(&row, Verdict::Cancelled).await.and(Err(failure))
            }
            Err(HashFailure::Disk(error)) => {
                let text = format!(
                    "What is in “{}” could not be written down ({error}). Free some space and share it again.",
                    row.name
                );
                let failure = Failure::new(FailureKind::Io, text);
                entry.failure = Some(failure.clone());
                Err(failure)
            }
        };
        if let Err(failure) = done {
            self.notice(failure);
        }
    }

    /// The disk was too full to write the hash down: once more in a while.
    fn hash_report_later(&mut self, offer: MessageId, hashed: Hashed) {
        let reports = self.reports.clone();
        self.tasks.spawn(async move {
            tokio::time::sleep(SEAL_AGAIN).await;
            let report = ShareReport::Hashed { offer, result: Ok(hashed) };
            let _ = reports.send(Report::Share(Box::new(report))).await;
        });
    }

    async fn seal(&mut self, row: &OfferRow, hashed: &Hashed) -> Result<(), Failure> {
        let signed_in = self.signed_in.as_ref().ok_or_else(signed_out)?;
        let (account, offer) = (signed_in.account.id, row.offer);
        let Some(kind) = signed_in.conversations.kind_of(row.conv) else {
            return Ok(());
        };
        if let Some(bytes) = tree_bytes(hashed) {
            self.history.call(move |db| db.set_share_tree(account, &offer, &bytes)).await?;
        }
        if row.root.is_none() {
            let sealed = Sealed { offer, root: hashed.root(), size: row.size };
            self.say(kind, Body::Sealed(sealed)).await?;
        }
        self.hold_own(&offer);
        Ok(())
    }

    /// Says, once over all runs, that something is not what it was when it was offered.
    pub(super) async fn tell_of_change(&mut self, offer: MessageId) {
        self.outlet.event(Event::SourceChanged { offer });
        self.note_told(offer, true).await;
    }

    pub(super) async fn note_told(&mut self, offer: MessageId, told: bool) {
        let Some(account) = self.signed_in.as_ref().map(|signed_in| signed_in.account.id) else { return };
        if let Err(error) = self.history.call(move |db| db.set_share_told(account, &offer, told)).await {
            self.notice(error);
        }
    }

    /// While it was served, something was found not to be what it was.
    pub(in crate::engine) async fn spoiled(&mut self, door: Door, error: ShareError) {
        match door {
            Door::Share(share) => {
                let Some(offer) = self.outgoing.offer_of(&share) else { return };
                if let Some(entry) = self.outgoing.entries.get_mut(&offer) {
                    // It goes on answering that it was changed: that is what those who fetch must hear.
                    entry.failure = Some(failure_of(&error));
                }
                self.release(&offer);
                self.tell_of_change(offer).await;
            }
            Door::Held(key) => {
                if let Some(offer) = self.holdings.offer_of(&key) {
                    self.release_for_good(&offer).await;
                }
            }
        }
    }
}
