//! The embedded file server: one port on which this machine serves files, and is dialled back.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response};
use landline_net::serve::{AcceptLimits, Peer, serve};
use landline_net::{Body, Clock, follow, reachable};
use landline_protocol::peer_routes::DIAL_BACK;
use landline_transfer::share::Shares;
use landline_trust::device::DeviceKey;
use landline_trust::tls::{ClientAuth, TlsError, server_config};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::AbortOnDropHandle;

use crate::gate::Gatekeeper;
use crate::reach::{Reach, ReachSetup};
use crate::service::FileService;

/// How long connections may take to end; the server gives them two seconds itself.
const PATIENCE: Duration = Duration::from_secs(3);

/// The running server; dropping it ends every transfer to others.
pub(crate) struct FileServer {
    pub(crate) port: u16,
    pub(crate) gatekeeper: watch::Sender<Gatekeeper>,
    /// The ways to others, who may be asked to dial this server.
    pub(crate) reach: Reach,
    /// Where others may find this server; changes as this machine's addresses do.
    pub(crate) addresses: watch::Receiver<Vec<SocketAddr>>,
    shutdown: CancellationToken,
    task: AbortOnDropHandle<()>,
    _following: AbortOnDropHandle<()>,
    _reaching: DropGuard,
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
        key: &Arc<DeviceKey>,
        shares: Shares,
        clock: Clock,
    ) -> Result<Self, FileServerError> {
        let tls = server_config(key, ClientAuth::Required)?;
        let listener = bind(listen, last_port).await?;
        let bound = listener.local_addr()?;
        let (gatekeeper, gate) = watch::channel(Gatekeeper::default());
        let (announce, addresses) = watch::channel(reachable(bound));
        let service = FileService { shares, gate, clock };
        let shutdown = CancellationToken::new();
        let reach = Reach::new(ReachSetup {
            key: Arc::clone(key),
            service: service.clone(),
            addresses: addresses.clone(),
            shutdown: shutdown.clone(),
        });
        let ways = reach.clone();
        let handler = move |peer, request| answer(service.clone(), ways.clone(), peer, request);
        let running = serve(listener, tls, AcceptLimits::default(), handler, shutdown.clone());
        Ok(Self {
            port: bound.port(),
            gatekeeper,
            addresses,
            shutdown,
            task: AbortOnDropHandle::new(tokio::spawn(running)),
            _following: AbortOnDropHandle::new(tokio::spawn(follow(bound, announce))),
            _reaching: reach.guard(),
            reach,
        })
    }

    /// Ends every transfer in order. The port is free when this returns.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        let handle = self.task.abort_handle();
        let (served, ()) = tokio::join!(tokio::time::timeout(PATIENCE, self.task), self.reach.stop());
        if served.is_err() {
            handle.abort();
        }
    }
}

/// Connections dialled back go to whoever asked for them; everything else is about files.
async fn answer(
    service: FileService,
    reach: Reach,
    peer: Peer,
    mut request: Request<Incoming>,
) -> Response<Body> {
    if request.uri().path() == DIAL_BACK {
        reach.arrival(&peer, &mut request)
    } else {
        service.answer(peer, request).await
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
