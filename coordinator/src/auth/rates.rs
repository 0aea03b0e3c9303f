//! How often one may knock: a bucket of attempts for each address and each account.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use landline_net::addresses::host_of;
use landline_protocol::{DeviceId, ErrorCode, Timestamp, WireError};

use crate::config::Limits;

/// One more attempt from an address after so many milliseconds.
const ADDRESS_MILLIS: u64 = 200;
/// One more attempt at an account after so many milliseconds.
const ACCOUNT_MILLIS: u64 = 5_000;

/// Refresh tokens that a device may show at once: far more than it ever has reason to.
const REFRESHES: u32 = 60;
/// One more after so many milliseconds.
const REFRESH_MILLIS: u64 = 1_000;

/// The buckets of sign-in, sign-up and refresh.
pub(crate) struct Rates {
    addresses: Buckets<IpAddr>,
    /// By folded name, and by whether the device has signed in to it before: strangers who guess
    /// cannot lock the owner out.
    accounts: Buckets<(String, bool)>,
    refreshes: Buckets<DeviceId>,
}

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            addresses: Buckets::new(limits.sign_ins_per_address, ADDRESS_MILLIS),
            accounts: Buckets::new(limits.sign_ins_per_account, ACCOUNT_MILLIS),
            refreshes: Buckets::new(REFRESHES, REFRESH_MILLIS),
        }
    }

    /// Counts an attempt from a host.
    pub(crate) fn address(&self, address: IpAddr, now: Timestamp) -> Result<(), WireError> {
        self.addresses.take(host_of(address), now).map_err(too_many)
    }

    /// Counts a refresh token shown by a device.
    pub(crate) fn refresh(&self, device: DeviceId, now: Timestamp) -> Result<(), WireError> {
        self.refreshes.take(device, now).map_err(too_many)
    }

    /// Counts an attempt at an account, whether or not there is one of that name.
    pub(crate) fn account(
        &self,
        folded: String,
        known_device: bool,
        now: Timestamp,
    ) -> Result<(), WireError> {
        self.accounts.take((folded, known_device), now).map_err(too_many)
    }
}

fn too_many(wait_millis: u64) -> WireError {
    let seconds = wait_millis.div_ceil(1000);
    WireError::new(
        ErrorCode::TooManyRequests,
        format!("there were too many attempts: wait {seconds} s and try again"),
    )
    .retry_after_ms(wait_millis)
}

/// Token buckets by key (the generic cell rate algorithm): each remembers only the moment at
/// which it will be full again.
pub(crate) struct Buckets<K> {
    burst: u64,
    interval: u64,
    full_at: Mutex<Swept<K>>,
}

struct Swept<K> {
    full_at: HashMap<K, u64>,
    /// Buckets that are full again are dropped when there are this many.
    sweep_at: usize,
}

/// Fewer buckets than this are not worth sweeping.
const SWEEP_MIN: usize = 1_024;

impl<K: Eq + Hash> Buckets<K> {
    /// `burst` at once, then one each `interval` milliseconds.
    pub(crate) fn new(burst: u32, interval: u64) -> Self {
        let swept = Swept { full_at: HashMap::new(), sweep_at: SWEEP_MIN };
        Self { burst: u64::from(burst.max(1)), interval, full_at: Mutex::new(swept) }
    }

    /// Takes one, or says how many milliseconds to wait for it.
    pub(crate) fn take(&self, key: K, now: Timestamp) -> Result<(), u64> {
        let now = now.as_millis();
        let mut state = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        state.sweep(now);
        let full_at = state.full_at.get(&key).copied().unwrap_or(0).max(now) + self.interval;
        let allowed = now + self.burst * self.interval;
        if full_at > allowed {
            return Err(full_at - allowed);
        }
        state.full_at.insert(key, full_at);
        Ok(())
    }
}

impl<K: Eq + Hash> Swept<K> {
    fn sweep(&mut self, now: u64) {
        if self.full_at.len() >= self.sweep_at {
            self.full_at.retain(|_, full_at| *full_at > now);
            self.sweep_at = (self.full_at.len() * 2).max(SWEEP_MIN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_at_its_pace() {
        let buckets = Buckets::new(3, 100);
        let at = Timestamp::from_millis;
        for _ in 0..3 {
            assert_eq!(buckets.take("a", at(1_000)), Ok(()));
        }
        assert_eq!(buckets.take("a", at(1_000)), Err(100));
        assert_eq!(buckets.take("b", at(1_000)), Ok(()), "others are not concerned");
        assert_eq!(buckets.take("a", at(1_100)), Ok(()));
        assert_eq!(buckets.take("a", at(1_150)), Err(50));
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let buckets = Buckets::new(1, 10);
        for key in 0..5 * SWEEP_MIN as u64 {
            let _ = buckets.take(key, Timestamp::from_millis(key * 20));
        }
        assert!(buckets.full_at.lock().unwrap().full_at.len() <= SWEEP_MIN);
    }

    #[test]
    fn one_host_cannot_use_all_its_addresses() {
        let rates = Rates::new(&Limits { sign_ins_per_address: 1, ..Limits::default() });
        let at = Timestamp::from_millis(1);
        assert!(rates.address("2001:db8::1".parse().unwrap(), at).is_ok());
        assert!(rates.address("2001:db8::2".parse().unwrap(), at).is_err());
        assert!(rates.address("2001:db8:0:1::1".parse().unwrap(), at).is_ok());
    }
}
