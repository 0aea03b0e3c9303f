//! What every request and session has at hand.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::task::TaskTracker;

use crate::auth::{Auth, Ended};
use crate::config::Config;
use crate::hub::Hub;
use crate::store::Store;
use crate::store::revocations::Revocations;
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

    /// A family is over: closes its sockets and tells everybody what is void.
    pub(crate) fn end(&self, ended: Ended) {
        self.hub.end_session(&ended.family);
        self.publish(ended.revocations);
    }

    /// Tells everybody a list of revocations, unless a later one was told.
    pub(crate) fn publish(&self, list: Revocations) {
        let version = list.version;
        self.hub.set_revocations(version, self.auth.sign_revocations(list));
    }

    /// Whether there is an account.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Relaxed)
    }
}
