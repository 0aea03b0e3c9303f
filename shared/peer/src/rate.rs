//! How fast something moves, smoothed so that people can read it.

use std::time::{Duration, Instant};

/// How long a change of rate takes to show by two thirds.
const SMOOTHING: Duration = Duration::from_secs(2);

/// Follows a growing count of bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RateMeter {
    last: Option<(Instant, u64)>,
    rate: f64,
    primed: bool,
}

impl RateMeter {
    /// Takes a reading. Readings closer than 50 ms together are put off to the next.
    pub(crate) fn observe(&mut self, now: Instant, bytes: u64) {
        let Some((then, before)) = self.last else {
            self.last = Some((now, bytes));
            return;
        };
        let passed = now.saturating_duration_since(then);
        if passed < Duration::from_millis(50) {
            return;
        }
        let current = bytes.saturating_sub(before) as f64 / passed.as_secs_f64();
        let weight =
            if self.primed { 1.0 - (-passed.as_secs_f64() / SMOOTHING.as_secs_f64()).exp() } else { 1.0 };
        self.rate += (current - self.rate) * weight;
        self.primed = true;
        self.last = Some((now, bytes));
    }

    /// Bytes a second; absent until two readings were taken.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rates are positive and below 2^53"
    )]
    pub(crate) fn rate(&self) -> Option<u64> {
        self.primed.then_some(self.rate as u64)
    }

    /// How long `left` bytes take at this rate; absent while nothing moves.
    pub(crate) fn remaining(&self, left: u64) -> Option<Duration> {
        (self.primed && self.rate >= 1.0).then(|| Duration::from_secs_f64((left as f64 / self.rate).min(1e9)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_flow_shows_its_rate_and_what_is_left() {
        let start = Instant::now();
        let mut meter = RateMeter::default();
        for step in 0..50u32 {
            meter.observe(start + Duration::from_millis(100) * step, u64::from(step) * 1_000_000);
        }
        assert_eq!(meter.rate(), Some(10_000_000));
        assert_eq!(meter.remaining(50_000_000), Some(Duration::from_secs(5)));
    }

    #[test]
    fn a_stalled_flow_sinks_towards_nothing() {
        let start = Instant::now();
        let mut meter = RateMeter::default();
        meter.observe(start, 0);
        meter.observe(start + Duration::from_secs(1), 1_000_000);
        for step in 2..40u32 {
            meter.observe(start + Duration::from_secs(1) * step, 1_000_000);
        }
        assert!(meter.rate().unwrap() < 10, "{meter:?}");
        assert_eq!(meter.remaining(1).map_or(u64::MAX, |left| left.as_secs()), u64::MAX);
    }
}
