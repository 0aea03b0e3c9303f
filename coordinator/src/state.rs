//! What every request and session has at hand.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::task::TaskTracker;

use crate::auth::Auth;
use crate::config::Config;
use crate::hub::Hub;
use crate::store::Store;
use landline_net::Clock;

/// The parts of a running coordinator, shared by its tasks.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) auth: Auth,
    pub(crate) hub: Hub,
    /// Owns the sessions' tasks.
    pub(crate) sessions: TaskTracker,
    /// Whether anybody has an account: until then the first invite stands.
    pub(crate) settled: AtomicBool,
}

impl App {
    /// Notes that there is an account.
    pub(crate) fn settle(&self) {
        self.settled.store(true, Ordering::Relaxed);
    }

    /// Whether there is an account.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Relaxed)
    }
}
