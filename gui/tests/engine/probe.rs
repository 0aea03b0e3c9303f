//! Somebody's device without an engine: asks a coordinator and other peers, and says what they said.

use std::collections::HashMap;
use std::net::SocketAddr;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use landline_net::{
    Bytes, HttpConnection, HttpError, Inbound, SocketSettings, Utf8Bytes, call, dial, spawn, websocket,
};
use landline_protocol::account::{SESSION, SIGN_UP, Session, SignUp};
use landline_protocol::frame::{Hello, Pull, Range};
use landline_protocol::peer_routes::{Door, Resource};
use landline_protocol::{
    Body, ClientFrame, ConversationId, DeviceId, MessageId, Seq, ServerFrame, ShareId, WireError, limits,
};
use landline_trust::{DeviceKey, Expect};

use crate::office::Office;
use crate::person::{PATIENCE, Person};

/// A device and the credential of its user.
pub(crate) struct Probe {
    key: DeviceKey,
    credential: String,
}

/// What a peer answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The connection is closed.
    Closed,
    Refused(WireError),
    /// What was asked for comes.
    Served(Response<Incoming>),
}

impl Probe {
    /// As somebody who copied the device would be.
    pub(crate) fn copy_of(person: &Person) -> Self {
        let stored = std::fs::read(person.profile().join("secrets.json")).unwrap();
        let stored: serde_json::Value = serde_json::from_slice(&stored).unwrap();
        let credential = stored["peer_credential"].as_str().unwrap().to_owned();
        Self { key: DeviceKey::load_or_create(&person.profile()).unwrap(), credential }
    }

    pub(crate) async fn connect(&self, server: SocketAddr) -> Option<HttpConnection> {
        let dialled = dial(&[server], &self.key, Expect::FirstUse, PATIENCE).await.ok()?;
        HttpConnection::open(dialled).await.ok()
    }

    pub(crate) async fn ask(&self, connection: &mut HttpConnection, share: ShareId) -> Answer {
        self.try_ask(connection, share).await.unwrap_or(Answer::Closed)
    }

    async fn try_ask(&self, connection: &mut HttpConnection, share: ShareId) -> Result<Answer, HttpError> {
        let request = Request::get(Door::Share(share).to(Resource::Content).to_string())
            .header("authorization", format!("Bearer {}", self.credential))
            .body(Full::default())
            .unwrap();
        let response = connection.send(request).await?;
        if response.status().is_success() {
            return Ok(Answer::Served(response));
        }
        let bytes: Bytes = response.into_body().collect().await?.to_bytes();
        Ok(Answer::Refused(serde_json::from_slice(&bytes).unwrap()))
    }

    /// Over a connection of its own.
    pub(crate) async fn ask_once(&self, server: SocketAddr, share: ShareId) -> Answer {
        match self.connect(server).await {
            Some(mut connection) => self.ask(&mut connection, share).await,
            None => Answer::Closed,
        }
    }
}

/// What a newcomer is told when connecting.
pub(crate) struct Overview {
    /// The share behind each offer in the lobby.
    pub(crate) shares: HashMap<MessageId, ShareId>,
    /// Where each device serves files.
    pub(crate) servers: HashMap<DeviceId, Vec<SocketAddr>>,
}

/// Joins, listens and leaves.
pub(crate) async fn overview(office: &Office, newcomer: &str) -> Overview {
    let key = DeviceKey::generate().unwrap();
    let address = [office.address];
    let dialled = || dial(&address, &key, Expect::FirstUse, PATIENCE);
    let ask = SignUp {
        username: newcomer.parse().unwrap(),
        password: "correct horse".into(),
        invite: None,
        device_name: "probe".into(),
    };
    let mut http = HttpConnection::open(dialled().await.unwrap()).await.unwrap();
    let session: Session = call(&mut http, Method::POST, SIGN_UP, None, Some(&ask)).await.unwrap();
    let ws = websocket(dialled().await.unwrap(), SESSION, &session.access_token).await.unwrap();
    let (sender, mut receiver) = spawn(ws, SocketSettings { heartbeat: PATIENCE, timeout: PATIENCE });
    sender.send(hello()).unwrap();
    sender.send(pull_lobby()).unwrap();
    let mut servers = HashMap::new();
    loop {
        match receiver.recv().await.expect("the line ended") {
            Inbound::RoundTrip(_) => {}
            Inbound::Text(text) => match serde_json::from_str(&text).unwrap() {
                ServerFrame::Directory { people, .. } => {
                    let devices = people.into_iter().flat_map(|person| person.devices);
                    servers.extend(devices.map(|one| (one.device, one.addresses)));
                }
                ServerFrame::Page(page) => {
                    let shares = page.messages.iter().filter_map(share_of).collect();
                    return Overview { shares, servers };
                }
                _ => {}
            },
        }
    }
}

fn share_of(message: &landline_protocol::Sequenced) -> Option<(MessageId, ShareId)> {
    let envelope = landline_trust::open(&message.message).unwrap();
    match envelope.body {
        Body::Offer(offer) => Some((envelope.id, offer.share)),
        _ => None,
    }
}

fn hello() -> Utf8Bytes {
    encode(&ClientFrame::Hello(Hello {
        versions: vec![landline_protocol::VERSION],
        capabilities: Vec::new(),
        agent: "probe".into(),
        device_name: "probe".into(),
        addresses: Vec::new(),
    }))
}

fn pull_lobby() -> Utf8Bytes {
    let (conversation, range) = (ConversationId::lobby(), Range::After(Seq(0)));
    encode(&ClientFrame::Pull(Pull { conversation, range, limit: limits::PAGE_MESSAGES }))
}

fn encode(frame: &ClientFrame) -> Utf8Bytes {
    serde_json::to_string(frame).unwrap().into()
}

/// An address of this machine, known before anybody listens there; nobody else uses its host.
pub(crate) fn fixed_address(host: u8) -> SocketAddr {
    let free = std::net::TcpListener::bind(SocketAddr::from(([127, 78, 0, host], 0))).unwrap();
    free.local_addr().unwrap()
}
