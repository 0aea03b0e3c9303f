//! Connections that devices were asked to make: which device with which nonce, for how long, and who
//! waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use landline_net::HttpConnection;
use landline_protocol::{DeviceId, DialNonce};
use tokio::sync::oneshot;

/// How long a nonce is good.
const GOOD_FOR: Duration = Duration::from_secs(15);
/// How many may be waited for at one time.
const MOST: usize = 256;

/// What is waited for. Clones are handles of one.
#[derive(Clone, Default)]
pub(super) struct Expected(Arc<Mutex<HashMap<DialNonce, Waiting>>>);

struct Waiting {
    device: DeviceId,
    until: Instant,
    give: oneshot::Sender<HttpConnection>,
}

/// The right to one connection; dropping it gives it up.
pub(super) struct Ticket {
    pub(super) nonce: DialNonce,
    arrival: oneshot::Receiver<HttpConnection>,
    expected: Expected,
}

impl Expected {
    /// Waits for a connection of this device, with a nonce that nobody can guess. `None` when too many
    /// are waited for, or the system has no randomness.
    pub(super) fn ticket(&self, device: DeviceId) -> Option<Ticket> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).ok()?;
        let nonce = DialNonce::from_bytes(random);
        let (give, arrival) = oneshot::channel();
        let mut table = self.table();
        if table.len() >= MOST {
            return None;
        }
        table.insert(nonce, Waiting { device, until: Instant::now() + GOOD_FOR, give });
        drop(table);
        Some(Ticket { nonce, arrival, expected: self.clone() })
    }

    /// Who waits for a connection of exactly this device with this nonce. It is good once; shown by
    /// another device it stays good for the right one.
    pub(super) fn take(
        &self,
        nonce: &DialNonce,
        device: DeviceId,
    ) -> Option<oneshot::Sender<HttpConnection>> {
        let mut table = self.table();
        let waiting = table.get(nonce)?;
        if waiting.device != device || waiting.until <= Instant::now() {
            return None;
        }
        table.remove(nonce).map(|waiting| waiting.give)
    }

    fn table(&self) -> MutexGuard<'_, HashMap<DialNonce, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// The connection; `None` if it broke as it began.
    pub(super) async fn arrival(&mut self) -> Option<HttpConnection> {
        (&mut self.arrival).await.ok()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.expected.table().remove(&self.nonce);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOB: DeviceId = DeviceId::from_bytes([1; 32]);
    const EVE: DeviceId = DeviceId::from_bytes([2; 32]);

    #[test]
    fn a_nonce_is_good_once_for_one_device_while_somebody_waits() {
        let expected = Expected::default();
        let ticket = expected.ticket(BOB).unwrap();
        assert!(expected.take(&ticket.nonce, EVE).is_none(), "another device");
        assert!(expected.take(&DialNonce::from_bytes([0; 16]), BOB).is_none());
        assert!(expected.take(&ticket.nonce, BOB).is_some());
        assert!(expected.take(&ticket.nonce, BOB).is_none(), "a second time");
        let given_up = expected.ticket(BOB).unwrap();
        let nonce = given_up.nonce;
        drop(given_up);
        assert!(expected.take(&nonce, BOB).is_none(), "nobody waits");
    }

    #[test]
    fn a_nonce_expires_and_only_so_many_are_waited_for() {
        let expected = Expected::default();
        let tickets: Vec<_> = (0..MOST).map(|_| expected.ticket(BOB).unwrap()).collect();
        assert!(expected.ticket(BOB).is_none());
        if let Some(waiting) = expected.table().get_mut(&tickets[0].nonce) {
            waiting.until = Instant::now();
        }
        assert!(expected.take(&tickets[0].nonce, BOB).is_none(), "too late");
        drop(tickets);
        assert!(expected.ticket(BOB).is_some());
    }
}
