//! A server with a few routes, and clients for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, Response, StatusCode};
use landline_net::{
    AcceptLimits, Body, Bytes, Dialled, Peer, SocketReceiver, SocketSender, SocketSettings, WsClientStream,
    WsStream, bearer, dial, error, json, read_json, serve, spawn, upgrade, websocket,
};
use landline_protocol::{ErrorCode, WireError};
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
}

#[derive(Clone)]
struct Routes {
    sockets: mpsc::Sender<WsStream>,
    waiting: Arc<Notify>,
    go_on: Arc<Notify>,
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
        let routes = Routes { sockets: sender, waiting: Arc::default(), go_on: Arc::default() };
        let (waiting, go_on) = (routes.waiting.clone(), routes.go_on.clone());
        let handler = move |peer, request| routes.clone().answer(peer, request);
        let tls = server_config(&key, auth).unwrap();
        let task = tokio::spawn(serve(listener, tls, limits, handler, shutdown.clone()));
        Self { key, address, shutdown, task, sockets, waiting, go_on }
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
            "/flood" => Response::new(flood(self.waiting)),
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

/// A body without end, which tells when it is dropped.
fn flood(dropped: Arc<Notify>) -> Body {
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
        Ok(Frame::data(chunk.clone()))
    });
    BodyExt::boxed(StreamBody::new(chunks))
}
