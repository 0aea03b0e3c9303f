//! One sample of every message with every field filled in, and of the forms that leave some out.
//!
//! Names are `family.message` or `family.message.form`. `PROTOCOL.md` has a heading for each
//! `family.message`; its fields are those of all its forms together.

mod accounts;
mod swarm;

use std::fmt::Debug;

use landline_protocol::error::ErrorDetails;
use landline_protocol::frame::{ConversationHead, DeviceInfo, Extra, Hello, Page, Pull, Range, Welcome};
use landline_protocol::{
    Answer, Author, Body, ClientFrame, ConversationId, ConversationKind, DeviceId, Digest, Envelope,
    ErrorCode, MessageId, Person, PublicKey, RevocationList, Revoked, Sealed, Seq, Sequenced, ServerFrame,
    Signature, Signed, SignedRevocations, Timestamp, UserName, Verdict, WireError,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use swarm::offer_ref;

/// A value, its JSON, and a check that some JSON is read as that value again.
pub(crate) struct Sample {
    pub name: &'static str,
    pub value: Value,
    pub reread: Reread,
}

/// Says what some JSON was read as instead of the sample.
pub(crate) type Reread = Box<dyn Fn(&str) -> Result<(), String>>;

fn sample<T>(name: &'static str, original: T) -> Sample
where
    T: Serialize + DeserializeOwned + PartialEq + Debug + 'static,
{
    Sample {
        name,
        value: serde_json::to_value(&original).unwrap(),
        reread: Box::new(move |json| {
            let read: T = serde_json::from_str(json).map_err(|why| why.to_string())?;
            if read == original { Ok(()) } else { Err(format!("{read:?}")) }
        }),
    }
}

/// All of them.
pub(crate) fn all() -> Vec<Sample> {
    let mut all = client();
    all.extend(server());
    all.extend(bodies());
    all.extend(types());
    all.extend(accounts::accounts());
    all.extend(accounts::texts());
    all.extend(swarm::routes());
    all
}

/// The `family.message` of every variant. Exhaustive matches below: a variant without a name here
/// does not compile.
pub(crate) fn kinds() -> Vec<&'static str> {
    let mut kinds: Vec<&str> = client_frames().iter().map(|(_, frame)| client_kind(frame)).collect();
    kinds.extend(server_frames().iter().map(|(_, frame)| server_kind(frame)));
    kinds.extend(body_values().iter().map(|(_, body)| body_kind(body)));
    kinds
}

fn client_kind(frame: &ClientFrame) -> &'static str {
    match frame {
        ClientFrame::Hello(_) => "client.hello",
        ClientFrame::Authenticate { .. } => "client.authenticate",
        ClientFrame::Announce { .. } => "client.announce",
        ClientFrame::Pull(_) => "client.pull",
        ClientFrame::Send { .. } => "client.send",
        ClientFrame::Hold { .. } => "client.hold",
        ClientFrame::Release { .. } => "client.release",
        ClientFrame::Seek { .. } => "client.seek",
        ClientFrame::DialBack { .. } => "client.dial_back",
        ClientFrame::Unknown => unreachable!("never sent"),
    }
}

fn server_kind(frame: &ServerFrame) -> &'static str {
    match frame {
        ServerFrame::Welcome(_) => "server.welcome",
        ServerFrame::Directory { .. } => "server.directory",
        ServerFrame::Presence { .. } => "server.presence",
        ServerFrame::Revocations { .. } => "server.revocations",
        ServerFrame::Conversations { .. } => "server.conversations",
        ServerFrame::Page(_) => "server.page",
        ServerFrame::Deliver { .. } => "server.deliver",
        ServerFrame::Ack { .. } => "server.ack",
        ServerFrame::Refused { .. } => "server.refused",
        ServerFrame::Holders { .. } => "server.holders",
        ServerFrame::NotFound { .. } => "server.not_found",
        ServerFrame::DialBack { .. } => "server.dial_back",
        ServerFrame::Authenticated { .. } => "server.authenticated",
        ServerFrame::Error { .. } => "server.error",
        ServerFrame::Goodbye { .. } => "server.goodbye",
        ServerFrame::Unknown => unreachable!("never sent"),
    }
}

fn body_kind(body: &Body) -> &'static str {
    match body {
        Body::Text { .. } => "body.text",
        Body::Offer(_) => "body.offer",
        Body::Sealed(_) => "body.sealed",
        Body::Answer(_) => "body.answer",
        Body::Unknown => unreachable!("never sent"),
    }
}

