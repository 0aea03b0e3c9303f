//! Tokens whose signature was found good a moment ago. Devices show the same token with every request,
//! and checking a signature costs more than all else that is done for a small one.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::claims::Claims;

/// The most that are remembered, about half a kilobyte each.
const MOST: usize = 1_024;

/// What genuine tokens claim. Only the signature was checked: for whom, for what and until when a token
/// is good must be asked each time.
#[derive(Clone, Default)]
pub(crate) struct Genuine(Arc<Mutex<HashMap<Box<str>, Claims>>>);

impl Genuine {
    /// What a token claims that was found genuine before.
    pub(crate) fn claims(&self, token: &str) -> Option<Claims> {
        self.lock().get(token).cloned()
    }

    /// Remembers a token. Where there are too many, all others are forgotten: who still uses one has it
    /// checked once more.
    pub(crate) fn add(&self, token: &str, claims: &Claims) {
        let mut tokens = self.lock();
        if tokens.len() >= MOST {
            tokens.clear();
        }
        tokens.insert(token.into(), claims.clone());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Claims>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Genuine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Genuine({} tokens)", self.lock().len())
    }
}

#[cfg(test)]
mod tests {
    use landline_protocol::{DeviceId, Timestamp};

    use super::*;
    use crate::claims::{PEER, Statement};

    #[test]
    fn what_is_remembered_is_bounded() {
        let device = DeviceId::from_bytes([1; 32]);
        let user = "bob".parse().unwrap();
        let says = Statement { issuer: device, user: &user, device: &device, sid: None, offer: None };
        let claims = Claims::new(PEER, &says, Timestamp::from_millis(1)).unwrap();
        let genuine = Genuine::default();
        for number in 0..3 * MOST {
            let token = number.to_string();
            assert!(genuine.claims(&token).is_none());
            genuine.add(&token, &claims);
            assert!(genuine.claims(&token).is_some() && genuine.lock().len() <= MOST);
        }
    }
}
