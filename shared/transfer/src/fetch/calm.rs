//! Being woken less often by a large answer: only once enough has come for the rate at which it comes.

use std::sync::Arc;
use std::time::Duration;

use landline_net::Wakes;

use super::pace::Pace;

/// What comes in this time is worth a wake. A picture of the progress is drawn five times as rarely.
const REST: Duration = Duration::from_millis(20);
/// Fewer bytes than this are not waited for: a TLS record has up to 16 KiB.
const LEAST: u64 = 32 * 1024;
/// More are not waited for: they should be found in the processor's cache still.
const MOST: u64 = 256 * 1024;
/// Where these come in less, the machine is the limit and has no rest to gain: whoever reads had better
/// run beside whoever brings.
const SHORTEST: Duration = Duration::from_millis(1);
/// What may have been read of the answer and waits for the rest of its TLS record.
const UNREADABLE: u64 = 32 * 1024;

/// Of one answer. Whoever reads after it is woken by anything.
pub(super) struct Calm {
    wakes: Arc<Wakes>,
    bytes: u64,
}

impl Calm {
    /// For an answer over a connection of this pace; `None` when it does not pay.
    pub(super) fn at(pace: Pace, wakes: Option<Arc<Wakes>>) -> Option<Self> {
        Some(Self { bytes: worth_a_wake(pace)?, wakes: wakes? })
    }

    /// So many bytes are still to come. Less than that is never waited for.
    pub(super) fn left(&self, bytes: u64) {
        self.wakes.after(awaited(self.bytes, bytes));
    }
}

impl Drop for Calm {
    fn drop(&mut self) {
        self.wakes.after(1);
    }
}

/// How many bytes at this pace; `None` where waiting for them does not pay.
fn worth_a_wake(pace: Pace) -> Option<u64> {
    let bytes = pace.bytes_in(REST).min(MOST);
    (bytes >= LEAST && pace.bytes_in(SHORTEST) < MOST).then_some(bytes)
}

/// How many to wait for when so many are worth a wake and so many are left.
fn awaited(worth: u64, left: u64) -> usize {
    if left < worth + UNREADABLE { 1 } else { usize::try_from(worth).unwrap_or(1) }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// Of so many bytes a second.
    async fn pace(bytes: u64) -> Pace {
        let (mut pace, began) = (Pace::default(), Instant::now());
        tokio::time::advance(Duration::from_secs(1)).await;
        pace.measured(bytes, began);
        pace
    }

    #[tokio::test(start_paused = true)]
    async fn only_between_a_trickle_and_the_machines_own_speed_is_more_waited_for() {
        assert_eq!(worth_a_wake(Pace::default()), None, "nobody knows how fast it is");
        assert_eq!(worth_a_wake(pace(1_000_000).await), None);
        assert_eq!(worth_a_wake(pace(3_000_000).await), Some(60_000));
        assert_eq!(worth_a_wake(pace(100_000_000).await), Some(MOST));
        assert_eq!(worth_a_wake(pace(1_000_000_000).await), None);
    }

    #[test]
    fn what_may_not_come_is_never_waited_for() {
        assert_eq!(awaited(60_000, 60_000 + UNREADABLE), 60_000);
        for left in [60_000 + UNREADABLE - 1, 60_000, 1, 0] {
            assert_eq!(awaited(60_000, left), 1, "{left} bytes are left");
        }
    }
}
