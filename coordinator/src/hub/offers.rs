//! Who holds what was offered: said by the holders, told to those who may see the offer.
//!
//! One answer, `not_found`, for an offer that does not exist and for one that is somebody else's, so
//! that neither can be told from the other.

use landline_protocol::{Holder, OfferRef, ServerFrame, limits};

use super::connection::{Next, Session};
use super::frames::chance;
use super::{Hub, dismiss};
use crate::store::{ConnectionId, StoreError, messages};

impl Session {
    /// Notes that this device serves what was offered.
    pub(super) async fn hold(&self, offer: OfferRef, complete: bool) -> Next {
        match self.may_see(offer).await {
            Ok(true) => self.app.hub.hold(self.id, offer, complete),
            Ok(false) => self.tell(&ServerFrame::NotFound { offer }),
            Err(error) => return self.unreadable(error),
        }
        Next::Frame
    }

    /// Notes that it does not any more.
    pub(super) fn release(&self, offer: &OfferRef) {
        self.app.hub.release(self.id, offer);
    }

    /// Tells who holds what was offered, with a pass for this device.
    pub(super) async fn seek(&self, offer: OfferRef) -> Next {
        match self.may_see(offer).await {
            Ok(true) => {}
            Ok(false) => {
                self.tell(&ServerFrame::NotFound { offer });
                return Next::Frame;
            }
            Err(error) => return self.unreadable(error),
        }
        // Whose session has ended meanwhile gets no pass any more.
        let Some(holders) = self.app.hub.holders(self.id, &offer, chance()) else {
            return Next::End;
        };
        match self.app.auth.content_pass(&self.who, &offer) {
            Ok((pass, expires_at)) => {
                self.tell(&ServerFrame::Holders { offer, holders, pass, expires_at });
                Next::Frame
            }
            Err(error) => {
                dismiss(&self.sender, error);
                Next::End
            }
        }
    }

    /// Whether there is such a message in a conversation of this account's.
    async fn may_see(&self, offer: OfferRef) -> Result<bool, StoreError> {
        if !self.app.hub.admits(&offer.conversation, &self.who.user) {
            return Ok(false);
        }
        // What is held was looked up before. After a restart everybody says at once what they hold.
        if self.app.hub.is_held(&offer) {
            return Ok(true);
        }
        self.app.store.read(move |db| messages::exists(db, &offer)).await
    }

    /// Without an answer the client would wait: it comes again.
    fn unreadable(&self, error: StoreError) -> Next {
        dismiss(&self.sender, error.into());
        Next::End
    }
}

impl Hub {
    /// A connection serves what was offered; one that is about to end does not count.
    pub(super) fn hold(&self, id: ConnectionId, offer: OfferRef, complete: bool) {
        let now = self.clock.now();
        let mut state = self.state();
        if state.is_current(id, now) {
            state.holders.hold(id, offer, complete);
        }
    }

    fn is_held(&self, offer: &OfferRef) -> bool {
        self.state().holders.is_held(offer)
    }

    fn release(&self, id: ConnectionId, offer: &OfferRef) {
        self.state().holders.release(id, offer);
    }

    /// Some of those who hold it, without whoever asks; `None` when the asker's session is over.
    pub(super) fn holders(&self, asker: ConnectionId, offer: &OfferRef, seed: u64) -> Option<Vec<Holder>> {
        let now = self.clock.now();
        let state = self.state();
        if !state.is_current(asker, now) {
            return None;
        }
        let others = |id| id != asker && state.is_current(id, now);
        let picked = state.holders.pick(offer, limits::HOLDERS, seed, others).into_iter();
        let told = picked.filter_map(|holding| {
            let connected = state.connections.get(&holding.connection)?;
            let (user, device) = (connected.user.clone(), connected.device);
            Some(Holder { user, device, complete: holding.complete })
        });
        Some(told.collect())
    }
}
