//! Dialling whoever asks for it, and serving them. The request came over the coordinator, which may be
//! dishonest, as may the device: only what is next door is dialled, and only the key that is known.

use std::net::{IpAddr, SocketAddr};

use landline_net::{AcceptLimits, CallError, DialError, Networks, Peer, dial, reverse, serve_one};
use landline_protocol::{DeviceId, DialNonce, limits};
use landline_trust::Expect;

use super::{DIRECT, Inner};

/// The lowest port that is dialled (invariant 9 of the design): below are services of the system.
const LOWEST_PORT: u16 = 1024;

/// Why a device that asked for it was not reached.
#[derive(Debug, thiserror::Error)]
enum Unheeded {
    #[error("none of its addresses is in a network of this machine")]
    Elsewhere,
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Inner {
    /// Dials a device that asked for it, and serves it until it is done.
    pub(super) async fn serve_back(&self, from: DeviceId, addresses: Vec<SocketAddr>, nonce: DialNonce) {
        if let Err(error) = self.try_serve_back(from, addresses, nonce).await {
            tracing::info!(device = from.short(), %error, "a device that asked for it was not dialled back");
        }
    }

    async fn try_serve_back(
        &self,
        from: DeviceId,
        mut addresses: Vec<SocketAddr>,
        nonce: DialNonce,
    ) -> Result<(), Unheeded> {
        let networks = Networks::here();
        let coordinator = self.line().map(|line| line.coordinator);
        addresses.retain(|address| is_next_door(*address, &networks, coordinator));
        addresses.truncate(limits::ADDRESSES);
        if addresses.is_empty() {
            return Err(Unheeded::Elsewhere);
        }
        let dialled = dial(&addresses, &self.setup.key, Expect::Pinned(from), DIRECT).await?;
        let peer = Peer { remote: dialled.remote, device: Some(from), hangup: self.end.child_token() };
        let stream = reverse::offer(dialled, &nonce).await?;
        tracing::debug!(remote = %peer.remote, device = from.short(), "dialled back");
        let service = self.setup.service.clone();
        let handler = move |peer, request| service.clone().answer(peer, request);
        serve_one(stream, peer, &AcceptLimits::default(), handler, &self.setup.shutdown).await;
        Ok(())
    }
}

/// Whether an address may be dialled because somebody asks for it: only in a network that this machine
/// is in. Its own loopback only where the coordinator is on this machine too, or there is no other
/// network; otherwise it is the asker's loopback that is meant.
pub(super) fn is_next_door(address: SocketAddr, networks: &Networks, coordinator: Option<IpAddr>) -> bool {
    let ip = address.ip().to_canonical();
    let loopback_is_meant =
        networks.are_loopback() || coordinator.is_some_and(|at| at.to_canonical().is_loopback());
    address.port() >= LOWEST_PORT
        && !ip.is_unspecified()
        && !ip.is_multicast()
        && networks.contain(ip)
        && (!ip.is_loopback() || loopback_is_meant)
}
