//! The accept loop of coordinators and peers: TLS, HTTP/1.1, limits, an orderly end.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use landline_protocol::{DeviceId, limits};
use landline_trust::peer_device;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::addresses::host_of;
use crate::body::Body;
use crate::places::{Place, Places};
use crate::server_io::ServerIo;
use crate::tcp;

/// Who is on the other end of an accepted connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where it comes from.
    pub remote: SocketAddr,
    /// The device that proved its key in the handshake; `None` for a browser.
    pub device: Option<DeviceId>,
    /// Closes this connection at once, also while the other side takes nothing: what was being sent
    /// is dropped. After an upgrade, reading and writing fail.
    pub hangup: CancellationToken,
}

/// What one listener puts up with.
#[derive(Clone, Copy, Debug)]
pub struct AcceptLimits {
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long the head of a request may take, and how long a connection may idle between two.
    pub header: Duration,
    /// How long the other side may take nothing of what is being sent to it.
    pub stall: Duration,
    /// Connections in all, upgraded ones included.
    pub connections: usize,
    /// Connections from one host (see [`crate::addresses::host_of`]), upgraded ones included.
    pub per_address: usize,
    /// How many bytes of an answer that are not on their way yet may wait in the kernel. Few make a limit,
    /// a pause or a cancel felt at once. `None` leaves it to the system, which is generous: for lines whose
    /// readers may fall behind for a while.
    pub unsent_bytes: Option<u32>,
}

impl Default for AcceptLimits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(limits::TLS_HANDSHAKE_SECS),
            header: Duration::from_secs(limits::HTTP_HEADER_SECS),
            stall: Duration::from_secs(30),
            connections: 16_384,
            per_address: 256,
            unsent_bytes: Some(tcp::UNSENT_BYTES),
        }
    }
}

/// How long connections have to end by themselves once the listener is told to stop.
const GRACE: Duration = Duration::from_secs(2);

/// Serves until `shutdown`, and returns when no connection is left.
///
/// Then it stops accepting, lets requests in progress finish and upgraded sockets say goodbye for
/// up to two seconds, and drops what remains. A connection over a limit is closed before its
/// handshake.
pub async fn serve<H, F>(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    limits: AcceptLimits,
    handler: H,
    shutdown: CancellationToken,
) where
    H: Fn(Peer, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let places = Places::new(limits.connections, limits.per_address);
    let server =
        Server { acceptor: TlsAcceptor::from(tls), limits, handler, shutdown, end: CancellationToken::new() };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = server.shutdown.cancelled() => break,
            Some(_) = connections.join_next() => {}
            (tcp, remote) = accept(&listener) => if let Some(place) = places.take(host_of(remote.ip())) {
                connections.spawn(server.clone().connection(tcp, remote, place));
            } else {
                tracing::warn!(%remote, "too many connections: one more was closed");
            },
        }
    }
    drop(listener);
    let ending = async {
        while connections.join_next().await.is_some() {}
        places.all_free().await;
    };
    if timeout(GRACE, ending).await.is_err() {
        tracing::debug!("connections that did not end in time are dropped");
    }
    server.end.cancel();
    connections.shutdown().await;
}

/// The next connection. Running out of descriptors or buffers passes; until then, others go on.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

#[derive(Clone)]
struct Server<H> {
    acceptor: TlsAcceptor,
    limits: AcceptLimits,
    handler: H,
    shutdown: CancellationToken,
    /// Ends upgraded sockets that outstay the grace.
    end: CancellationToken,
}

impl<H, F> Server<H>
where
    H: Fn(Peer, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    async fn connection(self, tcp: TcpStream, remote: SocketAddr, place: Place<IpAddr>) {
        if let Err(error) = tcp::tune(&tcp, self.limits.unsent_bytes) {
            tracing::debug!(%remote, %error, "a connection could not be set up for speed");
        }
        let handshake = timeout(self.limits.handshake, self.acceptor.accept(tcp));
        let tls = tokio::select! {
            () = self.shutdown.cancelled() => return,
            tls = handshake => tls,
        };
        match tls {
            Ok(Ok(tls)) => {
                let device = peer_device(tls.get_ref().1.peer_certificates());
                let peer = Peer { remote, device, hangup: self.end.child_token() };
                let io = ServerIo::new(tls, Some(place), self.limits.stall, peer.hangup.clone());
                http(io, peer, self.limits.header, self.handler, &self.shutdown).await;
            }
            Ok(Err(error)) => tracing::debug!(%remote, %error, "the TLS handshake failed"),
            Err(_) => tracing::debug!(%remote, "the TLS handshake took too long"),
        }
    }
}

/// Serves one connection that was made in another way than by accepting it, as [`serve`] does each of
/// its own: until the other side is done, `peer.hangup` or, in order, `shutdown`.
pub async fn serve_one<S, H, F>(
    stream: S,
    peer: Peer,
    limits: &AcceptLimits,
    handler: H,
    shutdown: &CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(Peer, Request<Incoming>) -> F,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let io = ServerIo::new(stream, None, limits.stall, peer.hangup.clone());
    http(io, peer, limits.header, handler, shutdown).await;
}

async fn http<S, H, F>(io: ServerIo<S>, peer: Peer, head: Duration, handler: H, shutdown: &CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(Peer, Request<Incoming>) -> F,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let service = service_fn(|request| {
        let answer = handler(peer.clone(), request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let served = async {
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    // Dropping the connection is what lets go of everything it holds, whoever reads or does not.
    match peer.hangup.run_until_cancelled(served).await {
        Some(Ok(())) => {}
        Some(Err(error)) => tracing::debug!(remote = %peer.remote, %error, "a connection ended early"),
        None => tracing::debug!(remote = %peer.remote, "a connection was hung up"),
    }
}
