//! Connections that were dialled back and are not needed at the moment. A device can be asked for only
//! a few in a minute, and a download may need one after the other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use landline_net::HttpConnection;
use landline_protocol::DeviceId;

/// How long one is kept; the other side ends one that has been idle for ten seconds.
const KEPT_FOR: Duration = Duration::from_secs(4);
/// How many are kept at one time.
const MOST: usize = 64;

/// What is kept. Clones are handles of one.
#[derive(Clone, Default)]
pub(super) struct Idle(Arc<Mutex<Vec<Kept>>>);

struct Kept {
    since: Instant,
    connection: HttpConnection,
}

impl Idle {
    /// Lets somebody use a connection, which comes back if it is still good then.
    pub(super) fn lend(&self, connection: HttpConnection) -> HttpConnection {
        let idle = self.clone();
        connection.kept_by(Box::new(move |connection| idle.keep(connection)))
    }

    /// A connection to this device, lent.
    pub(super) fn take(&self, device: DeviceId) -> Option<HttpConnection> {
        let mut kept = self.fresh();
        let newest = kept.iter().rposition(|kept| kept.connection.device() == device)?;
        let taken = kept.swap_remove(newest);
        drop(kept);
        Some(self.lend(taken.connection))
    }

    /// Ends all of them.
    pub(super) fn clear(&self) {
        self.fresh().clear();
    }

    fn keep(&self, connection: HttpConnection) {
        let mut kept = self.fresh();
        if kept.len() < MOST {
            kept.push(Kept { since: Instant::now(), connection });
        }
    }

    /// Those that are still good.
    fn fresh(&self) -> MutexGuard<'_, Vec<Kept>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| kept.since.elapsed() < KEPT_FOR && !kept.connection.is_closed());
        kept
    }
}
