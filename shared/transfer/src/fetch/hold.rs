//! A download under way as something that others fetch from: only what is proven.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use landline_protocol::{OfferRef, Root};

use super::content::Content;
use super::known::Proof;
use crate::layout::Layout;
use crate::share::{Holding, Shares};

impl Holding for Content {
    fn layout(&self) -> &Arc<Layout> {
        Content::layout(self)
    }

    fn root(&self) -> Option<Root> {
        self.known().map(|known| known.root)
    }

    fn map(&self) -> Option<Vec<u8>> {
        self.proven()
    }

    fn has(&self, start: u64, end: u64) -> bool {
        let layout = Content::layout(self);
        // Before the root is known nothing is passed on, whatever is asked.
        if start >= end || end > layout.size() || !self.is_known() {
            return false;
        }
        self.are_here(layout.piece_at(start)..=layout.piece_at(end - 1))
    }

    fn read(&self, start: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.store().read(start, buffer)
    }

    fn tree(&self) -> Option<Bytes> {
        self.known()
            .filter(|known| matches!(known.proof, Proof::File { .. }))
            .map(|known| known.bytes.clone())
    }

    fn manifest(&self) -> Option<Bytes> {
        self.known().filter(|known| matches!(known.proof, Proof::Folder(_))).map(|known| known.bytes.clone())
    }
}

/// A download that is passed on for as long as this lives, or longer when it was handed over.
pub(super) struct PassedOn {
    shares: Option<Shares>,
    offer: OfferRef,
}

impl PassedOn {
    pub(super) fn begin(shares: Shares, offer: OfferRef, content: Arc<Content>) -> Self {
        shares.hold(offer, content);
        Self { shares: Some(shares), offer }
    }

    /// Goes on being passed on, until the caller of [`fetch`](super::fetch) replaces or releases it: whoever
    /// is being served must not be cut off because it is complete.
    pub(super) fn hand_over(mut self) {
        self.shares = None;
    }
}

impl Drop for PassedOn {
    fn drop(&mut self) {
        if let Some(shares) = &self.shares {
            shares.release(&self.offer.key());
        }
    }
}
