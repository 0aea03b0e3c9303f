//! What this machine has for others, by offer, and what of it the coordinator has been told. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use landline_protocol::{HeldKey, MessageId, OfferRef};
use landline_transfer::Shares;

use crate::history::HeldRow;

/// How many are announced on a new connection, the newest first.
const ANNOUNCED: usize = 256;
/// Between two batches of announcements.
const BATCH_PAUSE: Duration = Duration::from_millis(50);
/// Of so many each: a connection's queue must not overflow.
const BATCH: usize = 32;
/// After the start, before what earlier runs completed is hashed again.
const CHECK_AFTER: Duration = Duration::from_secs(3);
/// Between two of those.
const CHECK_PAUSE: Duration = Duration::from_secs(1);

/// Something that others may have from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holding {
    pub(super) reference: OfferRef,
    pub(super) complete: bool,
}

/// All of it.
#[derive(Default)]
pub(in crate::engine) struct Holdings {
    held: BTreeMap<MessageId, Holding>,
    /// To be announced on this connection yet.
    unannounced: VecDeque<MessageId>,
    next_batch: Option<Instant>,
    /// What earlier runs completed and nobody has looked at since.
    unchecked: VecDeque<HeldRow>,
    next_check: Option<Instant>,
}

impl Holdings {
    /// Something can be had from here. Says whether that is news.
    pub(super) fn hold(&mut self, holding: Holding) -> bool {
        let before = self.held.insert(holding.reference.id, holding);
        before != Some(holding)
    }

    /// Something cannot be had from here any more. Says what, if it could be.
    pub(super) fn release(&mut self, offer: &MessageId) -> Option<OfferRef> {
        self.unchecked.retain(|row| row.offer != *offer);
        self.held.remove(offer).map(|holding| holding.reference)
    }

    /// The offer that its holders call so.
    pub(in crate::engine) fn offer_of(&self, key: &HeldKey) -> Option<MessageId> {
        self.held.iter().find(|(_, holding)| holding.reference.key() == *key).map(|(offer, _)| *offer)
    }

    /// A new connection knows nothing of what is here.
    pub(super) fn connected(&mut self, now: Instant) {
        self.unannounced = self.held.keys().rev().take(ANNOUNCED).copied().collect();
        self.next_batch = (!self.unannounced.is_empty()).then_some(now);
    }

    /// The line is down.
    pub(super) fn disconnected(&mut self) {
        self.unannounced.clear();
        self.next_batch = None;
    }

    /// What is to be announced now.
    pub(super) fn announcements(&mut self, now: Instant) -> Vec<Holding> {
        if self.next_batch.is_none_or(|due| due > now) {
            return Vec::new();
        }
        let batch = self.unannounced.len().min(BATCH);
        let due =
            self.unannounced.drain(..batch).filter_map(|offer| self.held.get(&offer).copied()).collect();
        self.next_batch = (!self.unannounced.is_empty()).then_some(now + BATCH_PAUSE);
        due
    }

    /// These were complete in earlier runs; they are looked at one by one.
    pub(super) fn check_later(&mut self, rows: Vec<HeldRow>, now: Instant) {
        self.unchecked = rows.into();
        self.next_check = (!self.unchecked.is_empty()).then_some(now + CHECK_AFTER);
    }

    /// The next to be looked at, if it is time. [`checked`](Self::checked) must follow.
    pub(super) fn check(&mut self, now: Instant) -> Option<HeldRow> {
        self.next_check.filter(|due| *due <= now)?;
        self.next_check = None;
        self.unchecked.pop_front()
    }

    /// The last one was looked at.
    pub(super) fn checked(&mut self, now: Instant) {
        self.next_check = (!self.unchecked.is_empty()).then_some(now + CHECK_PAUSE);
    }

    /// When there is something to be announced.
    pub(super) fn next_announcement(&self) -> Option<Instant> {
        self.next_batch
    }

    /// When there is something to be looked at.
    pub(super) fn next_check(&self) -> Option<Instant> {
        self.next_check
    }

    /// Nothing is passed on any more.
    pub(in crate::engine) fn withdraw_all(&self, shares: &Shares) {
        self.held.values().for_each(|holding| shares.release(&holding.reference.key()));
    }

    pub(in crate::engine) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use landline_protocol::{ConversationId, DeviceId, Timestamp};

    use super::*;

    fn holding(number: u64, complete: bool) -> Holding {
        let id = MessageId::new(Timestamp::from_millis(number), [0; 10]);
        let (conversation, device) = (ConversationId::lobby(), DeviceId::from_bytes([1; 32]));
        Holding { reference: OfferRef { conversation, device, id }, complete }
    }

    #[test]
    fn the_newest_are_announced_in_batches_once_a_connection() {
        let (mut all, mut now) = (Holdings::default(), Instant::now());
        for number in 0..300 {
            assert!(all.hold(holding(number, true)));
        }
        assert!(!all.hold(holding(7, true)), "known");
        assert!(all.hold(holding(7, false)), "not complete is news");
        all.connected(now);
        all.release(&holding(299, true).reference.id);
        let mut told = Vec::new();
        while let Some(due) = all.next_announcement() {
            assert!(all.announcements(now).len() <= BATCH || due > now);
            now = due.max(now);
            told.extend(all.announcements(now));
        }
        // The first batch was taken by the assertion.
        assert_eq!(told.len(), ANNOUNCED - BATCH);
        assert_eq!(told.last().unwrap().reference, holding(300 - ANNOUNCED as u64, true).reference);
        assert!(all.announcements(now + Duration::from_secs(9)).is_empty());
    }

    #[test]
    fn what_earlier_runs_completed_is_looked_at_one_by_one_and_not_at_once() {
        let (mut all, now) = (Holdings::default(), Instant::now());
        let row =
            |number| HeldRow { offer: holding(number, true).reference.id, path: "/x".into(), version: None };
        all.check_later(vec![row(1), row(2), row(3)], now);
        assert!(all.check(now).is_none());
        let later = now + CHECK_AFTER;
        assert_eq!(all.check(later).unwrap().offer, row(1).offer);
        assert!(all.check(later).is_none(), "one at a time");
        all.release(&row(2).offer);
        all.checked(later);
        assert_eq!(all.check(later + CHECK_PAUSE).unwrap().offer, row(3).offer);
        all.checked(later);
        assert_eq!(all.next_check(), None);
    }
}
