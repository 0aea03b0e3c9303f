//! What this machine serves: what each id stands for, and who may have it.

use std::path::Path;
use std::sync::{Arc, Mutex};

use landline_protocol::peer_routes::Door;
use landline_protocol::{DeviceId, HeldKey, OfferRef, ShareId};
use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use crate::limit::Rates;
use crate::lock;
use crate::pool::Pool;
use crate::upload::{Asker, Pulse, Taken, Upload};

mod audience;
mod error;
mod folder;
mod given;
mod hashed;
mod holding;
mod live;
mod reader;
mod served;
mod shared;
mod slots;
mod speeds;
mod sweep;
mod table;
mod turns;
mod walk;

#[cfg(test)]
mod tests;

pub use audience::Audience;
pub use error::ShareError;
pub use folder::SharedFolder;
pub(crate) use given::Giving;
pub use hashed::{Hashed, Kind};
pub use holding::Holding;
pub(crate) use live::{Listed, Live};
pub(crate) use reader::{ReadError, Reader};
pub(crate) use served::{List, Served};
pub use shared::{Shared, SharedFile, SharedVersion};
pub(crate) use slots::{ASK_AGAIN, Slot, Slots};
pub(crate) use speeds::Speeds;
pub(crate) use turns::{Turn, Turns};

use served::{Content, Past};
use table::{Log, Table};

/// Doors that can be told as spoiled before the engine looks.
const SPOILED: usize = 64;

/// What is served at this moment. Clones are handles of one registry.
#[derive(Clone)]
pub struct Shares(Arc<Inner>);

struct Inner {
    table: Mutex<Table>,
    log: Mutex<Log>,
    pulse: Arc<Pulse>,
    pool: Pool,
    live: Arc<Live>,
    slots: Slots,
    turns: Turns,
    speeds: Speeds,
    rates: Rates,
    spoiled: mpsc::Sender<(Door, ShareError)>,
    spoils: Mutex<Option<mpsc::Receiver<(Door, ShareError)>>>,
    /// Runs while something is under way.
    sweeper: Mutex<Option<AbortOnDropHandle<()>>>,
}

impl Default for Shares {
    fn default() -> Self {
        Self::new(Rates::new())
    }
}

impl Shares {
    /// Nothing shared yet; `up` limits what goes out.
    pub fn new(up: Rates) -> Self {
        let (spoiled, spoils) = mpsc::channel(SPOILED);
        Self(Arc::new(Inner {
            table: Mutex::default(),
            log: Mutex::default(),
            pulse: Arc::new(Pulse::new()),
            pool: Pool::default(),
            live: Arc::new(Live::new()),
            slots: Slots::default(),
            turns: Turns::default(),
            speeds: Speeds::default(),
            rates: up,
            spoiled,
            spoils: Mutex::new(Some(spoils)),
            sweeper: Mutex::default(),
        }))
    }

    /// Opens a file or folder for sharing, as it is now; see [`Shared::open`].
    pub fn open(path: &Path) -> Result<Shared, ShareError> {
        Shared::open(path)
    }

    /// Opens what was shared before a restart; [`ShareError::Changed`] when it is not the same any more.
    pub fn reopen(path: &Path, shared: &SharedVersion) -> Result<Shared, ShareError> {
        let now = Shared::open(path)?;
        if now.version().same_after_restart(shared) {
            Ok(now)
        } else {
            Err(ShareError::Changed(path.to_owned()))
        }
    }

    /// Something under this id will be added soon, as when it is opened again after a restart. Until it is
    /// added, or removed, its audience is told to come back instead of that there is nothing.
    pub fn await_share(&self, id: ShareId, audience: Audience) {
        lock(&self.0.table).await_share(id, audience.into());
    }

    /// Nothing is awaited any more.
    pub fn await_nothing(&self) {
        lock(&self.0.table).await_nothing();
    }

    /// Whether it is still to be added.
    pub fn is_awaited(&self, id: &ShareId) -> bool {
        lock(&self.0.table).awaited(id).is_some()
    }

    /// Serves it under an id from now on. The same id again replaces what it stood for and stops its
    /// transfers.
    pub fn add(&self, id: ShareId, mut shared: Shared, audience: Audience) {
        let door = Door::Share(id);
        let mut table = lock(&self.0.table);
        if let Shared::File(file) = &mut shared {
            table.share_handle(file);
        }
        if let Some(old) = table.remove(&door) {
            self.end(&old);
        }
        table.insert(Served::share(door, shared, audience.into()));
    }

    /// Gives a share its hashes; until then the tree and the manifest are "not yet". Hashes of
    /// something else than was shared are not taken.
    pub fn set_hashed(&self, id: &ShareId, hashed: &Hashed) {
        if let Some(share) = self.get(&Door::Share(*id)) {
            share.prove(hashed);
        }
    }

    /// Stops serving a share. Responses under way end, and their handles are closed within a second.
    pub fn remove(&self, id: &ShareId) {
        self.close(&Door::Share(*id));
    }

