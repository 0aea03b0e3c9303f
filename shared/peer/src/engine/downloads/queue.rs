//! Which downloads run: so many at once, by priority, in turn. Pure: told what happens, it says what
//! to start and what to stop.
//!
//! A download that nobody sends anything of is parked: it goes on trying, and its slot is for others.
//! When it moves again it takes a free slot, or waits for one before all that came later.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use landline_protocol::MessageId;

use crate::api::Priority;

/// How many may try without a slot. Beyond that the one that has tried the longest waits in line.
const PARKED: usize = 32;

/// The downloads that are to be fetched, by offer.
pub(super) struct Queue {
    slots: usize,
    places: BTreeMap<MessageId, Place>,
    /// The next number to be drawn.
    turn: u64,
}

/// One of them.
struct Place {
    priority: Priority,
    turn: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Waits for a slot.
    Queued,
    /// Has a slot.
    Running,
    /// Runs without a slot, since that turn.
    Parked(u64),
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Start(MessageId),
    /// Stop for now; what is here is kept.
    Stop(MessageId),
}

impl Queue {
    pub(super) fn new(slots: usize) -> Self {
        Self { slots, places: BTreeMap::new(), turn: 0 }
    }

    /// How many may run at once.
    pub(super) fn set_slots(&mut self, slots: usize) {
        self.slots = slots;
    }

    /// A download is to be fetched; it is the last of its priority.
    pub(super) fn enter(&mut self, id: MessageId, priority: Priority) {
        let turn = self.draw();
        self.places.entry(id).or_insert(Place { priority, turn, state: State::Queued });
    }

    /// A download has ended, is paused or given up. Whoever runs it stops it.
    pub(super) fn leave(&mut self, id: &MessageId) {
        self.places.remove(id);
    }

    pub(super) fn clear(&mut self) {
        self.places.clear();
    }

    /// Another priority. Nothing that runs is stopped for it.
    pub(super) fn prioritise(&mut self, id: &MessageId, priority: Priority) {
        if let Some(place) = self.places.get_mut(id) {
            place.priority = priority;
        }
    }

    /// Nobody sends anything of it, and that lasts.
    pub(super) fn stalls(&mut self, id: &MessageId) {
        let turn = self.draw();
        if let Some(place) = self.places.get_mut(id)
            && place.state == State::Running
        {
            place.state = State::Parked(turn);
        }
    }

    /// Somebody sends something of it. If it has no slot it gets one, or waits for the next.
    pub(super) fn moves(&mut self, id: &MessageId) -> Option<Change> {
        let free = self.running() < self.slots;
        let place = self.places.get_mut(id)?;
        match place.state {
            State::Parked(_) if free => {
                place.state = State::Running;
                None
            }
            State::Parked(_) => {
                place.state = State::Queued;
                Some(Change::Stop(*id))
            }
            State::Queued | State::Running => None,
        }
    }

    /// Gives slots to whoever comes first, and takes them back where there are too many.
    pub(super) fn settle(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        while self.running() > self.slots
            && let Some(last) = self.last_running()
        {
            changes.extend(self.put(last, State::Queued));
        }
        while let Some(longest) = self.parked_too_long() {
            let turn = self.draw();
            changes.extend(self.put(longest, State::Queued));
            if let Some(place) = self.places.get_mut(&longest) {
                place.turn = turn;
            }
        }
        while self.running() < self.slots
            && let Some(first) = self.first_queued()
        {
            changes.extend(self.put(first, State::Running));
        }
        changes
    }

    /// Of a download that waits for a slot: how many come before it, those with a slot included.
    pub(super) fn ahead(&self, id: &MessageId) -> Option<u32> {
        let place = self.places.get(id).filter(|place| place.state == State::Queued)?;
        let before = |other: &&Place| match other.state {
            State::Running => true,
            State::Queued => other.rank() < place.rank(),
            State::Parked(_) => false,
        };
        Some(u32::try_from(self.places.values().filter(before).count()).unwrap_or(u32::MAX))
    }

    /// Whether it tries without a slot.
    pub(super) fn is_parked(&self, id: &MessageId) -> bool {
        self.places.get(id).is_some_and(|place| matches!(place.state, State::Parked(_)))
    }

    fn draw(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }

    fn put(&mut self, id: MessageId, state: State) -> Option<Change> {
        self.places.get_mut(&id)?.state = state;
        Some(if state == State::Running { Change::Start(id) } else { Change::Stop(id) })
    }

    fn running(&self) -> usize {
        self.places.values().filter(|place| place.state == State::Running).count()
    }

    fn first_queued(&self) -> Option<MessageId> {
        let queued = self.places.iter().filter(|(_, place)| place.state == State::Queued);
        queued.min_by_key(|(_, place)| place.rank()).map(|(id, _)| *id)
    }

    fn last_running(&self) -> Option<MessageId> {
        let running = self.places.iter().filter(|(_, place)| place.state == State::Running);
        running.max_by_key(|(_, place)| place.rank()).map(|(id, _)| *id)
    }

