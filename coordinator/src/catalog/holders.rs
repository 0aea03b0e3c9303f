//! Which connections hold what was offered. Pure state, bounded: who says more than there is room
//! for is forgotten to hold what it said first.

use std::collections::{BTreeMap, HashMap};

use landline_protocol::{OfferRef, limits};

use crate::store::ConnectionId;

/// Entries of all connections together; about 64 MiB.
const MOST: usize = 256 * 1024;

/// The holders of every offer.
pub(crate) struct Holders {
    of: HashMap<OfferRef, HashMap<ConnectionId, Held>>,
    /// What each connection holds, the eldest first.
    by: HashMap<ConnectionId, BTreeMap<u64, OfferRef>>,
    /// Entries, and how many there may be: of one connection, and together.
    count: usize,
    most_of_one: usize,
    most: usize,
    /// Counts what was said, so that it has an order.
    said: u64,
}

/// What a connection said about an offer.
struct Held {
    complete: bool,
    said: u64,
}

/// A connection that holds an offer's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Holding {
    /// Which.
    pub(crate) connection: ConnectionId,
    /// Whether it has all of it.
    pub(crate) complete: bool,
}

impl Default for Holders {
    fn default() -> Self {
        Self::bounded(limits::HELD_OFFERS, MOST)
    }
}

impl Holders {
    fn bounded(most_of_one: usize, most: usize) -> Self {
        Self { of: HashMap::new(), by: HashMap::new(), count: 0, most_of_one, most, said: 0 }
    }

    /// A connection holds some or all of what was offered.
    pub(crate) fn hold(&mut self, connection: ConnectionId, offer: OfferRef, complete: bool) {
        if let Some(held) = self.of.get_mut(&offer).and_then(|all| all.get_mut(&connection)) {
            held.complete = complete;
            return;
        }
        self.make_room(connection);
        self.said += 1;
        self.count += 1;
        self.by.entry(connection).or_default().insert(self.said, offer);
        self.of.entry(offer).or_default().insert(connection, Held { complete, said: self.said });
    }

    /// Whether anybody holds it.
    pub(crate) fn is_held(&self, offer: &OfferRef) -> bool {
        self.of.contains_key(offer)
    }

    /// A connection does not hold it any more.
    pub(crate) fn release(&mut self, connection: ConnectionId, offer: &OfferRef) {
        let Some(said) = self.remove(connection, offer) else {
            return;
        };
        if let Some(all) = self.by.get_mut(&connection) {
            all.remove(&said);
            if all.is_empty() {
                self.by.remove(&connection);
            }
        }
    }

    /// A connection is gone, or may not serve any more.
    pub(crate) fn forget(&mut self, connection: ConnectionId) {
        for offer in self.by.remove(&connection).unwrap_or_default().values() {
            self.remove(connection, offer);
        }
    }

    /// At most `most` of those who hold an offer and are wanted: those with all of it first, at
    /// random among equals. `seed` is the chance.
    pub(crate) fn pick(
        &self,
        offer: &OfferRef,
        most: usize,
        seed: u64,
        wanted: impl Fn(ConnectionId) -> bool,
    ) -> Vec<Holding> {
        let all = self.of.get(offer).into_iter().flatten();
        let mut found: Vec<Holding> = all
            .map(|(connection, held)| Holding { connection: *connection, complete: held.complete })
            .filter(|one| wanted(one.connection))
            .collect();
        // The seed gives each a place, in which no order of the connections shows.
        let rank = |one: &Holding| (!one.complete, scrambled(seed, one.connection.0), one.connection);
        if found.len() > most {
            found.select_nth_unstable_by_key(most, rank);
            found.truncate(most);
        }
        found.sort_unstable_by_key(rank);
        found
    }

    /// Where there is no room, whoever takes most of it loses the eldest: nobody can push out the
    /// entries of others who have fewer.
    fn make_room(&mut self, connection: ConnectionId) {
        let own = self.by.get(&connection).map_or(0, BTreeMap::len);
        if own >= self.most_of_one {
            self.drop_eldest(connection);
        } else if self.count >= self.most {
            let busiest = self.by.iter().max_by_key(|(id, all)| (all.len(), **id)).map(|(id, _)| *id);
            if let Some(busiest) = busiest {
                self.drop_eldest(busiest);
            }
        }
    }

    fn drop_eldest(&mut self, connection: ConnectionId) {
        let eldest = self.by.get(&connection).and_then(|all| all.values().next().copied());
        if let Some(offer) = eldest {
            self.release(connection, &offer);
        }
    }

    /// Removes the entry from its offer; gives when it was said.
    fn remove(&mut self, connection: ConnectionId, offer: &OfferRef) -> Option<u64> {
        let all = self.of.get_mut(offer)?;
        let held = all.remove(&connection)?;
        self.count -= 1;
        if all.is_empty() {
            self.of.remove(offer);
        }
        Some(held.said)
    }
}

