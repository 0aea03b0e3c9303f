//! Conversations: what is said arrives, once, in order, and only where it should.

use landline_protocol::frame::{Pull, Range};
use landline_protocol::{ClientFrame, ConversationId, ConversationKind, ErrorCode, Seq, ServerFrame};

use crate::support::*;

const LOBBY: ConversationKind = ConversationKind::Lobby;

fn direct(one: &str, other: &str) -> ConversationKind {
    ConversationKind::direct(name(one), name(other))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_that_cannot_be_read_ends_the_connection_so_that_it_resumes() {
    let server = Server::open().await;
    let mut alice = server.person("alice").await;
    let damage = |sql: &str| {
        let db = rusqlite::Connection::open(server.dir.path().join("data/coordinator.db")).unwrap();
        db.busy_timeout(PATIENCE).unwrap();
        db.execute_batch(sql).unwrap();
    };
    alice.post(&ConversationKind::Lobby, "kept").await;
    damage("ALTER TABLE messages RENAME TO misplaced");
    let pull = Pull { conversation: ConversationId::lobby(), range: Range::After(Seq::ZERO), limit: 10 };
    alice.say(&ClientFrame::Pull(pull));
    assert_eq!(alice.goodbye().await.code, ErrorCode::Internal);
    damage("ALTER TABLE misplaced RENAME TO messages");
    let mut again = alice.device.connect(&alice.session).await;
    assert_eq!(again.backlog(ConversationId::lobby(), Seq::ZERO).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_talk_in_the_lobby_and_in_private() {
    let server = Server::open().await;
    let (mut alice, mut bob) = (server.person("Alice").await, server.person("bob").await);
    let lobby = ConversationId::lobby();
    assert_eq!(bob.conversations[0].kind, LOBBY);
    assert!(bob.backlog(lobby, Seq::ZERO).await.is_empty());
    assert_eq!(alice.post(&LOBBY, "hello").await, Seq(1));
    assert_eq!(bob.delivered(lobby).await, (Seq(1), "hello".into()));
    // In another spelling of her name, for it is the same conversation.
    let private = direct("bob", "ALICE");
    assert_eq!(bob.post(&private, "psst").await, Seq(1));
    let made = alice
        .until(|frame| match frame {
            ServerFrame::Conversations { conversations } => Some(conversations),
            _ => None,
        })
        .await;
    assert_eq!(made.len(), 1);
    assert_eq!((made[0].kind.id(), made[0].head), (private.id(), Seq::ZERO));
    assert_eq!(alice.delivered(private.id()).await, (Seq(1), "psst".into()), "live without a pull");
    assert_eq!(bob.delivered(private.id()).await, (Seq(1), "psst".into()), "the sender gets it as well");
    assert_eq!(alice.post(&private, "yes?").await, Seq(2));
    assert_eq!(bob.delivered(private.id()).await, (Seq(2), "yes?".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_person_sees_nothing_of_a_direct_conversation_and_cannot_speak_in_it() {
    let server = Server::open().await;
    let (mut alice, mut bob) = (server.person("alice").await, server.person("bob").await);
    let mut eve = server.person("eve").await;
    let private = direct("alice", "bob");
    alice.post(&private, "between us").await;
    bob.delivered(private.id()).await;
    for range in [Range::After(Seq::ZERO), Range::Before(Seq(9))] {
        assert_eq!(code(eve.pull(private.id(), range, 10).await), ErrorCode::NotFound);
    }
    let intrusion = eve.compose(&private, "me too");
    assert_eq!(code(eve.post_signed(&private, intrusion).await), ErrorCode::Forbidden);
    // Under a conversation of her own the signed one does not match.
    let smuggled = eve.compose(&private, "me too");
    assert_eq!(code(eve.post_signed(&LOBBY, smuggled).await), ErrorCode::BadRequest);
    let unknown = direct("eve", "nobody");
    let lost = eve.compose(&unknown, "hello?");
    assert_eq!(code(eve.post_signed(&unknown, lost).await), ErrorCode::NotFound);
    // The lobby proves that nothing else was on its way to her.
    eve.backlog(ConversationId::lobby(), Seq::ZERO).await;
    bob.post(&LOBBY, "for all").await;
    loop {
        match eve.next().await {
            ServerFrame::Deliver { conversation, .. } => {
                assert_eq!(conversation, ConversationId::lobby());
                break;
            }
            ServerFrame::Conversations { conversations } => panic!("eve was told of {conversations:?}"),
            _ => {}
        }
    }
    assert_eq!(eve.device.connect(&eve.session).await.conversations.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_while_away_is_there_on_return_and_live_follows_it() {
    let server = Server::open().await;
    let mut alice = server.person("alice").await;
    let bob = server.device();
    let of_bob = bob.sign_up("bob", None).await.unwrap();
    let private = direct("alice", "bob");
    for n in 1..=5 {
        assert_eq!(alice.post(&private, &format!("message {n}")).await, Seq(n));
    }
    let mut line = bob.connect(&of_bob).await;
    let head = line.conversations.iter().find(|c| c.kind == private).unwrap().head;
    assert_eq!(head, Seq(5));
    let page = line.pull(private.id(), Range::After(Seq(2)), 2).await.unwrap();
    assert_eq!(page.messages.iter().map(|m| m.seq).collect::<Vec<_>>(), [Seq(3), Seq(4)]);
    assert_eq!(page.head, Seq(5));
    let rest = line.backlog(private.id(), Seq(4)).await;
    assert_eq!(rest.iter().map(text_of).collect::<Vec<_>>(), ["message 5"]);
    alice.post(&private, "message 6").await;
    assert_eq!(line.delivered(private.id()).await, (Seq(6), "message 6".into()));
    let older = line.pull(private.id(), Range::Before(Seq(4)), 2).await.unwrap();
    assert_eq!(older.messages.iter().map(text_of).collect::<Vec<_>>(), ["message 2", "message 3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missed_or_doubled_between_the_backlog_and_live() {
    let server = Server::open().await;
    let mut alice = server.person("alice").await;
    let mut bob = server.person("bob").await;
    let lobby = ConversationId::lobby();
    // An empty conversation would be live from the first pull on.
    alice.post(&LOBBY, "1").await;
    let talker = tokio::spawn(async move {
        for n in 2..=300 {
            alice.post(&LOBBY, &n.to_string()).await;
        }
        alice
    });
    let mut seen = Vec::new();
    let mut cursor = Seq::ZERO;
    // Small pages, so that the race with the talker is run often.
    loop {
        bob.say(&ClientFrame::Pull(Pull { conversation: lobby, range: Range::After(cursor), limit: 3 }));
        let page = bob
            .until(|frame| match frame {
                ServerFrame::Page(page) => Some(page),
                ServerFrame::Deliver { message, .. } => panic!("{} came before its turn", message.seq),
                _ => None,
            })
            .await;
        cursor = page.messages.last().map_or(cursor, |last| last.seq);
        seen.extend(page.messages.iter().map(text_of));
        if cursor == page.head {
            break;
        }
    }
    while seen.len() < 300 {
        seen.push(bob.delivered(lobby).await.1);
    }
    assert_eq!(seen, (1..=300).map(|n| n.to_string()).collect::<Vec<_>>());
    talker.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backlog_survives_a_restart_in_pages_that_fit_a_frame() {
    let server = Server::open().await;
    let mut alice = server.person("alice").await;
    // Quotes and backslashes double when an envelope is put into a frame, twice over.
    let heavy = "\"\\".repeat(5_000);
    for _ in 0..40 {
        alice.post(&LOBBY, &heavy).await;
    }
    let (config, clock) = (config(server.dir.path()), server.clock.clone());
    server.coordinator.shutdown().await;
    let again = landline_coordinator::Coordinator::start_with_clock(config, clock).await.unwrap();
    let device = Device { address: again.address(), ..alice.device.clone() };
    let mut line = device.connect(&alice.session).await;
    assert_eq!(line.conversations[0].head, Seq(40));
    let all = line.backlog(ConversationId::lobby(), Seq::ZERO).await;
    assert!(all.iter().map(|m| m.seq.0).eq(1..=40));
    assert!(all.iter().all(|m| text_of(m) == heavy));
    assert_eq!(line.post(&LOBBY, "onwards").await, Seq(41));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_sent_again_keeps_its_place_and_other_bytes_are_refused() {
    let server = Server::open().await;
    let mut alice = server.person("alice").await;
    let mut bob = server.person("bob").await;
    bob.backlog(ConversationId::lobby(), Seq::ZERO).await;
    let message = alice.compose(&LOBBY, "once");
    assert_eq!(alice.post_signed(&LOBBY, message.clone()).await, Ok(Seq(1)));
    assert_eq!(alice.post(&LOBBY, "between").await, Seq(2));
    assert_eq!(alice.post_signed(&LOBBY, message.clone()).await, Ok(Seq(1)));
    let mut other = landline_trust::open(&message).unwrap();
    other.sent_at = other.sent_at.plus_millis(1);
    let conflicting = landline_trust::seal(&alice.device.key, &other);
    assert_eq!(code(alice.post_signed(&LOBBY, conflicting).await), ErrorCode::Conflict);
    assert_eq!(alice.post(&LOBBY, "after").await, Seq(3));
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.push(bob.delivered(ConversationId::lobby()).await.1);
    }
    assert_eq!(heard, ["once", "between", "after"], "nobody saw the repetition");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_devices_of_both_people_get_a_message() {
    let server = Server::open().await;
    let mut bob = server.person("bob").await;
    let (pc, nas) = (server.device(), server.device());
    let mut at_pc = pc.connect(&pc.sign_up("alice", None).await.unwrap()).await;
    let mut at_nas = nas.connect(&nas.sign_in("alice", PASSWORD).await.unwrap()).await;
    let private = direct("alice", "bob");
    at_pc.post(&private, "from the pc").await;
    for line in [&mut bob, &mut at_nas, &mut at_pc] {
        assert_eq!(line.delivered(private.id()).await.1, "from the pc");
    }
    let notes = direct("alice", "alice");
    at_nas.post(&notes, "to myself").await;
    assert_eq!(at_pc.delivered(notes.id()).await.1, "to myself");
}