    fn parked_too_long(&self) -> Option<MessageId> {
        let since = |place: &Place| match place.state {
            State::Parked(since) => Some(since),
            _ => None,
        };
        let parked = || self.places.iter().filter_map(|(id, place)| Some((since(place)?, *id)));
        if parked().count() <= PARKED {
            return None;
        }
        parked().min().map(|(_, id)| id)
    }
}

impl Place {
    /// The smaller, the sooner.
    fn rank(&self) -> (Reverse<Priority>, u64) {
        (Reverse(self.priority), self.turn)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use landline_protocol::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn id(number: u8) -> MessageId {
        MessageId::new(Timestamp::from_millis(1), [number; 10])
    }

    #[test]
    fn whoever_came_first_starts_first_and_priority_goes_before() {
        let mut queue = Queue::new(1);
        queue.enter(id(1), Priority::Normal);
        assert_eq!(queue.settle(), [Change::Start(id(1))]);
        queue.enter(id(2), Priority::Normal);
        queue.enter(id(3), Priority::Low);
        queue.enter(id(4), Priority::High);
        assert_eq!(queue.settle(), [], "nothing that runs is stopped");
        assert_eq!([1, 2, 3, 4].map(|n| queue.ahead(&id(n))), [None, Some(2), Some(3), Some(1)]);
        queue.prioritise(&id(3), Priority::High);
        queue.leave(&id(1));
        // Drawn before 4, and as urgent now.
        assert_eq!(queue.settle(), [Change::Start(id(3))]);
    }

    #[test]
    fn whoever_cannot_move_holds_nobody_up_and_is_the_next_when_it_can() {
        let mut queue = Queue::new(1);
        for number in 1..4 {
            queue.enter(id(number), Priority::Normal);
        }
        assert_eq!(queue.settle(), [Change::Start(id(1))]);
        queue.stalls(&id(1));
        assert_eq!(queue.settle(), [Change::Start(id(2))]);
        assert_eq!(queue.moves(&id(1)), Some(Change::Stop(id(1))), "there is no slot for it");
        queue.leave(&id(2));
        assert_eq!(queue.settle(), [Change::Start(id(1))], "before 3, which came later");
        queue.stalls(&id(1));
        queue.leave(&id(3));
        assert_eq!(queue.moves(&id(1)), None, "a free slot is taken");
        assert!(!queue.is_parked(&id(1)));
    }

    #[test]
    fn fewer_slots_stop_what_came_last() {
        let mut queue = Queue::new(3);
        queue.enter(id(1), Priority::Low);
        queue.enter(id(2), Priority::Normal);
        queue.enter(id(3), Priority::Normal);
        queue.settle();
        queue.set_slots(1);
        assert_eq!(queue.settle(), [Change::Stop(id(1)), Change::Stop(id(3))]);
    }

    #[derive(Clone, Debug)]
    enum Act {
        Enter(u8, Priority),
        Leave(u8),
        Stalls(u8),
        Moves(u8),
        Prioritise(u8, Priority),
        Slots(usize),
    }

    fn act() -> impl Strategy<Value = Act> {
        let priority =
            || prop_oneof![Just(Priority::Low), Just(Priority::Normal), Just(Priority::High)].boxed();
        let number = || 0u8..60;
        prop_oneof![
            3 => (number(), priority()).prop_map(|(n, p)| Act::Enter(n, p)),
            1 => number().prop_map(Act::Leave),
            3 => number().prop_map(Act::Stalls),
            2 => number().prop_map(Act::Moves),
            1 => (number(), priority()).prop_map(|(n, p)| Act::Prioritise(n, p)),
            1 => (0usize..6).prop_map(Act::Slots),
        ]
    }

    proptest! {
        #[test]
        fn slots_are_never_exceeded_nor_left_empty(acts in prop::collection::vec(act(), 1..300)) {
            let (mut queue, mut slots) = (Queue::new(2), 2);
            // What a runner of its changes would have at work.
            let mut at_work = BTreeSet::new();
            for act in acts {
                let mut changes = Vec::new();
                match act {
                    Act::Enter(n, priority) => queue.enter(id(n), priority),
                    Act::Leave(n) => {
                        queue.leave(&id(n));
                        at_work.remove(&id(n));
                    }
                    Act::Stalls(n) => queue.stalls(&id(n)),
                    Act::Moves(n) => changes.extend(queue.moves(&id(n))),
                    Act::Prioritise(n, priority) => queue.prioritise(&id(n), priority),
                    Act::Slots(n) => {
                        slots = n;
                        queue.set_slots(n);
                    }
                }
                changes.extend(queue.settle());
                for change in changes {
                    match change {
                        Change::Start(id) => prop_assert!(at_work.insert(id), "started twice"),
                        Change::Stop(id) => prop_assert!(at_work.remove(&id), "stopped while not at work"),
                    }
                }
                let parked = at_work.iter().filter(|id| queue.is_parked(id)).count();
                prop_assert!(parked <= PARKED);
                prop_assert!(at_work.len() - parked <= slots);
                let waiting = queue.places.len() - at_work.len();
                prop_assert!(waiting == 0 || at_work.len() - parked == slots, "a slot is free and somebody waits");
                for id in queue.places.keys() {
                    prop_assert_eq!(queue.ahead(id).is_none(), at_work.contains(id));
                }
            }
        }
    }
}