/// A hash of two numbers (the finalizer of splitmix64, Steele et al. 2014).
fn scrambled(seed: u64, number: u64) -> u64 {
    let mut z = seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use landline_protocol::{ConversationId, DeviceId, MessageId, Timestamp};
    use proptest::prelude::*;

    use super::*;

    fn offer(n: u8) -> OfferRef {
        let id = MessageId::new(Timestamp::from_millis(1), [n; 10]);
        OfferRef { conversation: ConversationId::lobby(), device: DeviceId::from_bytes([n; 32]), id }
    }

    fn all_of(holders: &Holders, n: u8) -> BTreeSet<u64> {
        holders.pick(&offer(n), usize::MAX, 1, |_| true).iter().map(|one| one.connection.0).collect()
    }

    #[test]
    fn those_with_all_of_it_come_first_and_equals_at_random() {
        let mut holders = Holders::default();
        for n in 1..=64 {
            holders.hold(ConnectionId(n), offer(1), n <= 4);
        }
        let mut seen = BTreeSet::new();
        let mut firsts = BTreeSet::new();
        for seed in 0..200 {
            let picked = holders.pick(&offer(1), 8, seed, |id| id != ConnectionId(3));
            assert_eq!(picked.iter().map(|one| one.complete).filter(|whole| *whole).count(), 3);
            assert!(picked[..3].iter().all(|one| one.complete) && picked.len() == 8);
            firsts.insert(picked[0].connection.0);
            seen.extend(picked.iter().map(|one| one.connection.0));
        }
        assert_eq!(firsts, BTreeSet::from([1, 2, 4]));
        assert_eq!(seen.len(), 63, "each of the others had a turn");
        holders.hold(ConnectionId(9), offer(1), true);
        assert!(
            holders
                .pick(&offer(1), 5, 7, |_| true)
                .contains(&Holding { connection: ConnectionId(9), complete: true })
        );
    }

    #[test]
    fn who_holds_too_much_loses_the_eldest_and_only_its_own() {
        let (mut holders, [one, two]) = (Holders::bounded(3, 4), [ConnectionId(1), ConnectionId(2)]);
        holders.hold(two, offer(1), true);
        for n in 1..=4 {
            holders.hold(one, offer(n), true);
        }
        assert_eq!(all_of(&holders, 1), BTreeSet::from([2]), "one's own eldest went");
        holders.hold(two, offer(5), true);
        assert!(all_of(&holders, 2).is_empty(), "full: the one with most gives way");
        assert_eq!((all_of(&holders, 5), holders.count), (BTreeSet::from([2]), 4));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Hold(u64, u8, bool),
        Release(u64, u8),
        Forget(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..4u64, 0..6u8, any::<bool>()).prop_map(|(c, n, whole)| Step::Hold(c, n, whole)),
            2 => (0..4u64, 0..6u8).prop_map(|(c, n)| Step::Release(c, n)),
            1 => (0..4u64).prop_map(Step::Forget),
        ]
    }

    proptest! {
        /// With room for everything it is a plain set; and nothing is ever left behind.
        #[test]
        fn it_is_a_set_of_what_was_said(steps in proptest::collection::vec(step(), 0..60)) {
            let (mut holders, mut model) = (Holders::default(), BTreeMap::new());
            for step in steps {
                match step {
                    Step::Hold(c, n, whole) => {
                        holders.hold(ConnectionId(c), offer(n), whole);
                        model.insert((c, n), whole);
                    }
                    Step::Release(c, n) => {
                        holders.release(ConnectionId(c), &offer(n));
                        model.remove(&(c, n));
                    }
                    Step::Forget(c) => {
                        holders.forget(ConnectionId(c));
                        model.retain(|(of, _), _| *of != c);
                    }
                }
                prop_assert_eq!(holders.count, model.len());
            }
            for n in 0..6 {
                let picked = holders.pick(&offer(n), usize::MAX, 3, |_| true);
                let picked: BTreeMap<_, _> = picked.iter().map(|h| ((h.connection.0, n), h.complete)).collect();
                let said = model.iter().filter(|((_, of), _)| *of == n);
                prop_assert_eq!(picked, said.map(|(key, whole)| (*key, *whole)).collect::<BTreeMap<_, _>>());
            }
            (0..4).for_each(|c| holders.forget(ConnectionId(c)));
            prop_assert!(holders.of.is_empty() && holders.by.is_empty() && holders.count == 0);
        }

        /// However full, the count is right and the bounds hold.
        #[test]
        fn the_bounds_hold(steps in proptest::collection::vec(step(), 0..80)) {
            let mut holders = Holders::bounded(3, 7);
            for step in steps {
                match step {
                    Step::Hold(c, n, whole) => holders.hold(ConnectionId(c), offer(n), whole),
                    Step::Release(c, n) => holders.release(ConnectionId(c), &offer(n)),
                    Step::Forget(c) => holders.forget(ConnectionId(c)),
                }
                prop_assert!(holders.count <= 7 && holders.by.values().all(|all| !all.is_empty() && all.len() <= 3));
                prop_assert_eq!(holders.count, holders.by.values().map(BTreeMap::len).sum::<usize>());
                prop_assert_eq!(holders.count, holders.of.values().map(HashMap::len).sum::<usize>());
            }
        }
    }
}
