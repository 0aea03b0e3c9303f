//! Who may have some of what is being fetched: the author, and the holders that the coordinator named.

use std::sync::Arc;

use landline_protocol::peer_routes::Door;
use landline_protocol::{DeviceId, Holder};
use landline_transfer::fetch::Source;

use super::{Downloads, Entry, Offers};
use crate::engine::directory::Directory;
use crate::history::OfferRow;

/// What was last heard of the holders of an offer, and the pass to ask them with.
#[derive(Default)]
pub(super) struct Known {
    pub(super) holders: Vec<Holder>,
    pub(super) pass: Arc<str>,
}

impl Known {
    /// Everyone who can be asked, the author first.
    pub(super) fn sources(&self, row: &OfferRow, directory: &Directory, me: &DeviceId) -> Arc<[Source]> {
        let source = |user, device, door| {
            let addresses = directory.addresses_of(&device);
            Source { user, device, addresses, door }
        };
        let author = source(row.author.clone(), row.device, Door::Share(row.share));
        let others = self.holders.iter().filter(|one| one.device != *me && one.device != row.device);
        let held = Door::Held(row.key());
        std::iter::once(author).chain(others.map(|one| source(one.user.clone(), one.device, held))).collect()
    }
}

impl Downloads {
    /// The coordinator says who holds what was offered, and gives a pass.
    pub(in crate::engine) fn holders(
        &mut self,
        row: &OfferRow,
        holders: Vec<Holder>,
        pass: String,
        directory: &Directory,
    ) {
        let Some(entry) = self.entries.get_mut(&row.offer) else { return };
        entry.known = Known { holders, pass: pass.into() };
        entry.refresh(row, directory, &self.around.device);
    }

    /// The coordinator knows no such offer, or it is not for us: only its author can be asked.
    pub(in crate::engine) fn no_holders(&mut self, row: &OfferRow, directory: &Directory) {
        let Some(entry) = self.entries.get_mut(&row.offer) else { return };
        entry.known = Known::default();
        entry.refresh(row, directory, &self.around.device);
    }

    /// People came, went or moved: whoever is tried again later may be worth trying now.
    pub(in crate::engine) fn people_changed(&mut self, offers: &Offers, directory: &Directory) {
        let live = self.entries.iter_mut().filter(|(_, entry)| entry.live.is_some());
        for (offer, entry) in live {
            if let Some(row) = offers.get(offer) {
                entry.refresh(row, directory, &self.around.device);
            }
        }
    }

    /// The offers being fetched that a device is a source of.
    pub(in crate::engine) fn wake(&mut self, device: &DeviceId) {
        for live in self.entries.values_mut().filter_map(|entry| entry.live.as_mut()) {
            // A list that is sent again, though it is the same, asks to try again at once.
            live.sources.send_if_modified(|sources| sources.iter().any(|source| source.device == *device));
        }
    }

    /// Everyone who can be asked for an offer now, and the pass to ask with.
    pub(in crate::engine) fn ways_to(
        &self,
        row: &OfferRow,
        directory: &Directory,
    ) -> (Arc<[Source]>, Arc<str>) {
        let unknown = Known::default();
        let known = self.entries.get(&row.offer).map_or(&unknown, |entry| &entry.known);
        (known.sources(row, directory, &self.around.device), Arc::clone(&known.pass))
    }
}

impl Entry {
    fn refresh(&mut self, row: &OfferRow, directory: &Directory, me: &DeviceId) {
        let Some(live) = &self.live else { return };
        let sources = self.known.sources(row, directory, me);
        live.sources.send_if_modified(|held| {
            let differs = *held != sources;
            *held = sources;
            differs
        });
        let pass = &self.known.pass;
        live.pass.send_if_modified(|held| {
            let differs = held != pass;
            *held = Arc::clone(pass);
            differs
        });
    }
}
