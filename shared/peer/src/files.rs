//! The embedded file server: who asks is settled here, what they get in `landline-transfer`.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::AUTHORIZATION;
use hyper::{Request, Response};
use landline_net::Body;
use landline_net::serve::{AcceptLimits, Peer, serve};
use landline_protocol::{DeviceId, ErrorCode, WireError};
use landline_transfer::serve::{Asker, respond};
use landline_transfer::share::Shares;
use landline_trust::device::DeviceKey;
use landline_trust::tls::{ClientAuth, TlsError, server_config};
use landline_trust::token::TokenVerifier;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use landline_net::Clock;

/// What other peers' credentials are checked against.
#[derive(Clone, Default)]
pub(crate) struct Gatekeeper {
    /// Absent while nobody is signed in: then nobody gets anything.
    pub(crate) verifier: Option<Arc<TokenVerifier>>,
    /// With the coordinator out of reach, a known binding is honoured for a week past its expiry.
    pub(crate) offline: bool,
}

/// The running server; dropping it ends every transfer to others.
pub(crate) struct FileServer {
    pub(crate) port: u16,
    pub(crate) gatekeeper: watch::Sender<Gatekeeper>,
    shutdown: CancellationToken,
    _task: AbortOnDropHandle<()>,
}

/// Why the file server did not start.
#[derive(Debug, thiserror::Error)]
pub enum FileServerError {
    /// No port could be had.
    #[error("no port to serve files on could be opened: {0}")]
    Bind(#[from] std::io::Error),
    /// The certificate was not accepted by the TLS library.
    #[error("the file server's TLS could not be set up: {0}")]
    Tls(#[from] TlsError),
}

impl FileServer {
    /// Listens on `listen`; with port 0, on `last_port` if it is still free, so that a restart
    /// does not change the address others know.
    pub(crate) async fn start(
        listen: SocketAddr,
        last_port: Option<u16>,
        key: &DeviceKey,
        shares: Shares,
        clock: Clock,
    ) -> Result<Self, FileServerError> {
        let tls = server_config(key, ClientAuth::Required)?;
        let listener = bind(listen, last_port).await?;
        let port = listener.local_addr()?.port();
        let (gatekeeper, gate) = watch::channel(Gatekeeper::default());
        let shutdown = CancellationToken::new();
        let handler = move |peer: Peer, request: Request<Incoming>| {
            let (shares, gate, clock) = (shares.clone(), gate.clone(), clock.clone());
            async move {
                let keeper = gate.borrow().clone();
                match admit(&keeper, peer.device, &request, &clock) {
                    Ok(asker) => respond(&shares, &asker, request).await,
                    Err(error) => refuse(&error),
                }
            }
        };
        let running = serve(listener, tls, AcceptLimits::default(), handler, shutdown.clone());
        let task = AbortOnDropHandle::new(tokio::spawn(running));
        Ok(Self { port, gatekeeper, shutdown, _task: task })
    }

    /// Ends every transfer in order.
    pub(crate) fn stop(&self) {
        self.shutdown.cancel();
    }
}

async fn bind(listen: SocketAddr, last_port: Option<u16>) -> std::io::Result<TcpListener> {
    if let (0, Some(port)) = (listen.port(), last_port)
        && let Ok(listener) = TcpListener::bind(SocketAddr::new(listen.ip(), port)).await
    {
        return Ok(listener);
    }
    match TcpListener::bind(listen).await {
        // No IPv6 on this machine.
        Err(_) if listen.ip().is_unspecified() && listen.is_ipv6() => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, listen.port())).await
        }
        result => result,
    }
}

/// Settles who asks: the device by its TLS key, the user by a credential bound to that key.
fn admit(
    keeper: &Gatekeeper,
    device: Option<DeviceId>,
    request: &Request<Incoming>,
    clock: &Clock,
) -> Result<Asker, WireError> {
    let refused = |message: &str| WireError::new(ErrorCode::Unauthenticated, message);
    let device = device.ok_or_else(|| refused("No client certificate was shown."))?;
    let verifier = keeper.verifier.as_ref().ok_or_else(|| refused("Nobody is signed in on this machine."))?;
    let token = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or_else(|| refused("No peer credential was shown."))?;
    let claims = if keeper.offline {
        verifier.peer_credential_offline(token, &device, clock.now())
    } else {
        verifier.peer_credential(token, &device, clock.now())
    };
    let claims = claims.map_err(|error| WireError::new(error.code(), error.to_string()))?;
    Ok(Asker { user: claims.user, device })
}

fn refuse(error: &WireError) -> Response<Body> {
    landline_net::body::error(error)
}