    /// Passes on what a download has so far, to whoever shows a pass for the offer. Another holding of
    /// the same offer takes its place without a break.
    pub fn hold(&self, offer: OfferRef, holding: Arc<dyn Holding>) {
        self.replace(offer.key(), Content::Held(holding), None);
    }

    /// Passes on something complete at its final place. Files are found by their paths in the manifest;
    /// `false` when one is not there as it should be: nothing is held then. Only sizes are compared: that it
    /// is this content is for the caller to have made sure of.
    pub fn hold_complete(&self, offer: OfferRef, shared: &Shared, hashed: Hashed) -> bool {
        let part = shared.part_in(&hashed);
        part.is_some_and(|part| self.replace(offer.key(), part.into(), Some(hashed)))
    }

    /// Stops passing on, as [`remove`](Self::remove).
    pub fn release(&self, key: &HeldKey) {
        self.close(&Door::Held(*key));
    }

    /// Ends every response under way to a device, as when it was signed out. What it asks for later
    /// is for whoever admits it to judge.
    pub fn stop_device(&self, device: &DeviceId) {
        self.0.live.stop_device(*device);
    }

    /// How many devices are served content at once, from now on; at least one.
    pub fn set_slots(&self, slots: usize) {
        self.0.slots.set(slots);
    }

    /// Who fetched what, since each door was opened.
    pub fn uploads(&self) -> Vec<Upload> {
        let all = lock(&self.0.table).all();
        all.iter().flat_map(|served| served.past.meters.read(served.door, served.layout.size())).collect()
    }

    /// What was taken since this was last called, each entry once, when nothing was sent for a while:
    /// the upload log. At most the latest thousand are kept for the caller.
    pub fn finished(&self) -> Vec<Taken> {
        self.close_takings();
        lock(&self.0.log).drain()
    }

    /// Changes whenever [`uploads`](Self::uploads) or [`finished`](Self::finished) do: at once for a
    /// beginning or an end, at most ten times a second while bytes flow.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.0.pulse.watch()
    }

    /// Tells each door once when what is behind it is found changed or gone; what was held is
    /// released by then. For one taker: `None` from the second call on.
    pub fn spoiled(&self) -> Option<mpsc::Receiver<(Door, ShareError)>> {
        lock(&self.0.spoils).take()
    }

    /// What is behind a door, if there is something and it is for this asker.
    pub(crate) fn find(&self, door: &Door, asker: &Asker) -> Option<Arc<Served>> {
        self.get(door).filter(|served| served.admits(asker))
    }

    /// Whether there will soon be something behind a door for this asker.
    pub(crate) fn awaits(&self, door: &Door, asker: &Asker) -> bool {
        let Door::Share(id) = door else { return false };
        lock(&self.0.table).awaited(id).is_some_and(|audience| audience.admits(&asker.user))
    }

    /// Tells the engine, once, that what is behind a door is not what it was. What is merely out of
    /// reach may come back.
    pub(crate) fn spoil(&self, served: &Served, why: ShareError) {
        let is_final =
            matches!(why, ShareError::Missing(_) | ShareError::Changed(_) | ShareError::NotRegular(_));
        if !is_final || served.set_spoiled(true) {
            return;
        }
        if let Door::Held(key) = served.door {
            self.release(&key);
        }
        // Nobody is looking: it is told when it is found again.
        if self.0.spoiled.try_send((served.door, why)).is_err() {
            served.set_spoiled(false);
        }
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.0.pool
    }

    pub(crate) fn pulse(&self) -> &Arc<Pulse> {
        &self.0.pulse
    }

    pub(crate) fn live(&self) -> &Arc<Live> {
        &self.0.live
    }

    pub(crate) fn slots(&self) -> &Slots {
        &self.0.slots
    }

    pub(crate) fn turns(&self) -> &Turns {
        &self.0.turns
    }

    pub(crate) fn speeds(&self) -> &Speeds {
        &self.0.speeds
    }

    pub(crate) fn rates(&self) -> &Rates {
        &self.0.rates
    }

    fn get(&self, door: &Door) -> Option<Arc<Served>> {
        lock(&self.0.table).get(door)
    }

    /// Puts other content behind a held door; `false` when its hashes are not of it.
    fn replace(&self, key: HeldKey, content: Content, hashed: Option<Hashed>) -> bool {
        let mut table = lock(&self.0.table);
        let past = table.get(&Door::Held(key)).map_or_else(Arc::<Past>::default, |old| Arc::clone(&old.past));
        let served = Served::held(key, content, past);
        let fits = hashed.is_none_or(|hashed| served.prove(&hashed));
        if fits {
            table.insert(served);
        }
        fits
    }

    fn close(&self, door: &Door) {
        let removed = lock(&self.0.table).remove(door);
        if let Some(served) = removed {
            self.end(&served);
        }
    }

    /// Ends everything under way behind a door that leads nowhere any more.
    fn end(&self, served: &Served) {
        served.withdraw();
        self.0.live.stop_door(served.door);
        let mut log = lock(&self.0.log);
        served.past.meters.close(served.door, self.0.pulse.elapsed_ms(), true, |taken| log.push(taken));
        drop(log);
        self.0.pulse.now();
    }
}