fn client() -> Vec<Sample> {
    client_frames().into_iter().map(|(name, frame)| sample(name, frame)).collect()
}

fn client_frames() -> Vec<(&'static str, ClientFrame)> {
    let hello = Hello {
        versions: vec![1],
        capabilities: vec!["example".into()],
        agent: "landline/0.1.0".into(),
        device_name: "Alice's laptop".into(),
        addresses: addresses(),
    };
    let pull = |range| ClientFrame::Pull(Pull { conversation: ConversationId::lobby(), range, limit: 200 });
    let send = |to| ClientFrame::Send { to, message: signed() };
    let mut frames = vec![
        ("client.hello", ClientFrame::Hello(hello)),
        ("client.authenticate", ClientFrame::Authenticate { token: "eyJhbGciOiJFZERTQSJ9.e30.c2ln".into() }),
        ("client.announce", ClientFrame::Announce { addresses: addresses() }),
        ("client.pull", pull(Range::After(Seq(41)))),
        ("client.pull.before", pull(Range::Before(Seq(41)))),
        ("client.send", send(direct())),
        ("client.send.lobby", send(ConversationKind::Lobby)),
    ];
    frames.extend(swarm::client_frames());
    frames
}

fn server() -> Vec<Sample> {
    server_frames().into_iter().map(|(name, frame)| sample(name, frame)).collect()
}

fn server_frames() -> Vec<(&'static str, ServerFrame)> {
    let (id, conversation) = (message_id(), direct().id());
    let page =
        Page { conversation, range: Range::After(Seq(41)), messages: vec![sequenced()], head: Seq(42) };
    let mut frames = vec![
        ("server.welcome", ServerFrame::Welcome(welcome())),
        ("server.directory", ServerFrame::Directory { people: vec![person(), newcomer()], complete: true }),
        ("server.presence", ServerFrame::Presence { person: person() }),
        ("server.revocations", ServerFrame::Revocations { revocations: signed_revocations() }),
        (
            "server.conversations",
            ServerFrame::Conversations { conversations: vec![lobby_head(), direct_head()] },
        ),
        ("server.page", ServerFrame::Page(page)),
        ("server.deliver", ServerFrame::Deliver { conversation, message: sequenced() }),
    ];
    frames.extend(answers(id, conversation));
    frames.extend(swarm::server_frames());
    frames
}

/// What follows a frame of the peer's, or ends the connection.
fn answers(id: MessageId, conversation: ConversationId) -> Vec<(&'static str, ServerFrame)> {
    vec![
        ("server.ack", ServerFrame::Ack { id, conversation, seq: Seq(42), at: moment(7) }),
        ("server.refused", ServerFrame::Refused { id, error: error(ErrorCode::StorageFull) }),
        ("server.authenticated", ServerFrame::Authenticated { expires_at: moment(600) }),
        ("server.error", ServerFrame::Error { error: error(ErrorCode::BadRequest) }),
        (
            "server.goodbye",
            ServerFrame::Goodbye { error: error(ErrorCode::ShuttingDown).retry_after_ms(2_000) },
        ),
    ]
}

fn welcome() -> Welcome {
    Welcome {
        version: 1,
        capabilities: vec!["example".into()],
        agent: "landline-coordinator/0.1.0".into(),
        user: user("alice"),
        heartbeat_ms: 5_000,
        timeout_ms: 15_000,
        now: moment(0),
        expires_at: moment(600),
    }
}

fn bodies() -> Vec<Sample> {
    body_values().into_iter().map(|(name, body)| sample(name, body)).collect()
}

fn body_values() -> Vec<(&'static str, Body)> {
    let sealed = Sealed { offer: message_id(), root: swarm::root(), size: 1_073_741_824 };
    let answer = |verdict| Body::Answer(Answer { offer: message_id(), verdict });
    let mut bodies = vec![
        ("body.text", Body::Text { text: "Grüße,\n\"世界\" 👋".into() }),
        ("body.sealed", Body::Sealed(sealed)),
        ("body.answer", answer(Verdict::Accepted)),
        ("body.answer.declined", answer(Verdict::Declined)),
        ("body.answer.cancelled", answer(Verdict::Cancelled)),
        ("body.answer.done", answer(Verdict::Done)),
    ];
    bodies.extend(swarm::offers());
    bodies
}

