//! Tokens, refresh families, and what ends a connection.

use std::time::Duration;

use landline_net::websocket;
use landline_protocol::account::{self, Refresh};
use landline_protocol::{ClientFrame, ErrorCode, ServerFrame};
use landline_trust::TokenSigner;

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn refresh_tokens_rotate_and_a_lost_answer_signs_nobody_out() {
    let server = Server::open().await;
    let alice = server.device();
    let first = alice.sign_up("alice", None).await.unwrap();
    let second = alice.refresh(&first.refresh_token).await.unwrap();
    assert_ne!(second.refresh_token, first.refresh_token);
    let lost = alice.refresh(&second.refresh_token).await.unwrap();
    let third = alice.refresh(&second.refresh_token).await.expect("the answer was lost");
    assert_ne!(third.refresh_token, lost.refresh_token);
    let fourth = alice.refresh(&third.refresh_token).await.unwrap();
    alice.connect(&fourth).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_token_ends_the_family_and_its_socket() {
    let server = Server::open().await;
    let alice = server.device();
    let first = alice.sign_up("alice", None).await.unwrap();
    let second = alice.refresh(&first.refresh_token).await.unwrap();
    let third = alice.refresh(&second.refresh_token).await.unwrap();
    let mut line = alice.connect(&third).await;
    assert_eq!(code(alice.refresh(&first.refresh_token).await), ErrorCode::SessionRevoked);
    assert_eq!(line.goodbye().await.code, ErrorCode::SessionRevoked);
    assert_eq!(code(alice.refresh(&third.refresh_token).await), ErrorCode::SessionRevoked);
    let refused = alice.socket(&third.access_token).await.err().unwrap();
    assert_eq!(refused.code, ErrorCode::SessionRevoked, "its access token is over as well");
    alice.sign_in("alice", PASSWORD).await.expect("the account itself is well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_from_another_device_ends_the_family() {
    let server = Server::open().await;
    let alice = server.device();
    let session = alice.sign_up("alice", None).await.unwrap();
    let mut line = alice.connect(&session).await;
    let thief = server.device();
    assert_eq!(code(thief.refresh(&session.refresh_token).await), ErrorCode::SessionRevoked);
    assert_eq!(line.goodbye().await.code, ErrorCode::SessionRevoked);
    assert_eq!(code(alice.refresh(&session.refresh_token).await), ErrorCode::SessionRevoked);
    assert_eq!(code(thief.refresh("made up").await), ErrorCode::SessionRevoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_cannot_keep_the_database_busy_with_refresh_tokens() {
    let server = Server::open().await;
    let (alice, eve) = (server.device(), server.device());
    let session = alice.sign_up("alice", None).await.unwrap();
    let mut line = eve.http().await;
    let ask = Refresh { refresh_token: "made up".into() };
    let mut refused = None;
    for _ in 0..100 {
        let path = account::REFRESH;
        let answer =
            landline_net::call::<_, account::Session>(&mut line, hyper::Method::POST, path, None, Some(&ask));
        match answer.await {
            Err(landline_net::CallError::Refused(error)) if error.code == ErrorCode::TooManyRequests => {
                refused = Some(error);
                break;
            }
            Err(landline_net::CallError::Refused(error)) => assert_eq!(error.code, ErrorCode::SessionRevoked),
            other => panic!("{:?}", other.err()),
        }
    }
    let wait = refused.expect("never refused").details.retry_after_ms.unwrap();
    assert!(alice.refresh(&session.refresh_token).await.is_ok(), "another device");
    server.clock.advance(wait);
    assert_eq!(code(eve.refresh("made up").await), ErrorCode::SessionRevoked, "in time it may again");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_family_and_its_socket() {
    let server = Server::open().await;
    let alice = server.device();
    let session = alice.sign_up("alice", None).await.unwrap();
    let mut line = alice.connect(&session).await;
    let ask = Refresh { refresh_token: session.refresh_token.clone() };
    alice.post::<_, ()>(account::SIGN_OUT, None, &ask).await.unwrap();
    assert_eq!(line.goodbye().await.code, ErrorCode::SessionRevoked);
    assert_eq!(code(alice.refresh(&session.refresh_token).await), ErrorCode::SessionRevoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upgrade_wants_a_token_of_this_device_and_of_now() {
    let server = Server::open().await;
    let alice = server.device();
    let session = alice.sign_up("alice", None).await.unwrap();
    let refused = |token: String| {
        let alice = alice.clone();
        async move { alice.socket(&token).await.err().expect("let in").code }
    };
    let elsewhere = tempfile::tempdir().unwrap();
    let forger = TokenSigner::load_or_create(elsewhere.path(), server.coordinator.device()).unwrap();
    let now = server.clock.now();
    let (made_up, _) = forger.access(&name("alice"), &alice.key.id(), "s", now).unwrap();
    assert_eq!(refused(made_up).await, ErrorCode::Unauthenticated);
    assert_eq!(refused(session.peer_credential.clone()).await, ErrorCode::Unauthenticated, "wrong purpose");
    let claims = session.access_token.split('.').nth(1).unwrap();
    // {"alg":"none","typ":"JWT"}
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}.");
    assert_eq!(refused(unsigned).await, ErrorCode::Unauthenticated, "alg none");
    let thief = server.device().socket(&session.access_token).await.err().unwrap();
    assert_eq!(thief.code, ErrorCode::Unauthenticated, "another device");
    alice.connect(&session).await;
    server.clock.advance(10 * 60 * 1000 + 6_000);
    assert_eq!(refused(session.access_token.clone()).await, ErrorCode::TokenExpired);
    let fresh = alice.refresh(&session.refresh_token).await.unwrap();
    alice.connect(&fresh).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_refused_the_socket() {
    let server = Server::open().await;
    let alice = server.device();
    let session = alice.sign_up("alice", None).await.unwrap();
    let request = hyper::Request::get(account::SESSION)
        .header("authorization", format!("Bearer {}", session.access_token))
        .header("origin", "https://example.org")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==")
        .body(http_body_util::Full::default())
        .unwrap();
    let response = alice.http().await.send(request).await.unwrap();
    assert_eq!(response.status(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_outlives_its_token_only_with_a_fresh_one() {
    let server = Server::open().await;
    let (alice, bob) = (server.device(), server.device());
    let session = alice.sign_up("alice", None).await.unwrap();
    let mut renewed = alice.connect(&session).await;
    let of_bob = bob.sign_up("bob", None).await.unwrap();
    let mut forgetful = bob.connect(&of_bob).await;
    server.clock.advance(9 * 60 * 1000);
    let fresh = alice.refresh(&session.refresh_token).await.unwrap();
    renewed.say(&ClientFrame::Authenticate { token: fresh.access_token });
    let until = renewed
        .until(|frame| match frame {
            ServerFrame::Authenticated { expires_at } => Some(expires_at),
            _ => None,
        })
        .await;
    assert_eq!(until, fresh.access_expires_at);
    server.clock.advance(2 * 60 * 1000);
    assert_eq!(forgetful.goodbye().await.code, ErrorCode::TokenExpired);
    // She is still told what happens.
    while renewed.presence_of("bob").await.online {}
    renewed.say(&ClientFrame::Authenticate { token: of_bob.access_token });
    let end = renewed.goodbye().await;
    assert!(matches!(end.code, ErrorCode::Unauthenticated | ErrorCode::TokenExpired), "{end}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_connection_of_a_device_replaces_the_first() {
    let server = Server::open().await;
    let mut watcher = server.person("watcher").await;
    let alice = server.device();
    let session = alice.sign_up("alice", None).await.unwrap();
    let mut first = alice.connect(&session).await;
    let mut second = alice.connect(&session).await;
    assert_eq!(first.goodbye().await.code, ErrorCode::Replaced);
    second.post(&landline_protocol::ConversationKind::Lobby, "still here").await;
    second.sender.close(None);
    loop {
        if !watcher.presence_of("alice").await.online {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shutting_down_says_goodbye_and_when_to_come_back() {
    let server = Server::open().await;
    let mut lines = Vec::new();
    for n in 0..5 {
        lines.push(server.person(&format!("user{n}x")).await);
    }
    let begun = std::time::Instant::now();
    let ending = tokio::spawn(server.coordinator.shutdown());
    for line in &mut lines {
        let error = line.goodbye().await;
        assert_eq!(error.code, ErrorCode::ShuttingDown);
        let wait = error.details.retry_after_ms.unwrap();
        assert!((250..2_000).contains(&wait));
    }
    ending.await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
    let gone = &lines[0].device;
    let refused =
        landline_net::dial(&[gone.address], &gone.key, landline_trust::Expect::FirstUse, PATIENCE).await;
    assert!(refused.is_err(), "nobody listens any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_no_session() {
    let server = Server::open().await;
    let refused = websocket(server.device().dial().await, account::SESSION, "").await;
    assert!(refused.is_err());
}
