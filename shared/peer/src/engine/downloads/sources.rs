//! Who may have some of what is being fetched: the author, and the holders that the coordinator named.

use std::sync::Arc;
use std::time::{Duration, Instant};

use landline_protocol::peer_routes::Door;
use landline_protocol::{DeviceId, Holder};
use landline_transfer::fetch::Source;

use super::{Downloads, Entry, Offers};
use crate::engine::directory::Directory;
use crate::history::OfferRow;

/// How long a holder that is not named any more is still asked: the coordinator names some of many,
/// and after a restart it does not know them all at once.
const REMEMBERED: Duration = Duration::from_secs(15);
/// The most that are asked.
const AT_MOST: usize = 64;

/// What was last heard of the holders of an offer, and the pass to ask them with.
#[derive(Default)]
pub(super) struct Known {
    /// With the moment at which each was named, the latest first.
    holders: Vec<(Holder, Instant)>,
    pub(super) pass: Arc<str>,
}

impl Known {
    /// Takes in a list of the coordinator's.
    fn hear(&mut self, named: Vec<Holder>, pass: String, now: Instant) {
        self.holders.retain(|(known, at)| {
            now.saturating_duration_since(*at) < REMEMBERED
                && named.iter().all(|holder| holder.device != known.device)
        });
        self.holders.splice(0..0, named.into_iter().map(|holder| (holder, now)));
        self.holders.truncate(AT_MOST);
        self.pass = pass.into();
    }

    /// Everyone who can be asked, the author first.
    pub(super) fn sources(&self, row: &OfferRow, directory: &Directory, me: &DeviceId) -> Arc<[Source]> {
        let source = |user, device, door| {
            let addresses = directory.addresses_of(&device);
            Source { user, device, addresses, door }
        };
        let author = source(row.author.clone(), row.device, Door::Share(row.share));
        let others = self.holders.iter().map(|(holder, _)| holder);
        let mut others: Vec<&Holder> =
            others.filter(|one| one.device != *me && one.device != row.device).collect();
        // The coordinator names them in any order: the same ones are the same list, and no news.
        others.sort_unstable_by_key(|one| one.device);
        let held = Door::Held(row.key());
        std::iter::once(author)
            .chain(others.into_iter().map(|one| source(one.user.clone(), one.device, held)))
            .collect()
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
        entry.known.hear(holders, pass, Instant::now());
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
            live.told
                .sources
                .send_if_modified(|sources| sources.iter().any(|source| source.device == *device));
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
        live.told.sources.send_if_modified(|held| {
            let differs = *held != sources;
            *held = sources;
            differs
        });
        let pass = &self.known.pass;
        live.told.pass.send_if_modified(|held| {
            let differs = held != pass;
            *held = Arc::clone(pass);
            differs
        });
    }
}

#[cfg(test)]
mod tests {
    use landline_protocol::{ConversationId, MessageId, OfferedName, ShareId, Timestamp};

    use super::*;

    fn holder(number: u8) -> Holder {
        let user = "bob".parse().unwrap();
        Holder { user, device: DeviceId::from_bytes([number; 32]), complete: true }
    }

    /// Alice's offer.
    fn row() -> OfferRow {
        OfferRow {
            offer: MessageId::new(Timestamp::from_millis(1), [1; 10]),
            conv: 1,
            conversation: ConversationId::lobby(),
            author: "alice".parse().unwrap(),
            device: DeviceId::from_bytes([100; 32]),
            share: ShareId::from_bytes([1; 16]),
            name: OfferedName::new("file"),
            size: 1,
            root: None,
            folder: None,
            replaces: None,
            mine: false,
            answers: Vec::new(),
        }
    }

    #[test]
    fn the_same_holders_in_another_order_are_no_news() {
        let row = row();
        let directory = Directory::default();
        let sources = |order: [u8; 3]| {
            let mut known = Known::default();
            known.hear(order.map(holder).into(), "a".into(), Instant::now());
            known.sources(&row, &directory, &DeviceId::from_bytes([9; 32]))
        };
        assert_eq!(sources([3, 1, 2]), sources([2, 3, 1]));
        assert_eq!(sources([3, 1, 2]).len(), 4);
    }

    #[test]
    fn whoever_is_not_named_is_asked_for_a_while_longer() {
        let (mut known, now) = (Known::default(), Instant::now());
        let devices = |known: &Known| -> Vec<u8> {
            known.holders.iter().map(|(holder, _)| holder.device.as_bytes()[0]).collect()
        };
        known.hear(vec![holder(1), holder(2)], "a".into(), now);
        known.hear(vec![holder(2), holder(3)], "b".into(), now + Duration::from_secs(3));
        assert_eq!((devices(&known), &*known.pass), (vec![2, 3, 1], "b"));
        known.hear(vec![holder(3)], "c".into(), now + REMEMBERED);
        assert_eq!(devices(&known), [3, 2]);
        known.hear((0..200).map(holder).collect(), "d".into(), now + REMEMBERED);
        assert_eq!(known.holders.len(), AT_MOST);
    }
}
