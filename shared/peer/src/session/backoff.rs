//! How long to wait before dialling again: doubling, with jitter, so that many peers of one
//! coordinator do not come back all at once.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// The waits of one line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The line was up: the next wait is short again.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// The next wait. `random` decides where between half and the whole of the ceiling it falls.
    pub(crate) fn next(&mut self, random: u8) -> Duration {
        let ceiling = FIRST.saturating_mul(1 << self.attempts.min(8)).min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        jittered(ceiling, random)
    }
}

/// Between half and the whole of a wait.
pub(crate) fn jittered(wait: Duration, random: u8) -> Duration {
    wait / 2 + (wait / 2) * u32::from(random) / u32::from(u8::MAX)
}

/// One random byte; 128 where the system gives none, for a wait needs no more.
pub(crate) fn random_byte() -> u8 {
    let mut byte = [128];
    let _ = getrandom::fill(&mut byte);
    byte[0]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn waits_grow_and_stay_bounded(random in prop::collection::vec(any::<u8>(), 1..40)) {
            let mut backoff = Backoff::default();
            for (attempt, byte) in random.into_iter().enumerate() {
                let wait = backoff.next(byte);
                let ceiling = FIRST.saturating_mul(1 << attempt.min(8)).min(LONGEST);
                prop_assert!(wait >= ceiling / 2 && wait <= ceiling);
            }
            backoff.reset();
            prop_assert!(backoff.next(255) <= FIRST);
        }
    }
}
