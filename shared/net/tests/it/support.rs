//! A server with a few routes, and clients for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, Response, StatusCode};
use landline_net::{
    AcceptLimits, Body, Bytes, Dialled, HttpConnection, Peer, SocketReceiver, SocketSender, SocketSettings,
    WsClientStream, WsStream, bearer, dial, error, json, read_json, reverse, serve, spawn, upgrade,
    websocket,
};
use landline_protocol::peer_routes::DIAL_BACK;
use landline_protocol::{DialNonce, ErrorCode, WireError};
use landline_trust::{ClientAuth, DeviceKey, Expect, server_config};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// A line that is not watched within a test.
pub(crate) const CALM: SocketSettings =
    SocketSettings { heartbeat: PATIENCE, timeout: Duration::from_mins(1) };

pub(crate) struct Server {
    pub(crate) key: Arc<DeviceKey>,
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: JoinHandle<()>,
    /// Sockets as they are upgraded.
    pub(crate) sockets: mpsc::Receiver<WsStream>,
    /// Told when a request to `/wait` has come.
    pub(crate) waiting: Arc<Notify>,
    /// Lets a request to `/wait` finish.
    pub(crate) go_on: Arc<Notify>,
    /// Who asked for `/flood`.
    pub(crate) flooded: mpsc::Receiver<Peer>,
    /// Chunks given to floods.
    pub(crate) chunks: Arc<AtomicUsize>,
    /// Connections dialled back.
    pub(crate) reversed: mpsc::Receiver<HttpConnection>,
}

/// The nonce that the server waits for.
pub(crate) const NONCE: DialNonce = DialNonce::from_bytes([7; 16]);

#[derive(Clone)]
struct Routes {
    sockets: mpsc::Sender<WsStream>,
    waiting: Arc<Notify>,
    go_on: Arc<Notify>,
    flooded: mpsc::Sender<Peer>,
    chunks: Arc<AtomicUsize>,
    reversed: mpsc::Sender<HttpConnection>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(AcceptLimits::default(), ClientAuth::Required).await
    }

    pub(crate) async fn with(limits: AcceptLimits, auth: ClientAuth) -> Self {
        let key = Arc::new(DeviceKey::generate().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let (sender, sockets) = mpsc::channel(64);
        let (flooded_sender, flooded) = mpsc::channel(64);
        let (reversed_sender, reversed) = mpsc::channel(64);
        let routes = Routes {
            sockets: sender,
            waiting: Arc::default(),
            go_on: Arc::default(),
            flooded: flooded_sender,
            chunks: Arc::default(),
            reversed: reversed_sender,
        };
        let (waiting, go_on, chunks) = (routes.waiting.clone(), routes.go_on.clone(), routes.chunks.clone());
        let handler = move |peer, request| routes.clone().answer(peer, request);
        let tls = server_config(&key, auth).unwrap();
        let task = tokio::spawn(serve(listener, tls, limits, handler, shutdown.clone()));
        Self { key, address, shutdown, task, sockets, waiting, go_on, flooded, chunks, reversed }
    }

    pub(crate) async fn dial(&self) -> Dialled {
        let key = DeviceKey::generate().unwrap();
        dial(&[self.address], &key, Expect::Pinned(self.key.id()), PATIENCE).await.unwrap()
    }

    /// The client's end as a bare WebSocket, the server's end as an actor.
    pub(crate) async fn raw_client(
        &mut self,
        settings: SocketSettings,
    ) -> (WsClientStream, SocketSender, SocketReceiver) {
        let client = websocket(self.dial().await, "/socket", "token").await.unwrap();
        let (sender, receiver) = spawn(self.sockets.recv().await.unwrap(), settings);
        (client, sender, receiver)
    }

    /// Both ends as actors: client, server.
    pub(crate) async fn pair(
        &mut self,
        settings: SocketSettings,
    ) -> ((SocketSender, SocketReceiver), (SocketSender, SocketReceiver)) {
        let (client, sender, receiver) = self.raw_client(settings).await;
        (spawn(client, settings), (sender, receiver))
    }
}

