//! What is being sent to whom: counters that the serving side raises and the engine reads.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use landline_protocol::peer_routes::Door;
use landline_protocol::{DeviceId, HeldKey, Timestamp, UserName};
use tokio::sync::watch;

use crate::lock;

/// Who is asking, proven before: the credential and the device certificate agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The person.
    pub user: UserName,
    /// The machine.
    pub device: DeviceId,
    /// The offer that a content pass, shown and verified, is for.
    pub pass: Option<HeldKey>,
}

/// One device fetching from behind one door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// What.
    pub door: Door,
    /// Who.
    pub user: UserName,
    /// With which of their devices.
    pub device: DeviceId,
    /// Bytes of the whole content.
    pub size: u64,
    /// Bytes of content handed to the network for this device since the door was opened, repeats
    /// included.
    pub bytes_sent: u64,
    /// Whether a response is under way at this moment. Between two requests of one download it is
    /// not, for as long as a request takes to arrive.
    pub active: bool,
    /// When it began: the first request after a while of none.
    pub from: Timestamp,
    /// When the last bytes went out.
    pub until: Timestamp,
}

/// An entry of the upload log: somebody took something, and has not come back for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What.
    pub door: Door,
    /// Who.
    pub user: UserName,
    /// With which of their devices.
    pub device: DeviceId,
    /// When it began.
    pub from: Timestamp,
    /// When the last bytes went out.
    pub until: Timestamp,
    /// Bytes of content sent meanwhile, repeats included; never 0.
    pub bytes: u64,
}

/// How often counting alone wakes whoever watches, in milliseconds.
const PULSE_MS: u64 = 100;

/// Tells watchers that something changed: at once when an upload begins or ends, at most ten
/// times a second while bytes flow.
pub(crate) struct Pulse {
    beat: watch::Sender<u64>,
    began: Instant,
    last_ms: AtomicU64,
}

impl Pulse {
    pub(crate) fn new() -> Self {
        Self { beat: watch::Sender::new(0), began: Instant::now(), last_ms: AtomicU64::new(0) }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.beat.subscribe()
    }

    /// Something began or ended.
    pub(crate) fn now(&self) {
        self.last_ms.store(self.elapsed_ms(), Ordering::Relaxed);
        self.beat.send_modify(|count| *count += 1);
    }

    /// A counter went up.
    fn soon(&self) {
        let last = self.last_ms.load(Ordering::Relaxed);
        if self.elapsed_ms().saturating_sub(last) >= PULSE_MS {
            self.now();
        }
    }

    pub(crate) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// How long nothing is sent before a taking is over, in milliseconds.
const IDLE_MS: u64 = 5_000;

/// The counters of one device at one door.
struct Meter {
    user: UserName,
    device: DeviceId,
    sent: AtomicU64,
    live: AtomicUsize,
    /// When something last happened, by the pulse's clock.
    last_ms: AtomicU64,
    /// When the last bytes went out, by the machine's clock.
    until: AtomicU64,
    taking: Mutex<Taking>,
}

/// One entry of the log in the making.
#[derive(Clone, Copy)]
struct Taking {
    from: Timestamp,
    /// What had been sent before.
    before: u64,
    is_open: bool,
}

/// The counters of one door.
#[derive(Default)]
pub(crate) struct Meters(Mutex<Vec<Arc<Meter>>>);

impl Meters {
    /// Counts one response until the guard is dropped.
    pub(crate) fn begin(&self, asker: &Asker, pulse: &Arc<Pulse>) -> Sending {
        let meter = self.of(asker);
        meter.live.fetch_add(1, Ordering::Relaxed);
        meter.last_ms.store(pulse.elapsed_ms(), Ordering::Relaxed);
        meter.open();
        pulse.now();
        Sending { meter, pulse: Arc::clone(pulse) }
    }

    /// The counters as they stand.
    pub(crate) fn read(&self, door: Door, size: u64) -> Vec<Upload> {
        let read = |meter: &Arc<Meter>| Upload {
            door,
            user: meter.user.clone(),
            device: meter.device,
            size,
            bytes_sent: meter.sent.load(Ordering::Relaxed),
            active: meter.live.load(Ordering::Relaxed) > 0,
            from: lock(&meter.taking).from,
            until: Timestamp::from_millis(meter.until.load(Ordering::Relaxed)),
        };
        lock(&self.0).iter().map(read).collect()
    }

    /// Ends what has been idle for long enough, or all of it, and tells of what was sent. Whether
    /// something is still open.
    pub(crate) fn close(&self, door: Door, now_ms: u64, all: bool, mut tell: impl FnMut(Taken)) -> bool {
        let mut is_open = false;
        for meter in lock(&self.0).iter() {
            if all || meter.is_idle(now_ms) {
                meter.close(door).into_iter().for_each(&mut tell);
            }
            is_open |= lock(&meter.taking).is_open;
        }
        is_open
    }

