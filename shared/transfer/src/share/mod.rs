//! What this machine serves: what each id stands for, and who may have it.

use std::path::Path;
use std::sync::Arc;

use landline_protocol::peer_routes::Door;
use landline_protocol::{DeviceId, HeldKey, OfferRef, ShareId};
use tokio::sync::{mpsc, watch};

use crate::limit::Rates;
use crate::upload::{Taken, Upload};

mod audience;
mod error;
mod hashed;
mod holding;
mod shared;

pub use audience::Audience;
pub use error::ShareError;
pub use hashed::{Hashed, Kind};
pub use holding::Holding;
pub use shared::{Shared, SharedFile, SharedFolder, SharedVersion};

/// What is served at this moment. Clones are handles of one registry.
#[derive(Clone)]
pub struct Shares {}

impl Default for Shares {
    fn default() -> Self {
        Self::new(Rates::new())
    }
}

impl Shares {
    /// Nothing shared yet; `up` limits what goes out.
    pub fn new(_up: Rates) -> Self {
        todo!()
    }

    /// Opens a file or folder for sharing, as it is now; see [`Shared::open`].
    pub fn open(path: &Path) -> Result<Shared, ShareError> {
        Shared::open(path)
    }

    /// Opens what was shared before a restart; [`ShareError::Changed`] when it is not the same any more.
    pub fn reopen(_path: &Path, _shared: &SharedVersion) -> Result<Shared, ShareError> {
        todo!()
    }

    /// Serves it under an id from now on. The same id again replaces what it stood for and stops its
    /// transfers.
    pub fn add(&self, _id: ShareId, _shared: Shared, _audience: Audience) {
        todo!()
    }

    /// Gives a share its hashes; until then the tree and the manifest are "not yet". Hashes of
    /// something else than was shared are not taken.
    pub fn set_hashed(&self, _id: &ShareId, _hashed: &Hashed) {
        todo!()
    }

    /// Stops serving a share. Responses under way end, and their handles are closed within a second.
    pub fn remove(&self, _id: &ShareId) {
        todo!()
    }

    /// Passes on what a download has so far, to whoever shows a pass for the offer. Another holding of
    /// the same offer takes its place without a break.
    pub fn hold(&self, _offer: OfferRef, _holding: Arc<dyn Holding>) {
        todo!()
    }

    /// Passes on something complete at its final place. Files are found by their paths in the manifest;
    /// `false` when one is not there as it should be: nothing is held then.
    pub fn hold_complete(&self, _offer: OfferRef, _shared: Shared, _hashed: Hashed) -> bool {
        todo!()
    }

    /// Stops passing on, as [`remove`](Self::remove).
    pub fn release(&self, _key: &HeldKey) {
        todo!()
    }

    /// Ends every response under way to a device, as when it was signed out. What it asks for later
    /// is for whoever admits it to judge.
    pub fn stop_device(&self, _device: &DeviceId) {
        todo!()
    }

    /// How many devices are served content at once, from now on; at least one.
    pub fn set_slots(&self, _slots: usize) {
        todo!()
    }

    /// Who fetched what, since each door was opened.
    pub fn uploads(&self) -> Vec<Upload> {
        todo!()
    }

    /// What was taken since this was last called, each entry once, when nothing was sent for a while:
    /// the upload log. At most the latest thousand are kept for the caller.
    pub fn finished(&self) -> Vec<Taken> {
        todo!()
    }

    /// Changes whenever [`uploads`](Self::uploads) or [`finished`](Self::finished) do: at once for a
    /// beginning or an end, at most ten times a second while bytes flow.
    pub fn changed(&self) -> watch::Receiver<u64> {
        todo!()
    }

    /// Tells each door once when what is behind it is found changed or gone; what was held is
    /// released by then. For one taker: `None` from the second call on.
    pub fn spoiled(&self) -> Option<mpsc::Receiver<(Door, ShareError)>> {
        todo!()
    }
}
