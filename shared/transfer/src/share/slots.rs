//! How many devices are served at once, and in what order the others come.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use landline_protocol::DeviceId;

use crate::lock;

/// How long a device that is not being sent anything keeps its slot: requests of one download follow
/// each other.
const KEPT: Duration = Duration::from_secs(2);
/// How long a device is served while others wait: then it goes to the end of the line, so that neither a
/// long list of downloads nor a slow reader keeps everybody else out.
const TURN: Duration = Duration::from_mins(1);
/// When to ask again.
pub(crate) const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How long a place in line is kept for a device that does not ask.
const PLACE: Duration = Duration::from_secs(5);
/// How many may be in line: more are told to come again, and not remembered.
const LINE: usize = 4_096;
/// Unless told otherwise.
const DEFAULT: usize = 64;

/// The slots of this machine, to be shared.
#[derive(Clone, Default)]
pub(crate) struct Slots(Arc<Mutex<Line>>);

/// One response to a device that has a slot.
pub(crate) struct Slot {
    slots: Slots,
    device: DeviceId,
}

impl Slots {
    pub(crate) fn set(&self, slots: usize) {
        lock(&self.0).slots = slots.max(1);
    }

    /// A slot, or how many are ahead.
    pub(crate) fn take(&self, device: DeviceId) -> Result<Slot, u32> {
        lock(&self.0).take(device, Instant::now())?;
        Ok(Slot { slots: self.clone(), device })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        lock(&self.slots.0).end(self.device, Instant::now());
    }
}

/// Who is served and who waits. Pure.
struct Line {
    slots: usize,
    served: HashMap<DeviceId, Served>,
    /// In order, with the time of asking last.
    waiting: Vec<(DeviceId, Instant)>,
}

struct Served {
    responses: usize,
    /// When it got its slot.
    since: Instant,
    /// When the last one ended.
    ended: Instant,
}

impl Default for Line {
    fn default() -> Self {
        Self { slots: DEFAULT, served: HashMap::new(), waiting: Vec::new() }
    }
}

impl Line {
    fn take(&mut self, device: DeviceId, now: Instant) -> Result<(), u32> {
        let expired = |at: &Instant, after| now.saturating_duration_since(*at) > after;
        self.waiting.retain(|(_, asked)| !expired(asked, PLACE));
        let is_over = |device: &DeviceId, served: &Served| {
            expired(&served.since, TURN) && self.waiting.iter().any(|(waiting, _)| waiting != device)
        };
        self.served.retain(|device, served| {
            served.responses > 0 || !(expired(&served.ended, KEPT) || is_over(device, served))
        });
        if let Some(served) = self.served.get_mut(&device)
            && !is_over(&device, served)
        {
            served.responses += 1;
            self.waiting.retain(|(waiting, _)| *waiting != device);
            return Ok(());
        }
        let free = self.slots.saturating_sub(self.served.len());
        let before = self.place(device, now);
        if before < free {
            self.waiting.retain(|(waiting, _)| *waiting != device);
            self.served.insert(device, Served { responses: 1, since: now, ended: now });
            return Ok(());
        }
        Err(u32::try_from(before + 1 - free).unwrap_or(u32::MAX))
    }

    /// How many are before this device in line. It is in line from now on.
    fn place(&mut self, device: DeviceId, now: Instant) -> usize {
        let known = self.waiting.iter_mut().enumerate().find(|(_, (waiting, _))| *waiting == device);
        if let Some((before, (_, asked))) = known {
            *asked = now;
            return before;
        }
        let before = self.waiting.len();
        if before < LINE {
            self.waiting.push((device, now));
        }
        before
    }

    fn end(&mut self, device: DeviceId, now: Instant) {
        if let Some(served) = self.served.get_mut(&device) {
            served.responses = served.responses.saturating_sub(1);
            served.ended = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(n: u8) -> DeviceId {
        DeviceId::from_bytes([n; 32])
    }

    #[test]
    fn whoever_was_served_for_long_lets_the_next_one_in() {
        let (began, at) = (Instant::now(), Duration::from_secs);
        let mut line = Line { slots: 1, ..Line::default() };
        assert_eq!(line.take(device(1), began), Ok(()));
        assert_eq!(line.take(device(1), began + at(90)), Ok(()), "nobody else wants it");
        line.end(device(1), began + at(91));
        assert_eq!(line.take(device(2), began + at(91)), Err(1), "a response is under way");
        assert_eq!(line.take(device(1), began + at(92)), Err(2), "it had its turn");
        line.end(device(1), began + at(93));
        assert_eq!(line.take(device(1), began + at(93)), Err(1), "after the one who waits");
        assert_eq!(line.take(device(2), began + at(94)), Ok(()));
        assert_eq!(line.take(device(1), began + at(95)), Err(1));
    }

    #[test]
    fn first_come_first_served_and_a_pause_keeps_the_slot() {
        let (began, at) = (Instant::now(), Duration::from_millis);
        let mut line = Line { slots: 2, ..Line::default() };
        let mut ask = |n, ms| line.take(device(n), began + at(ms));
        assert_eq!((ask(1, 0), ask(2, 0)), (Ok(()), Ok(())));
        assert_eq!((ask(3, 0), ask(4, 0), ask(5, 0)), (Err(1), Err(2), Err(3)));
        assert_eq!(ask(1, 10), Ok(()), "a second response of the same device");
        line.end(device(1), began + at(20));
        line.end(device(1), began + at(30));
        let mut ask = |n, ms| line.take(device(n), began + at(ms));
        assert_eq!(ask(5, 1_000), Err(3));
        assert_eq!(ask(1, 2_000), Ok(()), "requests of one download follow each other");
        line.end(device(1), began + at(2_100));
        let mut ask = |n, ms| line.take(device(n), began + at(ms));
        assert_eq!((ask(3, 4_000), ask(4, 4_000)), (Err(1), Err(2)));
        assert_eq!(ask(5, 4_200), Err(2), "a slot is free, but not for the last in line");
        assert_eq!(ask(1, 4_200), Err(3), "too late: to the end of the line");
        assert_eq!(ask(4, 4_300), Err(1));
        assert_eq!(ask(3, 4_400), Ok(()));
        assert_eq!(ask(4, 4_400), Err(1));
        line.slots = 4;
        let mut ask = |n, ms| line.take(device(n), began + at(ms));
        assert_eq!((ask(4, 5_000), ask(5, 5_000), ask(1, 5_000)), (Ok(()), Ok(()), Err(1)));
    }

    #[test]
    fn who_does_not_ask_loses_the_place() {
        let (began, at) = (Instant::now(), Duration::from_secs);
        let mut line = Line { slots: 1, ..Line::default() };
        let mut ask = |n, s| line.take(device(n), began + at(s));
        assert_eq!((ask(1, 0), ask(2, 0), ask(3, 4)), (Ok(()), Err(1), Err(2)));
        assert_eq!(ask(3, 6), Err(1));
        line.end(device(1), began + at(6));
        assert_eq!(line.take(device(3), began + at(9)), Ok(()));
        assert!(line.waiting.is_empty());
    }
}
