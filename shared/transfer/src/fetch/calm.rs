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
        let bytes = pace.bytes_in(REST).min(MOST);
        let pays = bytes >= LEAST && pace.bytes_in(SHORTEST) < MOST;
        if pays { Some(Self { wakes: wakes?, bytes }) } else { None }
    }

    /// So many bytes are still to come. Less than that is never waited for.
    pub(super) fn left(&self, bytes: u64) {
        let enough = bytes >= self.bytes + UNREADABLE;
        self.wakes.after(if enough { usize::try_from(self.bytes).unwrap_or(1) } else { 1 });
    }
}

impl Drop for Calm {
    fn drop(&mut self) {
        self.wakes.after(1);
    }
}
