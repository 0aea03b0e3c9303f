//! What this machine does with a request for files, whichever way the connection came about: who asks
//! is settled by the gate, what they get in `landline-transfer`.

use hyper::body::Incoming;
use hyper::{Request, Response};
use landline_net::{Body, Clock, Peer, error};
use landline_transfer::serve::respond;
use landline_transfer::share::Shares;
use tokio::sync::watch;

use crate::gate::Gatekeeper;

/// Answers requests. Cheap to clone.
#[derive(Clone)]
pub(crate) struct FileService {
    pub(crate) shares: Shares,
    pub(crate) gate: watch::Receiver<Gatekeeper>,
    pub(crate) clock: Clock,
}

impl FileService {
    /// Answers one request of a device that has proved its key.
    pub(crate) async fn answer(mut self, peer: Peer, request: Request<Incoming>) -> Response<Body> {
        let keeper = self.gate.borrow_and_update().clone();
        let asker = match keeper.admit(peer.device, request.headers(), self.clock.now()) {
            Ok(asker) => asker,
            Err(refusal) => return error(&refusal),
        };
        let headers = request.headers().clone();
        let response = respond(&self.shares, &asker, &peer.hangup, request).await;
        if !self.gate.has_changed().unwrap_or(true) {
            return response;
        }
        // Somebody may have been turned away while this was prepared, too late for whoever ends responses.
        let keeper = self.gate.borrow().clone();
        match keeper.admit(peer.device, &headers, self.clock.now()) {
            Ok(_) => response,
            Err(refusal) => error(&refusal),
        }
    }
}
