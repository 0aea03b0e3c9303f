//! How often something may happen with one device.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use landline_protocol::{DeviceId, limits};

const MINUTE: Duration = Duration::from_mins(1);
/// Devices that are counted at one time; with more, the rest has to wait.
const DEVICES: usize = 4_096;

/// Counts, per device, what happened within the last minute, up to
/// [`limits::DIAL_BACKS_PER_MINUTE`].
#[derive(Default)]
pub(super) struct PerMinute(Mutex<HashMap<DeviceId, Vec<Instant>>>);

impl PerMinute {
    /// Whether it may happen once more now; if so it is counted.
    pub(super) fn allows(&self, device: DeviceId, now: Instant) -> bool {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |at: &Instant| now.saturating_duration_since(*at) < MINUTE;
        counted.retain(|_, times| times.iter().any(recent));
        if counted.len() >= DEVICES && !counted.contains_key(&device) {
            return false;
        }
        let times = counted.entry(device).or_default();
        times.retain(recent);
        let allowed = times.len() < limits::DIAL_BACKS_PER_MINUTE as usize;
        if allowed {
            times.push(now);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_so_many_in_any_minute_and_others_have_theirs() {
        let (rate, start) = (PerMinute::default(), Instant::now());
        let (bob, eve) = (DeviceId::from_bytes([1; 32]), DeviceId::from_bytes([2; 32]));
        let at = |secs| start + Duration::from_secs(secs);
        for n in 0..u64::from(limits::DIAL_BACKS_PER_MINUTE) {
            assert!(rate.allows(bob, at(n * 10)), "{n}");
        }
        assert!(!rate.allows(bob, at(59)));
        assert!(rate.allows(eve, at(59)));
        assert!(rate.allows(bob, at(60)), "the first one is a minute ago");
        assert!(!rate.allows(bob, at(60)), "and only that");
    }
}
