//! One limit, as a pure thing: bytes stand in line, and the line moves at the rate.
//!
//! Every byte reserved has a place, counted from the beginning of time; the bucket lets places up to
//! a mark go, and the mark moves at the rate. So the order of asking is kept, no moment between two
//! looks is lost, and a change of the rate moves everyone who waits.

use std::time::Duration;

/// How much may be saved up while nothing goes: so long at the rate.
const SAVED: f64 = 0.05;
/// The longest wait that is told at once; whoever waits longer looks again.
const LONGEST: f64 = 3_600.0;

/// A limit in bytes a second.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    rate: u64,
    /// How many bytes were let go or may go, since the beginning.
    mark: f64,
    /// How many have asked.
    asked: f64,
    /// When the mark was moved last.
    at: Duration,
    /// Tells places of this bucket from those of one that was there before.
    born: Duration,
}

/// A place in line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    before: f64,
    born: Duration,
}

impl Bucket {
    fn new(rate: u64, now: Duration) -> Self {
        Self { rate, mark: 0.0, asked: 0.0, at: now, born: now }
    }

    /// The same line at another rate.
    pub(super) fn changed(old: Option<Self>, rate: Option<u64>, now: Duration) -> Option<Self> {
        let rate = rate?.max(1);
        Some(match old {
            Some(mut bucket) => {
                bucket.advance(now);
                bucket.rate = rate;
                bucket
            }
            None => Self::new(rate, now),
        })
    }

    pub(super) fn rate(&self) -> u64 {
        self.rate
    }

    /// A place for so many bytes, behind all who asked before.
    pub(super) fn reserve(&mut self, bytes: u64, now: Duration) -> Place {
        self.advance(now);
        let place = Place { before: self.asked, born: self.born };
        self.asked += bytes as f64;
        place
    }

    /// How long until a place may go; `None` when it may. The bytes of a place may all go once those
    /// before it have: whoever follows waits for them.
    pub(super) fn left(&mut self, place: Place, now: Duration) -> Option<Duration> {
        self.advance(now);
        let ahead = place.before - self.mark;
        if ahead <= 0.0 || place.born != self.born {
            return None;
        }
        // Never zero: a wait that ends at once would spin.
        let wait = (ahead / self.rate as f64).clamp(0.000_1, LONGEST);
        Some(Duration::from_secs_f64(wait))
    }

    /// Gives a place up: whoever is behind it moves forward.
    pub(super) fn refund(&mut self, place: Place, bytes: u64) {
        if place.born == self.born {
            self.mark += bytes as f64;
        }
    }

    fn advance(&mut self, now: Duration) {
        let rate = self.rate as f64;
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.mark = (self.mark + rate * passed).min(self.asked + rate * SAVED);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn little_is_saved_up_and_the_order_is_kept() {
        let mut bucket = Bucket::new(1_000, at(0.0));
        let first = bucket.reserve(500, at(100.0));
        let second = bucket.reserve(500, at(100.0));
        let third = bucket.reserve(500, at(100.0));
        assert_eq!(bucket.left(first, at(100.0)), None);
        assert_eq!(bucket.left(second, at(100.0)), Some(at(0.45)), "50 ms were saved up");
        assert_eq!(bucket.left(third, at(100.0)), Some(at(0.95)));
        assert_eq!(bucket.left(second, at(100.5)), None);
        bucket.refund(second, 500);
        assert_eq!(bucket.left(third, at(100.5)), None, "moved forward");
    }

    #[test]
    fn a_change_moves_everyone_who_waits() {
        let mut bucket = Bucket::new(1_000, at(0.0));
        bucket.reserve(10_000, at(0.0));
        let waiting = bucket.reserve(1, at(0.0));
        assert_eq!(bucket.left(waiting, at(1.0)), Some(at(9.0)));
        let mut bucket = Bucket::changed(Some(bucket), Some(9_000), at(1.0)).unwrap();
        assert_eq!(bucket.left(waiting, at(1.0)), Some(at(1.0)));
        assert!(Bucket::changed(Some(bucket), None, at(1.0)).is_none());
        let mut anew = Bucket::new(1, at(2.0));
        anew.reserve(1_000_000, at(2.0));
        assert_eq!(anew.left(waiting, at(2.0)), None, "a place in a line that is no more");
    }

    proptest! {
        /// Whoever asks, in whatever steps, and looks late by up to 3 ms: the rate holds.
        #[test]
        fn the_rate_holds(
            rate in 10_000u64..1_000_000_000,
            steps in prop::collection::vec((1u64..100, 0.0..0.003f64), 50..200),
        ) {
            let mut bucket = Bucket::new(rate, at(0.0));
            let (mut now, mut sent, mut last) = (at(0.0), 0u64, 0);
            for (part, late) in steps {
                // Steps of up to a fortieth of a second, as frames are.
                let bytes = (rate / 40 * part / 100).max(1);
                let place = bucket.reserve(bytes, now);
                while let Some(wait) = bucket.left(place, now) {
                    now += wait + at(late);
                }
                sent += bytes;
                last = bytes;
            }
            let expected = rate as f64 * now.as_secs_f64();
            let slack = rate as f64 * (SAVED + 0.004) + last as f64;
            prop_assert!((sent as f64 - expected).abs() <= slack, "{sent} {expected} {slack}");
        }
    }
}
