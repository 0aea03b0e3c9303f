//! Clients that do not keep to the rules, and others who must not notice.

use landline_net::Closed;
use landline_protocol::{Author, ClientFrame, ConversationId, ConversationKind, ErrorCode, Seq, ServerFrame};

use crate::support::*;

const LOBBY: ConversationKind = ConversationKind::Lobby;

#[tokio::test(flavor = "multi_thread")]
async fn forged_and_altered_messages_are_refused() {
    let server = Server::open().await;
    let alice = server.person("alice").await;
    let mut eve = server.person("eve").await;
    // In alice's name, by eve's key.
    let as_alice = Author { user: name("alice"), device: eve.device.key.id() };
    let forged = compose(&eve.device.key, as_alice, &LOBBY, "I am alice");
    assert_eq!(code(eve.post_signed(&LOBBY, forged).await), ErrorCode::Forbidden);
    // Naming alice's device, by eve's key.
    let as_device = Author { user: name("alice"), device: alice.device.key.id() };
    let forged = compose(&eve.device.key, as_device, &LOBBY, "I am alice");
    assert_eq!(code(eve.post_signed(&LOBBY, forged).await), ErrorCode::Forbidden);
    // Genuine, but carried by someone else.
    let genuine = alice.compose(&LOBBY, "by alice");
    assert_eq!(code(eve.post_signed(&LOBBY, genuine).await), ErrorCode::Forbidden);
    // Altered after it was signed.
    let mut altered = eve.compose(&LOBBY, "one euro");
    altered.envelope = altered.envelope.replace("one euro", "two euro");
    assert_eq!(code(eve.post_signed(&LOBBY, altered).await), ErrorCode::Forbidden);
    let mut large = eve.compose(&LOBBY, "x");
    large.envelope = eve.compose(&LOBBY, &"x".repeat(70_000)).envelope;
    eve.say(&ClientFrame::Send { to: LOBBY, message: large });
    let refused = eve
        .until(|frame| match frame {
            ServerFrame::Refused { error, .. } => Some(error),
            _ => None,
        })
        .await;
    assert_eq!(refused.code, ErrorCode::TooLarge);
    assert_eq!(eve.post(&LOBBY, "as myself").await, Seq(1), "none of it was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_gets_an_error_and_the_connection_goes_on() {
    let server = Server::open().await;
    let mut alice = server.person("alice").await;
    for nonsense in ["{", "[]", "null", "{\"type\":\"pull\"}", "{\"type\":\"send\",\"to\":3}", "\u{0}"] {
        alice.raw(nonsense.into());
        let error = alice
            .until(|frame| match frame {
                ServerFrame::Error { error } => Some(error),
                _ => None,
            })
            .await;
        assert_eq!(error.code, ErrorCode::BadRequest, "{nonsense}");
    }
    alice.raw("{\"type\":\"from_the_future\",\"x\":1}".into());
    assert_eq!(alice.post(&LOBBY, "fine").await, Seq(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_of_a_megabyte_ends_its_connection_and_no_other() {
    use futures_util::SinkExt;
    use tokio_tungstenite::tungstenite::Message;
    let server = Server::open().await;
    let mut bob = server.person("bob").await;
    let alice = server.device();
    let session = alice.sign_up("alice", None).await.unwrap();
    let mut ws = landline_net::websocket(
        alice.dial().await,
        landline_protocol::account::SESSION,
        &session.access_token,
    )
    .await
    .unwrap();
    let hello = r#"{"type":"hello","versions":[1],"agent":"t","device_name":"t"}"#;
    ws.send(Message::text(hello)).await.unwrap();
    while !bob.presence_of("alice").await.online {}
    // The other end may close before all of it is written.
    let _ = ws.send(Message::text("x".repeat(1 << 20))).await;
    while bob.presence_of("alice").await.online {}
    assert_eq!(bob.post(&LOBBY, "fine").await, Seq(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_frame_must_be_a_hello_of_a_known_version() {
    let server = Server::open().await;
    let alice = server.device();
    let session = alice.sign_up("alice", None).await.unwrap();
    for (first, why) in [
        (r#"{"type":"announce","addresses":[]}"#, ErrorCode::BadRequest),
        ("{", ErrorCode::BadRequest),
        (r#"{"type":"hello","versions":[77],"agent":"t","device_name":"t"}"#, ErrorCode::VersionUnsupported),
    ] {
        let (sender, mut receiver) = alice.socket(&session.access_token).await.unwrap();
        sender.send(first.into()).unwrap();
        let last = loop {
            match receiver.recv().await {
                Some(landline_net::Inbound::Text(text)) => break text,
                Some(landline_net::Inbound::RoundTrip(_)) => {}
                None => panic!("ended without a word"),
            }
        };
        match serde_json::from_str(&last).unwrap() {
            ServerFrame::Goodbye { error } => assert_eq!(error.code, why),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_cut_off_and_resumes_while_others_go_on() {
    let server = Server::open().await;
    let mut alice = server.person("alice").await;
    let lobby = ConversationId::lobby();
    let mut sleepy = server.person("sleepy").await;
    sleepy.backlog(lobby, Seq::ZERO).await;
    // Not taking what comes stops reading from the network. Enough to fill every buffer between.
    let text = "z".repeat(15_000);
    let mut sent = 0;
    while !alice_is_told_that_sleepy_left(&mut alice, &text, &mut sent).await {
        assert!(sent < 4_000, "nobody was cut off");
    }
    // Whatever the buffers still held comes first, then the end.
    let end = loop {
        match sleepy.try_next().await {
            Some(ServerFrame::Goodbye { error }) => break Some(error.code),
            Some(_) => {}
            None => break None,
        }
    };
    assert!(matches!(end, Some(ErrorCode::SlowConsumer) | None), "{end:?}");
    assert_ne!(sleepy.receiver.closed(), Some(Closed::Timeout));
    let mut again = sleepy.device.connect(&sleepy.session).await;
    let all = again.backlog(lobby, Seq::ZERO).await;
    assert!(all.iter().map(|m| m.seq.0).eq(1..=sent), "the resume has everything");
}

/// Posts some more; `true` once the presence of the one who does not read has changed.
async fn alice_is_told_that_sleepy_left(alice: &mut Line, text: &str, sent: &mut u64) -> bool {
    let mut left = false;
    for _ in 0..50 {
        let id = alice.send(&LOBBY, alice.compose(&LOBBY, text));
        *sent += 1;
        alice
            .until(|frame| match frame {
                ServerFrame::Presence { person } if person.user == name("sleepy") => {
                    left |= !person.online;
                    None
                }
                ServerFrame::Ack { id: acked, .. } if acked == id => Some(()),
                _ => None,
            })
            .await;
    }
    left
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_too_much_is_slowed_down_and_loses_nothing() {
    let server = Server::with(|config| {
        config.registration = landline_coordinator::Registration::Open;
        config.limits.frames_per_second = 5;
    })
    .await;
    let mut alice = server.person("alice").await;
    let begun = std::time::Instant::now();
    // Four seconds' worth at once, then five more.
    let messages: Vec<_> = (0..25).map(|n| alice.compose(&LOBBY, &n.to_string())).collect();
    for message in messages {
        alice.send(&LOBBY, message);
    }
    let mut acks = 0;
    while acks < 25 {
        acks += usize::from(matches!(alice.next().await, ServerFrame::Ack { .. }));
    }
    assert!(begun.elapsed().as_millis() >= 800, "{:?}", begun.elapsed());
}
