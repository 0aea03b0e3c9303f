//! How many connections there may be, in all and from one host.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::addresses::host_of;

/// Gives out places until they are taken. A place goes with its connection, upgraded or not.
#[derive(Clone)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    total: u32,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
    per_address: usize,
}

/// One connection's right to be there; given back when dropped.
pub(crate) struct Place {
    address: IpAddr,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(total: usize, per_address: usize) -> Self {
        let total = u32::try_from(total).unwrap_or(u32::MAX).min(1 << 28);
        Self { all: Arc::new(Semaphore::new(total as usize)), total, by_address: Arc::default(), per_address }
    }

    /// A place for this address, unless it or everybody together has too many.
    pub(crate) fn take(&self, address: IpAddr) -> Option<Place> {
        let address = host_of(address);
        let permit = self.all.clone().try_acquire_owned().ok()?;
        let mut counts = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Place { address, by_address: self.by_address.clone(), _permit: permit })
    }

    /// Waits until every place has been given back.
    pub(crate) async fn all_free(&self) {
        // An error would mean that the semaphore was closed, which nobody does.
        let _ = self.all.acquire_many(self.total).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_cannot_take_a_place_with_each_of_its_addresses() {
        let places = Places::new(10, 2);
        let take = |text: &str| places.take(text.parse().unwrap());
        let held = [take("2001:db8::1"), take("2001:db8::2")];
        assert!(held.iter().all(Option::is_some));
        assert!(take("2001:db8::ffff:3").is_none(), "the same /64");
        assert!(take("2001:db8:0:1::1").is_some(), "another one");
        let mapped = [take("::ffff:192.0.2.1"), take("192.0.2.1")];
        assert!(mapped.iter().all(Option::is_some));
        assert!(take("192.0.2.1").is_none());
        assert!(take("192.0.2.2").is_some());
        drop(held);
        assert!(take("2001:db8::3").is_some());
    }
}
