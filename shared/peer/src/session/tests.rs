//! What a session tells its coordinator, and shows of its line.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::{Request, Response};
use landline_net::serve::{AcceptLimits, Peer, serve};
use landline_net::{Body, Inbound, SocketReceiver, SocketSender, SocketSettings, spawn, upgrade};
use landline_protocol::frame::{Hello, Welcome};
use landline_protocol::{ClientFrame, ServerFrame, Timestamp};
use landline_trust::{ClientAuth, DeviceKey, Expect, server_config};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::coordinator::{Address, Client};
use super::{Access, SessionEvent, SessionHandle, SessionSetup, UplinkShown};
use crate::secrets::{Secrets, SecretsIn};

const PATIENCE: Duration = Duration::from_secs(10);
const CALM: SocketSettings = SocketSettings { heartbeat: PATIENCE, timeout: Duration::from_mins(1) };

/// A coordinator for one session, played by the test.
struct Coordinator {
    key: DeviceKey,
    address: SocketAddr,
    sockets: mpsc::Receiver<(SocketSender, SocketReceiver)>,
    _task: AbortOnDropHandle<()>,
}

impl Coordinator {
    async fn start() -> Self {
        let key = DeviceKey::generate().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tls = server_config(&key, ClientAuth::Required).unwrap();
        let (give, sockets) = mpsc::channel(4);
        let handler = move |_: Peer, request: Request<Incoming>| std::future::ready(open(request, &give));
        let running = serve(listener, tls, AcceptLimits::default(), handler, CancellationToken::new());
        Self { key, address, sockets, _task: AbortOnDropHandle::new(tokio::spawn(running)) }
    }

    /// Takes the next session in.
    async fn welcome(&mut self) -> (SocketReceiver, Hello) {
        let (sender, mut receiver) = timeout(PATIENCE, self.sockets.recv()).await.unwrap().unwrap();
        let Some(ClientFrame::Hello(hello)) = next(&mut receiver).await else { panic!("no hello") };
        let welcome = ServerFrame::Welcome(Welcome {
            version: landline_protocol::VERSION,
            capabilities: Vec::new(),
            agent: "test".into(),
            user: "alice".parse().unwrap(),
            heartbeat_ms: 5_000,
            timeout_ms: 15_000,
            now: Timestamp::from_millis(0),
            expires_at: Timestamp::from_millis(600_000),
        });
        sender.send(serde_json::to_string(&welcome).unwrap().into()).unwrap();
        (receiver, hello)
    }
}

fn open(
    mut request: Request<Incoming>,
    give: &mpsc::Sender<(SocketSender, SocketReceiver)>,
) -> Response<Body> {
    let give = give.clone();
    let (response, pending) = upgrade(&mut request).unwrap_or_else(|_| panic!("no socket"));
    tokio::spawn(async move { give.send(spawn(pending.accept().await.unwrap(), CALM)).await });
    response
}

/// What the session says next; nothing once it has hung up.
async fn next(receiver: &mut SocketReceiver) -> Option<ClientFrame> {
    loop {
        match timeout(PATIENCE, receiver.recv()).await.expect("something, or the end")? {
            Inbound::Text(text) => return Some(serde_json::from_str(&text).unwrap()),
            Inbound::RoundTrip(_) => {}
        }
    }
}

struct Running {
    _session: SessionHandle,
    addresses: watch::Sender<Vec<SocketAddr>>,
    uplink: UplinkShown,
    _events: mpsc::Receiver<SessionEvent>,
    _profile: tempfile::TempDir,
}

fn start(coordinator: &Coordinator) -> Running {
    let profile = tempfile::tempdir().unwrap();
    let key = Arc::new(DeviceKey::generate().unwrap());
    let (addresses, announced) = watch::channel(vec![at(1)]);
    let uplink = watch::channel(None).0;
    let (tell, events) = mpsc::channel(64);
    let address = Address { host: "127.0.0.1".into(), port: coordinator.address.port() };
    let setup = SessionSetup {
        secrets: Secrets::new(SecretsIn::File, profile.path(), key.id()),
        client: Client { address, expect: Expect::Pinned(coordinator.key.id()), key },
        device_name: "pc".into(),
        addresses: announced,
        uplink: uplink.clone(),
        credential: watch::channel(Arc::from("")).0,
        access: Some(Access::new("token", Instant::now())),
    };
    let session = SessionHandle::start(setup, tell);
    Running { _session: session, addresses, uplink, _events: events, _profile: profile }
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

#[tokio::test]
async fn a_changed_address_is_announced_at_once() {
    let mut coordinator = Coordinator::start().await;
    let running = start(&coordinator);
    let (mut line, hello) = coordinator.welcome().await;
    assert_eq!(hello.addresses, [at(1)]);
    running.addresses.send_replace(vec![at(2), at(3)]);
    let announced = ClientFrame::Announce { addresses: vec![at(2), at(3)] };
    assert_eq!(next(&mut line).await, Some(announced));
}

#[tokio::test]
async fn the_line_is_shown_while_it_is_up_and_nobody_holds_it_longer() {
    let mut coordinator = Coordinator::start().await;
    let running = start(&coordinator);
    let uplink = running.uplink.clone();
    let mut shown = uplink.subscribe();
    let (mut line, _) = coordinator.welcome().await;
    let up = timeout(PATIENCE, shown.wait_for(Option::is_some)).await.unwrap().unwrap().clone().unwrap();
    assert!(up.coordinator.is_loopback());
    drop(up);
    // The engine lets go of its own sender, which came with an event.
    drop(running);
    assert_eq!(next(&mut line).await, None, "signing out hangs up");
    timeout(PATIENCE, shown.wait_for(Option::is_none)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_session_that_ends_does_not_hide_the_line_of_the_next() {
    let mut coordinator = Coordinator::start().await;
    let (old, new) = (start(&coordinator), start(&coordinator));
    let _held = [coordinator.welcome().await, coordinator.welcome().await];
    let mut lines = Vec::new();
    for running in [&old, &new] {
        let mut shown = running.uplink.subscribe();
        lines.push(
            timeout(PATIENCE, shown.wait_for(Option::is_some)).await.unwrap().unwrap().clone().unwrap(),
        );
    }
    let shown: UplinkShown = watch::channel(None).0;
    let first = super::uplink::Raised::new(shown.clone(), super::Uplink::clone(&lines[0]));
    let second = super::uplink::Raised::new(shown.clone(), super::Uplink::clone(&lines[1]));
    drop(first);
    assert!(shown.borrow().is_some());
    drop(second);
    assert!(shown.borrow().is_none());
}
