//! Passing on: the coordinator is told what others may have from here, and asked who has what is
//! fetched here.

mod check;
mod holdings;

use std::path::PathBuf;
use std::time::Instant;

use landline_protocol::{ClientFrame, Holder, MessageId, OfferRef};
use landline_transfer::fetch::Fetched;

pub(super) use check::HeldReport;
use check::Look;
use holdings::Holding;
pub(super) use holdings::Holdings;

use super::Engine;
use crate::history::{HeldRow, OfferRow};
use crate::session::encode;

/// Offers older than this are not passed on any more after a restart: 14 days.
const HELD_MS: u64 = 14 * 24 * 60 * 60 * 1000;

impl Engine {
    /// A first piece of a download is proven: its task passes it on from now on.
    pub(super) fn hold_some(&mut self, offer: &MessageId) {
        if let Ok(row) = self.offer(offer) {
            self.tell_hold(Holding { reference: row.reference(), complete: false });
        }
    }

    /// What was offered from here is hashed: others can be sent here for it.
    pub(super) fn hold_own(&mut self, offer: &MessageId) {
        if let Ok(row) = self.offer(offer) {
            self.tell_hold(Holding { reference: row.reference(), complete: true });
        }
    }

    /// A download is complete and in place: it is passed on from there.
    pub(super) fn hold_all(&mut self, row: &OfferRow, path: PathBuf, fetched: Option<Box<Fetched>>) {
        let look = Look { row: row.clone(), path, again: false, version: None, fetched };
        self.look_at_held(look);
    }

    fn look_at_held(&mut self, look: Look) {
        let (shares, reports, stop) = (self.shares.clone(), self.reports.clone(), self.stop_looking.clone());
        self.tasks.spawn(look.run(shares, stop, reports));
    }

    /// Picks up what earlier runs completed.
    pub(super) fn resume_holdings(&mut self, rows: Vec<HeldRow>) {
        let oldest = self.clock.now().as_millis().saturating_sub(HELD_MS);
        let recent = rows.into_iter().filter(|row| made_at(&row.offer) >= oldest).collect();
        self.holdings.check_later(recent, Instant::now());
    }

    /// Something that was completed has been looked at.
    pub(super) async fn held_report(&mut self, report: HeldReport) {
        let HeldReport { offer, again, version } = report;
        if again {
            self.holdings.checked(Instant::now());
        }
        let Ok(row) = self.offer(&offer) else { return };
        let wanted = !row.is_withdrawn() && self.downloads.is_done(&offer);
        match version {
            Some(version) if wanted => {
                self.tell_hold(Holding { reference: row.reference(), complete: true });
                self.note_held(offer, Some(version)).await;
            }
            // What is fetched anew is passed on by whoever fetches it.
            _ if self.downloads.is_fetching(&offer) => {}
            _ => {
                self.shares.release(&row.key());
                self.release(&offer);
                self.note_held(offer, None).await;
            }
        }
    }

    /// Nothing of an offer can be had from here now.
    pub(super) fn release(&mut self, offer: &MessageId) {
        let Some(reference) = self.holdings.release(offer) else { return };
        self.shares.release(&reference.key());
        self.tell(&ClientFrame::Release { offer: reference });
    }

    /// Nor later.
    pub(super) async fn release_for_good(&mut self, offer: &MessageId) {
        self.release(offer);
        if self.downloads.is_done(offer) {
            self.note_held(*offer, None).await;
        }
    }

    async fn note_held(&mut self, offer: MessageId, version: Option<String>) {
        let Some(account) = self.signed_in.as_ref().map(|signed_in| signed_in.account.id) else { return };
        let noted = self.history.call(move |db| db.set_held(account, &offer, version.as_deref())).await;
        if let Err(error) = noted {
            self.notice(error);
        }
    }

    fn tell_hold(&mut self, holding: Holding) {
        if self.holdings.hold(holding) {
            self.tell(&hold(holding));
        }
    }

    /// Says something to the coordinator, if the line is up. What it must know for long is said again
    /// on the next connection.
    fn tell(&self, frame: &ClientFrame) {
        if let Some(line) = self.signed_in.as_ref().and_then(|signed_in| signed_in.outbox.line()) {
            // A closing line takes nothing; the next one begins anew.
            let _ = line.send(encode(frame));
        }
    }

    /// The line is up: who holds what is asked anew, and what is here is announced.
    pub(super) fn swarm_connected(&mut self) {
        let now = Instant::now();
        self.holdings.connected(now);
        self.downloads.seek_all(now);
    }

    /// The line is down: what is known is kept.
    pub(super) fn swarm_disconnected(&mut self) {
        self.holdings.disconnected();
    }

    /// The coordinator says who has something.
    pub(super) fn holders(&mut self, offer: OfferRef, holders: Vec<Holder>, pass: String) {
        let Some(signed_in) = &self.signed_in else { return };
        if let Some(row) = signed_in.offers.get(&offer.id).filter(|row| row.reference() == offer) {
            self.downloads.holders(row, holders, pass, &signed_in.directory);
        }
    }

    /// The coordinator says that there is no such offer for us.
    pub(super) fn no_holders(&mut self, offer: OfferRef) {
        let Some(signed_in) = &self.signed_in else { return };
        if let Some(row) = signed_in.offers.get(&offer.id).filter(|row| row.reference() == offer) {
            self.downloads.no_holders(row, &signed_in.directory);
        }
    }

    /// What is due on the line, while it is up: announcements and questions.
    pub(super) fn swarm_chores(&mut self, now: Instant) {
        if self.is_line_up() {
            for holding in self.holdings.announcements(now) {
                self.tell(&hold(holding));
            }
            for offer in self.downloads.seeks_due(now) {
                if let Ok(row) = self.offer(&offer) {
                    self.tell(&ClientFrame::Seek { offer: row.reference() });
                }
            }
        }
        if let Some(row) = self.holdings.check(now) {
            self.check_held(row);
        }
    }

    /// When something of that is due.
    pub(super) fn next_swarm_chore(&self) -> Option<Instant> {
        let said = self.downloads.next_seek().into_iter().chain(self.holdings.next_announcement()).min();
        said.filter(|_| self.is_line_up()).into_iter().chain(self.holdings.next_check()).min()
    }

    fn check_held(&mut self, held: HeldRow) {
        match self.offer(&held.offer) {
            Ok(row) if !row.is_withdrawn() => {
                let HeldRow { path, version, .. } = held;
                self.look_at_held(Look { row, path, again: true, version, fetched: None });
            }
            _ => self.holdings.checked(Instant::now()),
        }
    }

    pub(super) fn is_line_up(&self) -> bool {
        self.signed_in.as_ref().is_some_and(|signed_in| signed_in.outbox.line().is_some())
    }
}

fn hold(holding: Holding) -> ClientFrame {
    ClientFrame::Hold { offer: holding.reference, complete: holding.complete }
}

/// When a message was made, by its author's clock, in milliseconds: so begins a UUID of version 7
/// (RFC 9562, 5.7).
fn made_at(id: &MessageId) -> u64 {
    let mut millis = [0; 8];
    millis[2..].copy_from_slice(&id.as_bytes()[..6]);
    u64::from_be_bytes(millis)
}
