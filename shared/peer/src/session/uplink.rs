//! The line to the coordinator while it is up, for those who say something there beside the engine.

use std::net::IpAddr;
use std::sync::Arc;

use landline_net::socket::SocketSender;
use tokio::sync::watch;

/// A line that is up.
#[derive(Clone)]
pub(crate) struct Uplink {
    /// What is sent here the coordinator gets.
    pub(crate) sender: SocketSender,
    /// Where the coordinator is.
    pub(crate) coordinator: IpAddr,
}

/// Where a session shows its line.
pub(crate) type UplinkShown = watch::Sender<Option<Arc<Uplink>>>;

/// Shows a line until dropped, however its session ends: a sender that stays with somebody would keep
/// the socket open.
pub(super) struct Raised {
    line: Arc<Uplink>,
    shown: UplinkShown,
}

impl Raised {
    pub(super) fn new(shown: UplinkShown, line: Uplink) -> Self {
        let line = Arc::new(line);
        shown.send_replace(Some(Arc::clone(&line)));
        Self { line, shown }
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        self.shown.send_if_modified(|held| {
            // Another session may have its own there by now.
            let own = held.as_ref().is_some_and(|held| Arc::ptr_eq(held, &self.line));
            if own {
                *held = None;
            }
            own
        });
    }
}
