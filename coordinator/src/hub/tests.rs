//! The hub with connections whose other end does not read.

use std::time::Duration;

use landline_net::{SocketReceiver, SocketSettings};
use landline_protocol::{MessageId, OfferRef, ServerFrame, limits};
use tokio::io::DuplexStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::*;

/// A connection of its own, and the end at which nobody reads.
async fn line() -> (SocketSender, SocketReceiver, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(64);
    let ws = WebSocketStream::from_raw_socket(ours, Role::Server, None).await;
    let calm = SocketSettings { heartbeat: Duration::from_mins(1), timeout: Duration::from_mins(2) };
    let (sender, receiver) = landline_net::spawn(ws, calm);
    (sender, receiver, theirs)
}

fn hub(people: u32) -> Hub {
    let clock = Clock::manual(Timestamp::from_millis(1));
    let stored = |n| StoredPerson { name: user(n), last_seen: None, devices: Vec::new() };
    Hub::new((0..people).map(stored).collect(), Vec::new(), clock).unwrap()
}

fn user(n: u32) -> UserName {
    format!("person {n:05}").parse().unwrap()
}

fn enter(hub: &Hub, sender: &SocketSender) -> ConnectionId {
    enter_with(hub, sender, 7, "s")
}

fn enter_with(hub: &Hub, sender: &SocketSender, device: u8, session: &str) -> ConnectionId {
    let who = Authorized {
        user: user(0),
        admin: false,
        device: DeviceId::from_bytes([device; 32]),
        session: session.into(),
        expires_at: Timestamp::from_millis(u64::MAX),
    };
    hub.enter(&who, sender, "pc", Vec::new()).unwrap()
}

#[tokio::test]
async fn a_thousand_changes_during_an_introduction_do_not_overflow_its_queue() {
    let (hub, (sender, _receiver, _nobody)) = (hub(2_000), line().await);
    let id = enter(&hub, &sender);
    let mut so_far = Introduction::default();
    assert!(hub.introduce(id, &mut so_far), "one part is not all");
    for n in 0..1_000 {
        hub.add_person(&user(n), DeviceId::from_bytes([8; 32]), "another");
    }
    while hub.introduce(id, &mut so_far) {}
    assert_eq!(sender.closed(), None);
    assert!(hub.state().connections[&id].introduced);
}

#[tokio::test]
async fn holders_are_told_in_moderation_and_never_of_an_ended_session() {
    let (hub, (sender, _receiver, _nobody)) = (hub(1), line().await);
    let offer = OfferRef {
        conversation: ConversationId::lobby(),
        device: DeviceId::from_bytes([1; 32]),
        id: MessageId::new(Timestamp::from_millis(1), [1; 10]),
    };
    let asker = enter_with(&hub, &sender, 200, "asker");
    let all: Vec<_> =
        (1..=40).map(|n| enter_with(&hub, &sender, n, if n <= 5 { "a" } else { "b" })).collect();
    hub.hold(asker, offer, true);
    for (n, id) in all.iter().enumerate() {
        hub.hold(*id, offer, n < 10);
    }
    let told = |seed| hub.holders(asker, &offer, seed).unwrap();
    for seed in 0..20 {
        let holders = told(seed);
        assert_eq!(holders.len(), limits::HOLDERS);
        assert_eq!(holders.iter().filter(|one| one.complete).count(), 10);
        assert!(holders.iter().all(|one| one.device != DeviceId::from_bytes([200; 32])));
    }
    assert_ne!(told(1), told(2));
    hub.end_session("b");
    assert_eq!(told(1).len(), 5);
    // Its socket may live on for a moment, to no effect.
    hub.hold(all[30], offer, true);
    assert_eq!(told(1).len(), 5);
    assert_eq!(hub.holders(all[30], &offer, 1), None);
    hub.end_session("a");
    hub.end_session("asker");
    assert_eq!(hub.holders(asker, &offer, 1), None);
}

#[tokio::test]
async fn who_has_many_conversations_gets_them_in_parts_and_new_ones_once() {
    let (hub, (sender, _receiver, mut other)) = (hub(1_000), line().await);
    let direct = |n| ConversationKind::direct(user(0), user(n));
    let ensure = |kind: ConversationKind| {
        let id = kind.id();
        hub.state().conversations.ensure(&id, &kind)
    };
    for n in 1..=600 {
        assert!(ensure(direct(n)));
    }
    let id = enter(&hub, &sender);
    let mut so_far = Introduction::default();
    while !matches!(so_far, Introduction::Conversations { .. }) {
        assert!(hub.introduce(id, &mut so_far));
    }
    ensure(direct(601));
    while hub.introduce(id, &mut so_far) {}
    sender.close(None);
    let mut told = Vec::new();
    let mut ws = WebSocketStream::from_raw_socket(&mut other, Role::Client, None).await;
    while let Some(Ok(message)) = futures_util::StreamExt::next(&mut ws).await {
        let Ok(text) = message.into_text() else { continue };
        if let Ok(ServerFrame::Conversations { conversations }) = serde_json::from_str(&text) {
            assert!(conversations.len() <= 256);
            told.extend(conversations.into_iter().map(|head| head.kind.id()));
        }
    }
    let expected = std::iter::once(ConversationId::lobby()).chain((1..=601).map(|n| direct(n).id()));
    assert_eq!(told, expected.collect::<Vec<_>>());
}
