//! How fast each device takes bytes, and what sampling a content told: what compressing is decided by.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use landline_protocol::DeviceId;

use crate::lock;

/// Devices remembered at once.
const DEVICES: usize = 1_024;
/// How much a new measurement counts.
const WEIGHT: f64 = 0.3;
/// After this many poor samples in a row, one request in `2^DOUBLINGS` is sampled.
const DOUBLINGS: u32 = 6;
/// The most requests that go by unsampled.
#[cfg(test)]
const RARELY: u32 = 1 << DOUBLINGS;

/// The rates at which devices took bytes lately, in bytes a second.
#[derive(Default)]
pub(crate) struct Speeds(Mutex<HashMap<DeviceId, f64>>);

impl Speeds {
    /// A device took bytes at this rate.
    pub(crate) fn measured(&self, device: DeviceId, rate: f64) {
        let mut speeds = lock(&self.0);
        if speeds.len() >= DEVICES && !speeds.contains_key(&device) {
            // All of them are found out again soon.
            speeds.clear();
        }
        speeds.entry(device).and_modify(|known| *known += WEIGHT * (rate - *known)).or_insert(rate);
    }

    /// How fast a device takes bytes, as far as is known.
    pub(crate) fn of(&self, device: DeviceId) -> Option<f64> {
        lock(&self.0).get(&device).copied()
    }
}

/// What samples of one content told: poor ones are taken ever more rarely.
#[derive(Default)]
pub(crate) struct Verdict {
    /// Poor samples in a row.
    poor: AtomicU32,
    /// Requests to go by before the next sample.
    skip: AtomicU32,
}

impl Verdict {
    /// Whether to sample this time.
    pub(crate) fn is_due(&self) -> bool {
        let due = self.skip.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |skip| skip.checked_sub(1));
        due.is_err()
    }

    /// What the sample told.
    pub(crate) fn learn(&self, compresses: bool) {
        if compresses {
            self.poor.store(0, Ordering::Relaxed);
        } else {
            let poor = self.poor.fetch_add(1, Ordering::Relaxed).min(DOUBLINGS - 1) + 1;
            self.skip.store(1 << poor, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_compress_is_sampled_rarely() {
        let verdict = Verdict::default();
        let samples = |requests| {
            (0..requests)
                .filter(|_| {
                    verdict.is_due() && {
                        verdict.learn(false);
                        true
                    }
                })
                .count()
        };
        let first = samples(1_000);
        assert!(first < 25, "{first}");
        assert!(samples(RARELY + 1) == 1);
        while !verdict.is_due() {}
        verdict.learn(true);
        assert!(verdict.is_due() && verdict.is_due(), "what compresses is sampled each time");
    }

    #[test]
    fn speeds_follow_and_are_bounded() {
        let speeds = Speeds::default();
        let device = DeviceId::from_bytes([1; 32]);
        assert_eq!(speeds.of(device), None);
        speeds.measured(device, 100.0);
        for _ in 0..20 {
            speeds.measured(device, 1_000.0);
        }
        assert!(speeds.of(device).unwrap() > 990.0);
        for n in 0..5_000u32 {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&n.to_le_bytes());
            speeds.measured(DeviceId::from_bytes(id), 1.0);
        }
        assert!(lock(&speeds.0).len() <= DEVICES);
    }
}
