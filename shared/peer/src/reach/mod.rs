//! The ways to other devices: dialling all their addresses, and where a firewall lets nobody in, asking
//! them over the coordinator to dial back. And the other half: dialling those who ask for it.

mod expected;
mod heed;
mod idle;
mod rate;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::{Request, Response};
use landline_net::{Body, DialError, HttpConnection, Peer, Places, dial, error, reverse};
use landline_protocol::{ClientFrame, DeviceId, DialNonce, ErrorCode, WireError, limits};
use landline_transfer::fetch::{Connect, Source};
use landline_trust::{DeviceKey, Expect};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::service::FileService;
use crate::session::{Uplink, UplinkShown, encode};
use expected::Expected;
use idle::Idle;
use rate::PerMinute;

/// For reaching a device directly, at whichever of its addresses.
const DIRECT: Duration = Duration::from_secs(10);
/// How long a device has to answer before it is asked to dial back beside that.
const HEAD_START: Duration = Duration::from_millis(1_500);
/// For a device to dial back once it was asked.
const BACK: Duration = Duration::from_secs(10);
/// How long those have to end in order when this machine stops serving.
const GRACE: Duration = Duration::from_secs(2);
/// Connections held open at one time for those who asked to be dialled.
const DIALLED_BACK: usize = 64;
/// Of these for one device: as many as downloads of one person are likely to need at once.
const DIALLED_BACK_EACH: usize = 8;

/// The ways to other devices. Clones are handles of one.
#[derive(Clone)]
pub(crate) struct Reach(Arc<Inner>);

/// What the ways to other devices are made with.
pub(crate) struct ReachSetup {
    /// This device's key.
    pub(crate) key: Arc<DeviceKey>,
    /// What is served on connections that this machine dials for others.
    pub(crate) service: FileService,
    /// Where this device's file server can be reached.
    pub(crate) addresses: watch::Receiver<Vec<SocketAddr>>,
    /// Ends, in order, what is served.
    pub(crate) shutdown: CancellationToken,
}

struct Inner {
    setup: ReachSetup,
    /// The line to the coordinator, while it is up.
    uplink: UplinkShown,
    expected: Expected,
    idle: Idle,
    /// Requests to dial back that this device made.
    asked: PerMinute,
    /// Those of others that it heeds.
    heeded: PerMinute,
    /// For connections to those who asked to be dialled.
    places: Places<DeviceId>,
    tasks: TaskTracker,
    /// Ends every task at once.
    end: CancellationToken,
}

impl Reach {
    /// Until a session shows its line, devices are dialled and nothing else.
    pub(crate) fn new(setup: ReachSetup) -> Self {
        Self(Arc::new(Inner {
            setup,
            uplink: watch::channel(None).0,
            expected: Expected::default(),
            idle: Idle::default(),
            asked: PerMinute::default(),
            heeded: PerMinute::default(),
            places: Places::new(DIALLED_BACK, DIALLED_BACK_EACH),
            tasks: TaskTracker::new(),
            end: CancellationToken::new(),
        }))
    }

    /// Where a session shows its line: while one is up, devices can be asked to dial back.
    pub(crate) fn uplink(&self) -> UplinkShown {
        self.0.uplink.clone()
    }

    /// A device asks, over the coordinator, to be dialled. Returns at once; what it may not ask for is
    /// ignored.
    pub(crate) fn dial_back(&self, from: DeviceId, addresses: Vec<SocketAddr>, nonce: DialNonce) {
        let over = self.0.setup.shutdown.is_cancelled();
        if over || from == self.0.setup.key.id() || !self.0.heeded.allows(from, Instant::now()) {
            return tracing::info!(device = from.short(), "a request to dial back is not heeded");
        }
        let Some(place) = self.0.places.take(from) else {
            return tracing::warn!(device = from.short(), "too much is dialled back: once more is not");
        };
        let (inner, end) = (self.0.clone(), self.0.end.clone());
        self.0.tasks.spawn(end.run_until_cancelled_owned(async move {
            // On the heap, for a TLS connection is large, and only while there is one.
            Box::pin(inner.serve_back(from, addresses, nonce)).await;
            drop(place);
        }));
    }