    fn of(&self, asker: &Asker) -> Arc<Meter> {
        let mut meters = lock(&self.0);
        let known = meters.iter().find(|meter| meter.device == asker.device && meter.user == asker.user);
        if let Some(meter) = known {
            return Arc::clone(meter);
        }
        let meter = Arc::new(Meter {
            user: asker.user.clone(),
            device: asker.device,
            sent: AtomicU64::new(0),
            live: AtomicUsize::new(0),
            last_ms: AtomicU64::new(0),
            until: AtomicU64::new(now().as_millis()),
            taking: Mutex::new(Taking { from: now(), before: 0, is_open: false }),
        });
        meters.push(Arc::clone(&meter));
        meter
    }
}

impl Meter {
    fn is_idle(&self, now_ms: u64) -> bool {
        let idle = now_ms.saturating_sub(self.last_ms.load(Ordering::Relaxed));
        self.live.load(Ordering::Relaxed) == 0 && idle > IDLE_MS
    }

    fn open(&self) {
        let mut taking = lock(&self.taking);
        if !taking.is_open {
            *taking = Taking { from: now(), before: self.sent.load(Ordering::Relaxed), is_open: true };
        }
    }

    fn close(&self, door: Door) -> Option<Taken> {
        let mut taking = lock(&self.taking);
        let was = *taking;
        taking.is_open = false;
        let bytes = self.sent.load(Ordering::Relaxed) - was.before;
        (was.is_open && bytes > 0).then(|| Taken {
            door,
            user: self.user.clone(),
            device: self.device,
            from: was.from,
            until: Timestamp::from_millis(self.until.load(Ordering::Relaxed)),
            bytes,
        })
    }
}

/// One response under way.
pub(crate) struct Sending {
    meter: Arc<Meter>,
    pulse: Arc<Pulse>,
}

impl Sending {
    pub(crate) fn sent(&self, bytes: u64) {
        self.meter.sent.fetch_add(bytes, Ordering::Relaxed);
        self.meter.until.store(now().as_millis(), Ordering::Relaxed);
        self.pulse.soon();
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.meter.last_ms.store(self.pulse.elapsed_ms(), Ordering::Relaxed);
        self.meter.live.fetch_sub(1, Ordering::Relaxed);
        self.pulse.now();
    }
}

/// By the machine's clock; for showing.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use landline_protocol::ShareId;

    use super::*;

    const DOOR: Door = Door::Share(ShareId::from_bytes([2; 16]));

    fn bob() -> Asker {
        Asker { user: "bob".parse().unwrap(), device: DeviceId::from_bytes([1; 32]), pass: None }
    }

    #[test]
    fn counting_is_coalesced_and_the_end_is_always_told() {
        let (pulse, meters) = (Arc::new(Pulse::new()), Meters::default());
        let mut watch = pulse.watch();
        let one = meters.begin(&bob(), &pulse);
        let two = meters.begin(&bob(), &pulse);
        watch.mark_unchanged();
        let before = *watch.borrow();
        for _ in 0..10_000 {
            one.sent(3);
        }
        assert!(*watch.borrow() - before < 50, "ten thousand counts, few beats");
        drop(one);
        let read = meters.read(DOOR, 9);
        assert_eq!((read.len(), read[0].bytes_sent, read[0].active), (1, 30_000, true));
        watch.mark_unchanged();
        drop(two);
        assert!(watch.has_changed().unwrap());
        assert!(!meters.read(DOOR, 9)[0].active);
    }

    #[test]
    fn each_taking_is_logged_once_when_it_is_over() {
        let (pulse, meters) = (Arc::new(Pulse::new()), Meters::default());
        let close = |after, all| {
            let mut log = Vec::new();
            let at = pulse.elapsed_ms() + after;
            let is_open = meters.close(DOOR, at, all, |taken| log.push(taken.bytes));
            (log, is_open)
        };
        let closed = |all| close(0, all);
        let sending = meters.begin(&bob(), &pulse);
        sending.sent(5);
        drop(sending);
        meters.begin(&bob(), &pulse).sent(2);
        assert_eq!(closed(false), (vec![], true), "not idle for long enough");
        let again = meters.begin(&bob(), &pulse);
        assert_eq!(close(IDLE_MS + 1_000, false), (vec![], true), "under way");
        drop(again);
        assert_eq!(close(IDLE_MS + 1_000, false), (vec![7], false));
        assert_eq!(closed(true), (vec![], false));
        drop(meters.begin(&bob(), &pulse));
        assert_eq!(closed(true), (vec![], false), "nothing was taken");
        meters.begin(&bob(), &pulse).sent(1);
        assert_eq!(closed(true), (vec![1], false), "a new taking");
        let upload = meters.read(DOOR, 9).remove(0);
        assert!(upload.bytes_sent == 8 && upload.from <= upload.until);
    }
}
