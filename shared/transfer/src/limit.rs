//! Limits on how fast bytes go: a bucket for everyone together and one for each person, that can
//! change while bytes flow.

use std::collections::HashMap;

use landline_protocol::UserName;

/// Limits in one direction. Clones are handles of the same limits.
#[derive(Clone, Debug, Default)]
pub struct Rates {}

/// The limits of one direction that concern one person's bytes.
#[derive(Clone, Debug, Default)]
pub struct Throttle {}

impl Rates {
    /// No limit.
    pub fn new() -> Self {
        todo!()
    }

    /// Limits in bytes a second from now on, transfers under way included. `None` is no limit.
    pub fn set(&self, _all: Option<u64>, _people: HashMap<UserName, u64>) {
        todo!()
    }

    /// What holds for this person's bytes, now and after every later change.
    pub fn of(&self, _user: &UserName) -> Throttle {
        todo!()
    }
}

impl Throttle {
    /// Waits until so many bytes may go. Dropped while waiting, it has taken nothing.
    pub async fn take(&self, _bytes: usize) {
        todo!()
    }

    /// Whether any limit is set now: without one, large reads are best.
    pub fn is_limited(&self) -> bool {
        todo!()
    }
}