    /// Answers `POST /v1/dial-back`: the connection goes to whoever waits for it, if exactly this device
    /// was asked for it with this nonce.
    pub(crate) fn arrival(&self, peer: &Peer, request: &mut Request<Incoming>) -> Response<Body> {
        let nonce = match reverse::shown(request) {
            Ok(nonce) => nonce,
            Err(refusal) => return refusal,
        };
        let waiting = peer.device.and_then(|device| Some((device, self.0.expected.take(&nonce, device)?)));
        let Some((device, give)) = waiting else {
            return error(&WireError::new(ErrorCode::NotFound, "Nobody waits for this connection."));
        };
        let (response, pending) = reverse::agree(request);
        let (remote, end) = (peer.remote, self.0.end.clone());
        // A task of its own: the connection begins only after this response is sent.
        self.0.tasks.spawn(end.run_until_cancelled_owned(async move {
            match pending.accept(device, remote).await {
                // Whoever does not wait any more has found another way.
                Ok(connection) => drop(give.send(connection)),
                Err(error) => tracing::debug!(%remote, %error, "a connection dialled back did not begin"),
            }
        }));
        response
    }

    /// Ends everything when dropped.
    pub(crate) fn guard(&self) -> DropGuard {
        self.0.end.clone().drop_guard()
    }

    /// Waits for what is served on connections dialled back to end in order, then ends it. The setup's
    /// `shutdown` comes first.
    pub(crate) async fn stop(&self) {
        self.0.idle.clear();
        self.0.tasks.close();
        if timeout(GRACE, self.0.tasks.wait()).await.is_err() {
            self.0.end.cancel();
            self.0.tasks.wait().await;
        }
    }
}

impl Connect for Reach {
    fn connect<'a>(
        &'a self,
        source: &'a Source,
    ) -> Pin<Box<dyn Future<Output = Result<HttpConnection, DialError>> + Send + 'a>> {
        Box::pin(self.0.connect(source.device, &source.addresses))
    }
}

impl Inner {
    /// Whichever way leads there first, unless a connection that was dialled back is not in use. Being
    /// dialled back is tried once dialling has failed or not succeeded for a while; why dialling failed
    /// is what is said in the end.
    async fn connect(&self, device: DeviceId, addresses: &[SocketAddr]) -> Result<HttpConnection, DialError> {
        if let Some(connection) = self.idle.take(device) {
            return Ok(connection);
        }
        let mut direct = pin!(self.direct(device, addresses));
        let mut failed = match timeout(HEAD_START, &mut direct).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(failure)) => Some(failure),
            Err(_) => None,
        };
        let mut back = pin!(self.back(device));
        let mut given_up = false;
        loop {
            failed = match failed {
                Some(failure) if given_up => return Err(failure),
                failed => failed,
            };
            tokio::select! {
                outcome = &mut direct, if failed.is_none() => match outcome {
                    Ok(connection) => return Ok(connection),
                    Err(failure) => failed = Some(failure),
                },
                outcome = &mut back, if !given_up => match outcome {
                    Some(connection) => return Ok(connection),
                    None => given_up = true,
                },
            }
        }
    }

    async fn direct(&self, device: DeviceId, addresses: &[SocketAddr]) -> Result<HttpConnection, DialError> {
        let dialled = dial(addresses, &self.setup.key, Expect::Pinned(device), DIRECT).await?;
        let remote = dialled.remote;
        let opened = HttpConnection::open(dialled).await;
        opened.map_err(|error| DialError::Unreachable(vec![(remote, std::io::Error::other(error))]))
    }

    /// Asks a device to dial, and waits for it. `None` when it cannot be asked, or does not.
    async fn back(&self, device: DeviceId) -> Option<HttpConnection> {
        let line = self.line()?;
        let mut addresses = self.setup.addresses.borrow().clone();
        addresses.truncate(limits::ADDRESSES);
        if addresses.is_empty() || !self.asked.allows(device, Instant::now()) {
            return None;
        }
        let mut ticket = self.expected.ticket(device)?;
        let ask = ClientFrame::DialBack { to: device, addresses, nonce: ticket.nonce };
        line.sender.send(encode(&ask)).ok()?;
        tracing::debug!(device = device.short(), "asked to dial back");
        let connection = timeout(BACK, ticket.arrival()).await.ok().flatten()?;
        Some(self.idle.lend(connection))
    }

    fn line(&self) -> Option<Arc<Uplink>> {
        self.uplink.borrow().clone()
    }
}
