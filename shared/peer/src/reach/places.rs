//! How many connections are held open for those who asked to be dialled: so many in all, and so few for
//! one device that none keeps the others out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use landline_protocol::DeviceId;

/// In all, at one time.
const ALL: usize = 64;
/// For one device: as many as downloads of one person are likely to need at once.
const EACH: usize = 8;

/// The places, taken and free.
#[derive(Default)]
pub(super) struct Places(Mutex<HashMap<DeviceId, usize>>);

/// One connection's place; free again when dropped.
pub(super) struct Place {
    places: Arc<Places>,
    device: DeviceId,
}

impl Places {
    /// A place for one more connection to a device, if there is one.
    pub(super) fn take(places: &Arc<Self>, device: DeviceId) -> Option<Place> {
        let mut taken = places.lock();
        let its_own = taken.get(&device).copied().unwrap_or(0);
        if its_own >= EACH || taken.values().sum::<usize>() >= ALL {
            return None;
        }
        taken.insert(device, its_own + 1);
        drop(taken);
        Some(Place { places: Arc::clone(places), device })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DeviceId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        if let Some(its_own) = taken.get_mut(&self.device) {
            *its_own -= 1;
        }
        taken.retain(|_, its_own| *its_own > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_device_leaves_room_for_others() {
        let (places, device) = (Arc::new(Places::default()), |n| DeviceId::from_bytes([n; 32]));
        let mut held: Vec<_> = (0..EACH).map(|_| Places::take(&places, device(1)).unwrap()).collect();
        assert!(Places::take(&places, device(1)).is_none());
        assert!(Places::take(&places, device(2)).is_some());
        held.pop();
        held.push(Places::take(&places, device(1)).unwrap());
        for n in 2..=u8::try_from(ALL / EACH).unwrap() {
            held.extend((0..EACH).map(|_| Places::take(&places, device(n)).unwrap()));
        }
        assert!(Places::take(&places, device(200)).is_none(), "all are taken");
        held.clear();
        assert!(places.lock().is_empty());
    }
}
