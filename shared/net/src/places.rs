//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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
        let address = address.to_canonical();
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
