//! What is being sent to whom: counters that the serving side raises and the engine reads.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use landline_protocol::{DeviceId, ShareId, UserName};
use tokio::sync::watch;

use crate::lock;

/// Who is asking, proven before: the credential and the device certificate agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The person.
    pub user: UserName,
    /// The machine.
    pub device: DeviceId,
}

/// One device fetching one share, since the share was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// What.
    pub share: ShareId,
    /// Who.
    pub user: UserName,
    /// With which of their devices.
    pub device: DeviceId,
    /// Bytes of the whole file.
    pub size: u64,
    /// Bytes of content handed to the network for this device, repeats included.
    pub bytes_sent: u64,
    /// Whether a response is under way at this moment. Between two requests of one download it is
    /// not, for as long as a request takes to arrive.
    pub active: bool,
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

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The counters of one device at one share.
struct Meter {
    asker: Asker,
    sent: AtomicU64,
    live: AtomicUsize,
    /// Grows when what is under way must stop.
    stops: AtomicUsize,
}

/// The counters of one share.
#[derive(Default)]
pub(crate) struct Meters(Mutex<Vec<Arc<Meter>>>);

impl Meters {
    /// Counts one response until the guard is dropped.
    pub(crate) fn begin(&self, asker: &Asker, pulse: &Arc<Pulse>) -> Sending {
        let meter = self.of(asker);
        meter.live.fetch_add(1, Ordering::Relaxed);
        pulse.now();
        let stops = meter.stops.load(Ordering::Relaxed);
        Sending { meter, stops, pulse: Arc::clone(pulse) }
    }

    /// The counters as they stand.
    pub(crate) fn read(&self, share: ShareId, size: u64) -> Vec<Upload> {
        let read = |meter: &Arc<Meter>| Upload {
            share,
            user: meter.asker.user.clone(),
            device: meter.asker.device,
            size,
            bytes_sent: meter.sent.load(Ordering::Relaxed),
            active: meter.live.load(Ordering::Relaxed) > 0,
        };
        lock(&self.0).iter().map(read).collect()
    }

    /// Ends what is under way to a device.
    pub(crate) fn stop(&self, device: &DeviceId) {
        for meter in lock(&self.0).iter().filter(|meter| meter.asker.device == *device) {
            meter.stops.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn of(&self, asker: &Asker) -> Arc<Meter> {
        let mut meters = lock(&self.0);
        if let Some(meter) = meters.iter().find(|meter| meter.asker == *asker) {
            return Arc::clone(meter);
        }
        let meter = Arc::new(Meter {
            asker: asker.clone(),
            sent: AtomicU64::new(0),
            live: AtomicUsize::new(0),
            stops: AtomicUsize::new(0),
        });
        meters.push(Arc::clone(&meter));
        meter
    }
}

/// One response under way.
pub(crate) struct Sending {
    meter: Arc<Meter>,
    stops: usize,
    pulse: Arc<Pulse>,
}

impl Sending {
    /// Whether the device may not have the rest.
    pub(crate) fn is_stopped(&self) -> bool {
        self.meter.stops.load(Ordering::Relaxed) != self.stops
    }

    pub(crate) fn sent(&self, bytes: u64) {
        self.meter.sent.fetch_add(bytes, Ordering::Relaxed);
        self.pulse.soon();
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.meter.live.fetch_sub(1, Ordering::Relaxed);
        self.pulse.now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_is_coalesced_and_the_end_is_always_told() {
        let (pulse, meters) = (Arc::new(Pulse::new()), Meters::default());
        let asker = Asker { user: "bob".parse().unwrap(), device: DeviceId::from_bytes([1; 32]) };
        let mut watch = pulse.watch();
        let one = meters.begin(&asker, &pulse);
        let two = meters.begin(&asker, &pulse);
        watch.mark_unchanged();
        let before = *watch.borrow();
        for _ in 0..10_000 {
            one.sent(3);
        }
        assert!(*watch.borrow() - before < 50, "ten thousand counts, few beats");
        drop(one);
        let read = meters.read(ShareId::from_bytes([2; 16]), 9);
        assert_eq!((read.len(), read[0].bytes_sent, read[0].active), (1, 30_000, true));
        watch.mark_unchanged();
        drop(two);
        assert!(watch.has_changed().unwrap());
        assert!(!meters.read(ShareId::from_bytes([2; 16]), 9)[0].active);
    }
}