impl Routes {
    async fn answer(self, peer: Peer, mut request: Request<Incoming>) -> Response<Body> {
        match request.uri().path() {
            "/who" => json(StatusCode::OK, &peer.device),
            "/bearer" => json(StatusCode::OK, &bearer(request.headers())),
            "/nothing" => json(StatusCode::NO_CONTENT, &()),
            "/echo" => match read_json::<serde_json::Value>(request.into_body(), 1024).await {
                Ok(value) => json(StatusCode::OK, &value),
                Err(why) => error(&why),
            },
            "/wait" => {
                self.waiting.notify_one();
                self.go_on.notified().await;
                json(StatusCode::OK, &"done")
            }
            "/much" => Response::new(much()),
            "/bit-by-bit" => Response::new(bit_by_bit(self.go_on)),
            "/flood" => {
                self.flooded.send(peer).await.unwrap();
                Response::new(flood(self.waiting, self.chunks))
            }
            DIAL_BACK => self.turn(&peer, &mut request),
            "/busy" => error(&WireError::new(ErrorCode::TooManyRequests, "Wait.").retry_after_ms(1_500)),
            "/socket" => match upgrade(&mut request) {
                Ok((response, pending)) => {
                    tokio::spawn(async move {
                        let socket = pending.accept().await.unwrap();
                        self.sockets.send(socket).await.unwrap();
                    });
                    response
                }
                Err(refused) => refused,
            },
            _ => error(&WireError::new(ErrorCode::NotFound, "There is nothing here.")),
        }
    }
}

impl Routes {
    fn turn(self, peer: &Peer, request: &mut Request<Incoming>) -> Response<Body> {
        match reverse::shown(request) {
            Err(refused) => refused,
            Ok(nonce) if nonce != NONCE => error(&WireError::new(ErrorCode::NotFound, "Nobody asked.")),
            Ok(_) => {
                let (response, pending) = reverse::agree(request);
                let (device, remote) = (peer.device.unwrap(), peer.remote);
                tokio::spawn(async move {
                    let client = pending.accept(device, remote).await.unwrap();
                    self.reversed.send(client).await.unwrap();
                });
                response
            }
        }
    }
}

/// What `/much` answers: 20 MB that nobody would mistake for others.
pub(crate) fn pattern() -> Vec<u8> {
    (0..20_000_000u32).flat_map(|at| u8::try_from((at ^ at >> 8 ^ at >> 16) & 0xff)).collect()
}

fn much() -> Body {
    let frames =
        pattern().chunks(70_001).map(|frame| Ok(Frame::data(Bytes::copy_from_slice(frame)))).collect();
    BodyExt::boxed(StreamBody::new(futures_util::stream::iter::<Vec<_>>(frames)))
}

/// A body of small frames, one whenever the notice comes.
fn bit_by_bit(go_on: Arc<Notify>) -> Body {
    let frames = futures_util::stream::unfold(go_on, |go_on| async {
        go_on.notified().await;
        Some((Ok(Frame::data(Bytes::from_static(&[7; BIT]))), go_on))
    });
    BodyExt::boxed(StreamBody::new(frames))
}

/// Bytes of each frame of `/bit-by-bit`.
pub(crate) const BIT: usize = 1_000;

/// A body without end, which counts its chunks and tells when it is dropped.
fn flood(dropped: Arc<Notify>, chunks: Arc<AtomicUsize>) -> Body {
    struct Tell(Arc<Notify>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let tell = Tell(dropped);
    let chunk = Bytes::from(vec![0; 64 * 1024]);
    let chunks = futures_util::stream::repeat_with(move || {
        let _held = &tell;
        chunks.fetch_add(1, Ordering::Relaxed);
        Ok(Frame::data(chunk.clone()))
    });
    BodyExt::boxed(StreamBody::new(chunks))
}