fn types() -> Vec<Sample> {
    let first = Envelope { n: 1, prev: None, ..envelope() };
    let queued = ErrorDetails { retry_after_ms: Some(5_000), ahead: Some(3) };
    let mut types = vec![
        sample("type.envelope", envelope()),
        sample("type.envelope.first", first),
        sample("type.author", author()),
        sample("type.signed", signed()),
        sample("type.sequenced", sequenced()),
        sample("type.conversation_kind", direct()),
        sample("type.conversation_kind.lobby", ConversationKind::Lobby),
        sample("type.conversation_head", direct_head()),
        sample("type.conversation_head.lobby", lobby_head()),
        sample("type.range", Range::After(Seq(41))),
        sample("type.range.before", Range::Before(Seq(41))),
        sample("type.person", person()),
        sample("type.person.offline", newcomer()),
        sample("type.device_info", device_info(true)),
        sample("type.device_info.silent", device_info(false)),
        sample("type.wire_error", error(ErrorCode::TooManyRequests).retry_after_ms(1_500)),
        sample("type.wire_error.plain", error(ErrorCode::NotFound)),
        sample("type.error_details", ErrorDetails { retry_after_ms: Some(1_500), ahead: None }),
        sample("type.error_details.queued", queued),
        sample("type.signing_key", accounts::signing_key()),
        sample("type.revocation_list", revocations()),
        sample("type.revoked", revocations().revoked[0]),
        sample("type.signed_revocations", signed_revocations()),
    ];
    types.extend(swarm::types());
    types
}

fn addresses() -> Vec<std::net::SocketAddr> {
    vec!["192.0.2.7:49152".parse().unwrap(), "[2001:db8::7]:49152".parse().unwrap()]
}

fn user(name: &str) -> UserName {
    name.parse().unwrap()
}

fn device(fill: u8) -> DeviceId {
    DeviceId::from_bytes([fill; 32])
}

/// So many seconds after the morning this was designed.
fn moment(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_795_161_600_000 + seconds * 1_000)
}

fn message_id() -> MessageId {
    MessageId::new(moment(0), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
}

fn direct() -> ConversationKind {
    ConversationKind::direct(user("bob"), user("alice"))
}

fn lobby_head() -> ConversationHead {
    ConversationHead { kind: ConversationKind::Lobby, head: Seq(0) }
}

fn direct_head() -> ConversationHead {
    ConversationHead { kind: direct(), head: Seq(42) }
}

fn author() -> Author {
    Author { user: user("alice"), device: device(7) }
}

pub(crate) fn envelope() -> Envelope {
    Envelope {
        v: 1,
        id: message_id(),
        conversation: direct().id(),
        author: author(),
        n: 2,
        prev: Some(Digest::from_bytes([3; 32])),
        lamport: 9,
        epoch: 0,
        sent_at: moment(0),
        body: Body::Text { text: "hello".into() },
    }
}

pub(crate) fn signed() -> Signed {
    Signed {
        envelope: envelope().to_json(),
        key: PublicKey::from_bytes([4; 32]),
        signature: Signature::from_bytes([5; 64]),
    }
}

pub(crate) fn sequenced() -> Sequenced {
    Sequenced { seq: Seq(42), at: moment(7), message: signed() }
}

fn revocations() -> RevocationList {
    let revoked = vec![Revoked { device: device(7), before: moment(5) }];
    RevocationList { issuer: device(9), version: 3, revoked }
}

fn signed_revocations() -> SignedRevocations {
    SignedRevocations {
        list: serde_json::to_string(&revocations()).unwrap(),
        key: PublicKey::from_bytes([4; 32]),
        signature: Signature::from_bytes([5; 64]),
    }
}

fn person() -> Person {
    Person { user: user("bob"), online: true, last_seen: None, devices: vec![device_info(true)] }
}

fn newcomer() -> Person {
    Person {
        user: user("田中 美咲"),
        online: false,
        last_seen: Some(moment(3)),
        devices: vec![device_info(false)],
    }
}

fn device_info(online: bool) -> DeviceInfo {
    DeviceInfo {
        device: device(8),
        name: "Bob's desktop".into(),
        online,
        addresses: if online { addresses() } else { Vec::new() },
        extra: Extra::new(),
    }
}

fn error(code: ErrorCode) -> WireError {
    WireError::new(code, "What happened, and what to do.")
}
