//! Devices with a file server each, and a coordinator between them that relays and nothing else.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use landline_net::{
    AcceptLimits, Body, Bytes, Clock, HttpConnection, Inbound, Peer, SocketReceiver, SocketSender,
    SocketSettings, dial, serve, spawn, upgrade, websocket,
};
use landline_protocol::account::SESSION;
use landline_protocol::peer_routes::{Door, Resource};
use landline_protocol::{ClientFrame, DeviceId, DialNonce, ErrorCode, ServerFrame, ShareId, WireError};
use landline_transfer::fetch::Source;
use landline_transfer::share::Shares;
use landline_trust::{ClientAuth, DeviceKey, Expect, TokenSigner, TokenVerifier, server_config};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::files::FileServer;
use crate::gate::Gatekeeper;
use crate::reach::Reach;
use crate::session::Uplink;

/// Longer than anything here takes, unless it hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
const CALM: SocketSettings = SocketSettings { heartbeat: PATIENCE, timeout: Duration::from_mins(1) };

/// What is asked for.
pub(super) const SHARE: ShareId = ShareId::from_bytes([1; 16]);

/// A request to dial back, as the coordinator sees it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) from: DeviceId,
    pub(super) to: DeviceId,
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) nonce: DialNonce,
}

/// The coordinator.
pub(super) struct Relay {
    key: DeviceKey,
    address: SocketAddr,
    /// What it was asked to relay.
    pub(super) asked: mpsc::Receiver<Asked>,
    _task: AbortOnDropHandle<()>,
}

type Lines = Arc<Mutex<HashMap<DeviceId, SocketSender>>>;

impl Relay {
    /// Relays to whoever is there, if it is not `mute`; says what it was asked either way.
    pub(super) async fn start(mute: bool) -> Self {
        let key = DeviceKey::generate().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tls = server_config(&key, ClientAuth::Required).unwrap();
        let (tell, asked) = mpsc::channel(64);
        let lines = Lines::default();
        let handler = move |peer: Peer, mut request: Request<Incoming>| {
            let (lines, tell) = (lines.clone(), tell.clone());
            async move {
                let Ok((response, pending)) = upgrade(&mut request) else { return refused() };
                tokio::spawn(async move {
                    let (sender, receiver) = spawn(pending.accept().await.unwrap(), CALM);
                    let from = peer.device.unwrap();
                    lines.lock().unwrap().insert(from, sender);
                    relay(from, receiver, &lines, &tell, mute).await;
                });
                response
            }
        };
        let running = serve(listener, tls, AcceptLimits::default(), handler, CancellationToken::new());
        Self { key, address, asked, _task: AbortOnDropHandle::new(tokio::spawn(running)) }
    }
}

fn refused() -> Response<Body> {
    landline_net::error(&WireError::new(ErrorCode::BadRequest, "No socket."))
}

async fn relay(
    from: DeviceId,
    mut receiver: SocketReceiver,
    lines: &Lines,
    tell: &mpsc::Sender<Asked>,
    mute: bool,
) {
    while let Some(inbound) = receiver.recv().await {
        let Inbound::Text(text) = inbound else { continue };
        let frame = serde_json::from_str(&text).unwrap();
        let ClientFrame::DialBack { to, addresses, nonce } = frame else { panic!("{frame:?}") };
        let line = lines.lock().unwrap().get(&to).cloned();
        if let Some(line) = line.filter(|_| !mute) {
            let frame = ServerFrame::DialBack { from, addresses: addresses.clone(), nonce };
            line.send(serde_json::to_string(&frame).unwrap().into()).unwrap();
        }
        tell.send(Asked { from, to, addresses, nonce }).await.unwrap();
    }
}

/// A device.
pub(super) struct Device {
    pub(super) key: Arc<DeviceKey>,
    pub(super) files: FileServer,
    pub(super) shares: Shares,
    tasks: JoinSet<()>,
}

impl Device {
    /// One that is not connected to any coordinator.
    pub(super) async fn start() -> Self {
        let key = Arc::new(DeviceKey::generate().unwrap());
        let listen = "127.0.0.1:0".parse().unwrap();
        let shares = Shares::default();
        let files = FileServer::start(listen, None, &key, shares.clone(), Clock::system()).await.unwrap();
        Self { key, files, shares, tasks: JoinSet::new() }
    }

    /// One that is.
    pub(super) async fn at(relay: &Relay) -> Self {
        let mut device = Self::start().await;
        let expect = Expect::Pinned(relay.key.id());
        let dialled = dial(&[relay.address], &device.key, expect, PATIENCE).await.unwrap();
        let coordinator = dialled.remote.ip();
        let (sender, receiver) = spawn(websocket(dialled, SESSION, "token").await.unwrap(), CALM);
        device.reach().uplink().send_replace(Some(Arc::new(Uplink { sender, coordinator })));
        device.tasks.spawn(obey(device.reach().clone(), receiver));
        device
    }

    pub(super) fn id(&self) -> DeviceId {
        self.key.id()
    }

    pub(super) fn reach(&self) -> &Reach {
        &self.files.reach
    }

    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.files.port))
    }

    /// Opens the gate, and gives a credential to somebody else's device.
    pub(super) fn admit(&self, other: &Self) -> String {
        let dir = tempfile::tempdir().unwrap();
        let signer = TokenSigner::load_or_create(dir.path(), DeviceKey::generate().unwrap().id()).unwrap();
        let verifier = Some(Arc::new(TokenVerifier::new(signer.key_set())));
        self.files.gatekeeper.send_replace(Gatekeeper { verifier, ..Gatekeeper::default() });
        signer.peer_credential(&"alice".parse().unwrap(), &other.id(), Clock::system().now()).unwrap().0
    }

    /// This device as others look for it.
    pub(super) fn thought_to_be_at(&self, addresses: &[SocketAddr]) -> Source {
        Source {
            user: "bob".parse().unwrap(),
            device: self.id(),
            addresses: addresses.to_vec(),
            door: Door::Share(SHARE),
        }
    }
}

/// What the engine does with a request of the coordinator.
async fn obey(reach: Reach, mut receiver: SocketReceiver) {
    while let Some(inbound) = receiver.recv().await {
        let Inbound::Text(text) = inbound else { continue };
        let frame = serde_json::from_str(&text).unwrap();
        let ServerFrame::DialBack { from, addresses, nonce } = frame else { panic!("{frame:?}") };
        reach.dial_back(from, addresses, nonce);
    }
}

/// An address where nobody listens.
pub(super) async fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// A request for the content of [`SHARE`].
pub(super) fn request() -> Request<Full<Bytes>> {
    let path = Door::Share(SHARE).to(Resource::Content).to_string();
    Request::get(path).body(Full::default()).unwrap()
}

/// Asks for it without a credential: the status and the code of the answer.
pub(super) async fn ask(connection: &mut HttpConnection) -> (u16, ErrorCode) {
    let response = connection.send(request()).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice::<WireError>(&body).unwrap().code)
}
