//! How fast a connection is, and how long to leave a source alone that did not answer.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use landline_protocol::limits::PIECE_BYTES;
use tokio::time::Instant;

/// What one request is to take.
const REQUEST: Duration = Duration::from_secs(1);
/// The most one request asks for.
const MOST: u64 = 64 * PIECE_BYTES;
/// The first pause, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The rate of one connection. A new one is tried with one piece.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    bytes_a_second: u64,
}

impl Pace {
    /// How much to ask for at once.
    pub(super) fn most_bytes(self) -> u64 {
        self.bytes_in(REQUEST).clamp(PIECE_BYTES, MOST)
    }

    /// How much comes in a while; nothing as long as nothing was measured.
    pub(super) fn bytes_in(self, time: Duration) -> u64 {
        let bytes = u128::from(self.bytes_a_second) * time.as_millis() / 1000;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// So much came since then. Half of the estimate is what was before.
    pub(super) fn measured(&mut self, bytes: u64, since: Instant) {
        let micros = since.elapsed().as_micros().max(1);
        let now = u64::try_from(u128::from(bytes) * 1_000_000 / micros).unwrap_or(u64::MAX);
        self.bytes_a_second =
            if self.bytes_a_second == 0 { now } else { (self.bytes_a_second / 2).saturating_add(now / 2) };
    }
}

/// Pauses that grow while nothing good comes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Something good came.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The next pause, between half of what is due and all of it, so that many do not come at once.
    pub(super) fn next(&mut self) -> Duration {
        let due = FIRST_PAUSE.saturating_mul(1 << self.failures.min(8)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        due / 2 + jitter(due / 2)
    }
}

/// Any time below `most`.
pub(super) fn jitter(most: Duration) -> Duration {
    let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX).max(1);
    Duration::from_nanos(random() % nanos)
}

/// A number nobody can foresee, good enough to break ties.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_takes_about_a_second() {
        let mut pace = Pace::default();
        assert_eq!(pace.most_bytes(), PIECE_BYTES);
        let began = Instant::now();
        tokio::time::advance(Duration::from_millis(100)).await;
        pace.measured(PIECE_BYTES, began);
        assert_eq!(pace.most_bytes(), 10 * PIECE_BYTES);
        for _ in 0..20 {
            pace.measured(1 << 40, began);
        }
        assert_eq!(pace.most_bytes(), MOST);
        for _ in 0..40 {
            pace.measured(10, began);
        }
        assert_eq!(pace.most_bytes(), PIECE_BYTES);
    }

    #[test]
    fn pauses_grow_to_half_a_minute_and_never_vanish() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..20).map(|_| backoff.next()).collect();
        assert!(pauses.iter().all(|pause| *pause >= FIRST_PAUSE / 2 && *pause <= LONGEST_PAUSE));
        assert!(pauses[0] <= FIRST_PAUSE && pauses[19] >= LONGEST_PAUSE / 2);
        backoff.reset();
        assert!(backoff.next() <= FIRST_PAUSE);
    }
}
