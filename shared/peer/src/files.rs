//! The embedded file server: who asks is settled here, what they get in `landline-transfer`.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response};
use landline_net::Body;
use landline_net::serve::{AcceptLimits, Peer, serve};
use landline_protocol::WireError;
use landline_transfer::serve::respond;
use landline_transfer::share::Shares;
use landline_trust::device::DeviceKey;
use landline_trust::tls::{ClientAuth, TlsError, server_config};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::gate::Gatekeeper;

use landline_net::Clock;

/// How long connections may take to end; the server gives them two seconds itself.
const PATIENCE: Duration = Duration::from_secs(3);

/// The running server; dropping it ends every transfer to others.
pub(crate) struct FileServer {
    pub(crate) port: u16,
    pub(crate) gatekeeper: watch::Sender<Gatekeeper>,
    shutdown: CancellationToken,
    task: AbortOnDropHandle<()>,
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
                match keeper.admit(peer.device, request.headers(), clock.now()) {
                    Ok(asker) => respond(&shares, &asker, request).await,
                    Err(error) => refuse(&error),
                }
            }
        };
        let running = serve(listener, tls, AcceptLimits::default(), handler, shutdown.clone());
        let task = AbortOnDropHandle::new(tokio::spawn(running));
        Ok(Self { port, gatekeeper, shutdown, task })
    }

    /// Ends every transfer in order. The port is free when this returns.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        let handle = self.task.abort_handle();
        if tokio::time::timeout(PATIENCE, self.task).await.is_err() {
            handle.abort();
        }
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

fn refuse(error: &WireError) -> Response<Body> {
    landline_net::body::error(error)
}
