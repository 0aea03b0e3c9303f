//! How many there may be at once: so many in all, and so few of one that it does not keep the others out.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Gives out places until they are taken, to hosts, devices or whatever else has a key.
#[derive(Clone, Debug)]
pub struct Places<K> {
    all: Arc<Semaphore>,
    total: u32,
    taken: Arc<Mutex<HashMap<K, usize>>>,
    each: usize,
}

/// The right to be there; given back when dropped.
#[derive(Debug)]
pub struct Place<K: Copy + Eq + Hash> {
    of: K,
    taken: Arc<Mutex<HashMap<K, usize>>>,
    _permit: OwnedSemaphorePermit,
}

impl<K: Copy + Eq + Hash> Places<K> {
    /// So many in all, and of one.
    pub fn new(total: usize, each: usize) -> Self {
        let total = u32::try_from(total).unwrap_or(u32::MAX).min(1 << 28);
        Self { all: Arc::new(Semaphore::new(total as usize)), total, taken: Arc::default(), each }
    }

    /// A place for this one, unless it or everybody together has too many.
    pub fn take(&self, of: K) -> Option<Place<K>> {
        let permit = self.all.clone().try_acquire_owned().ok()?;
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let its_own = taken.get(&of).copied().unwrap_or(0);
        if its_own >= self.each {
            return None;
        }
        taken.insert(of, its_own + 1);
        drop(taken);
        Some(Place { of, taken: self.taken.clone(), _permit: permit })
    }

    /// Waits until every place has been given back.
    pub async fn all_free(&self) {
        // An error would mean that the semaphore was closed, which nobody does.
        let _ = self.all.acquire_many(self.total).await;
    }
}

impl<K: Copy + Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(its_own) = taken.get_mut(&self.of) {
            *its_own -= 1;
            if *its_own == 0 {
                taken.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_leaves_room_for_others() {
        let places = Places::new(5, 2);
        let mut held: Vec<_> = [1, 1, 2].map(|of| places.take(of).unwrap()).into();
        assert!(places.take(1).is_none(), "it has its two");
        held.remove(0);
        held.extend([1, 2, 3].map(|of| places.take(of).unwrap()));
        assert!(places.take(4).is_none(), "all are taken");
        held.clear();
        assert!(places.take(4).is_some() && places.taken.lock().unwrap().is_empty());
    }
}
