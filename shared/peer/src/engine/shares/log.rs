//! Who took what: written down when somebody has taken something and has not come back for a while.

use landline_protocol::peer_routes::Door;
use landline_protocol::{HeldKey, MessageId};
use landline_transfer::Taken;

use crate::api::UploadEntry;
use crate::engine::Engine;

/// How many are shown.
pub(in crate::engine) const SHOWN: usize = 100;

impl Engine {
    /// Writes down what has been taken since it was last asked.
    pub(in crate::engine) async fn log_uploads(&mut self) {
        let taken = self.shares.finished();
        let mut fresh: Vec<UploadEntry> = taken.into_iter().filter_map(|one| self.entry_of(one)).collect();
        let Some(signed_in) = self.signed_in.as_mut().filter(|_| !fresh.is_empty()) else {
            return;
        };
        fresh.sort_by_key(|entry| entry.until);
        let shown = fresh.iter().rev().chain(signed_in.uploads.iter()).take(SHOWN).cloned();
        signed_in.uploads = shown.collect::<Vec<_>>().into();
        let account = signed_in.account.id;
        let kept = self.history.call(move |db| db.log_uploads(account, &fresh)).await;
        self.outlet.touch();
        if let Err(error) = kept {
            self.notice(error);
        }
    }

    fn entry_of(&self, taken: Taken) -> Option<UploadEntry> {
        let offer = match taken.door {
            Door::Share(share) => self.offer_shared_as(&share)?,
            Door::Held(key) => self.offer_held_as(&key)?,
        };
        let name = self.signed_in.as_ref()?.offers.get(&offer)?.name.clone();
        let Taken { user, device, from, until, bytes, .. } = taken;
        Some(UploadEntry { user, device, offer, name, from, until, bytes })
    }

    /// What is not passed on any more, as of a download that was paused, is looked for, too.
    fn offer_held_as(&self, key: &HeldKey) -> Option<MessageId> {
        let known = self.holdings.offer_of(key);
        let offers = || self.signed_in.as_ref()?.offers.values().find(|row| row.key() == *key);
        known.or_else(|| offers().map(|row| row.offer))
    }

    /// Offers that were withdrawn are looked for, too.
    fn offer_shared_as(&self, share: &landline_protocol::ShareId) -> Option<MessageId> {
        let known = self.outgoing.offer_of(share);
        let offers = || self.signed_in.as_ref()?.offers.values().find(|row| row.mine && row.share == *share);
        known.or_else(|| offers().map(|row| row.offer))
    }
}
