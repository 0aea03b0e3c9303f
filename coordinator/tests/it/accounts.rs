//! Who may come in.

use std::time::Instant;

use landline_coordinator::{Clock, Coordinator, Registration, StartError, invite_into};
use landline_protocol::ErrorCode;
use landline_protocol::account::{self, Health, Invite, KeySet};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_first_invite_makes_the_admin_who_invites_the_rest() {
    let server = Server::with(|_| {}).await;
    let code_of_admin = server.first_code();
    let alice = server.device();
    let admin = alice.sign_up("alice", Some(&code_of_admin)).await.unwrap();
    assert!(admin.admin);
    assert!(server.coordinator.first_invite().is_none(), "there is an account now");
    let again = server.device().sign_up("bob", Some(&code_of_admin)).await;
    assert_eq!(code(again), ErrorCode::InviteInvalid, "an invite is good once");
    let invite: Invite = alice.post(account::INVITES, Some(&admin.access_token), &()).await.unwrap();
    let bob = server.device();
    let guest = bob.sign_up("bob", Some(&invite.code)).await.unwrap();
    assert!(!guest.admin);
    let refused = bob.post::<_, Invite>(account::INVITES, Some(&guest.access_token), &()).await;
    assert_eq!(code(refused), ErrorCode::Forbidden);
    assert_eq!(code(server.device().sign_up("carol", None).await), ErrorCode::InviteRequired);
    assert_eq!(code(server.device().sign_up("carol", Some("made-up")).await), ErrorCode::InviteInvalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_ends_after_seven_days_and_is_kept_when_the_sign_up_fails() {
    let server = Server::with(|_| {}).await;
    let alice = server.device();
    let admin = alice.sign_up("alice", Some(&server.first_code())).await.unwrap();
    let invite: Invite = alice.post(account::INVITES, Some(&admin.access_token), &()).await.unwrap();
    let taken = server.device().sign_up("ALICE", Some(&invite.code)).await;
    assert_eq!(code(taken), ErrorCode::NameTaken);
    server.clock.advance(7 * 24 * 60 * 60 * 1000 - 1_000);
    server.device().sign_up("bob", Some(&invite.code)).await.unwrap();
    let admin = alice.sign_in("alice", PASSWORD).await.unwrap();
    let late: Invite = alice.post(account::INVITES, Some(&admin.access_token), &()).await.unwrap();
    server.clock.advance(7 * 24 * 60 * 60 * 1000 + 1_000);
    assert_eq!(code(server.device().sign_up("carol", Some(&late.code)).await), ErrorCode::InviteInvalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn open_registration_makes_no_admin_and_refuses_lookalikes() {
    let server = Server::open().await;
    assert!(!server.device().sign_up("Alice", None).await.unwrap().admin);
    server.device().sign_up("BOB", None).await.unwrap();
    for alike in ["Alice", "alice", "аlice", "ＡＬＩＣＥ", "aIice", "AlICE", "B0B", "b0b", "ВОВ"] {
        assert_eq!(code(server.device().sign_up(alike, None).await), ErrorCode::NameTaken, "{alike}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sign_ups_at_once_get_one_name_and_one_invite() {
    let server = Server::with(|_| {}).await;
    let invite = server.first_code();
    let (a, b) = (server.device(), server.device());
    let (one, other) = tokio::join!(a.sign_up("alice", Some(&invite)), b.sign_up("bob", Some(&invite)));
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_have_a_length() {
    let server = Server::open().await;
    for (password, fits) in
        [("1234567", false), ("пароль88", true), (&*"x".repeat(1024), true), (&*"x".repeat(1025), false)]
    {
        let ask = account::SignUp {
            username: name(&format!("user{}", password.len())),
            password: password.into(),
            invite: None,
            device_name: String::new(),
        };
        let result = server.device().post::<_, account::Session>(account::SIGN_UP, None, &ask).await;
        match result {
            Ok(_) => assert!(fits, "{password}"),
            Err(error) => assert!(!fits && error.code == ErrorCode::PasswordUnfit, "{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_and_a_wrong_password_cannot_be_told_apart() {
    let server = Server::open().await;
    let device = server.device();
    device.sign_up("alice", None).await.unwrap();
    assert_eq!(device.sign_in("ALICE", PASSWORD).await.unwrap().user, name("alice"));
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    let mut answers = Vec::new();
    // Strangers' devices, fewer attempts than the limit for an account.
    for _ in 0..5 {
        for (who, times) in ["alice", "nobody", "not a \u{202e} name"].into_iter().zip(&mut times) {
            let mut connection = server.device().http().await;
            let ask = account::SignIn {
                username: who.into(),
                password: "wrong password".into(),
                device_name: String::new(),
            };
            let begun = Instant::now();
            let answer = landline_net::call::<_, account::Session>(
                &mut connection,
                hyper::Method::POST,
                account::SIGN_IN,
                None,
                Some(&ask),
            );
            answers.push(answer.await.err().unwrap().to_string());
            times.push(begun.elapsed());
        }
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    let [known, unknown, unreadable] = times.map(|mut t| {
        t.sort();
        t[1].as_secs_f64()
    });
    for other in [unknown, unreadable] {
        let ratio = other / known;
        assert!((0.4..2.5).contains(&ratio), "{known} s against {other} s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slowed_down_and_does_not_lock_the_owner_out() {
    let server = Server::open().await;
    let alice = server.device();
    alice.sign_up("alice", None).await.unwrap();
    let guesser = server.device();
    let mut codes = Vec::new();
    for _ in 0..12 {
        codes.push(code(guesser.sign_in("alice", "wrong password").await));
    }
    assert_eq!(codes[9], ErrorCode::WrongCredentials);
    assert_eq!(codes[11], ErrorCode::TooManyRequests);
    alice.sign_in("alice", PASSWORD).await.expect("the owner's own device gets in");
    server.clock.advance(60_000);
    assert_eq!(code(guesser.sign_in("alice", "wrong password").await), ErrorCode::WrongCredentials);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_from_one_address_is_slowed_down() {
    let server = Server::with(|config| config.limits.sign_ins_per_address = 3).await;
    for _ in 0..3 {
        assert_eq!(code(server.device().sign_in("nobody", PASSWORD).await), ErrorCode::WrongCredentials);
    }
    let refused = server.device().sign_in("somebody", PASSWORD).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::TooManyRequests);
    assert!(refused.details.retry_after_ms.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_open_routes_answer_and_nothing_else_is_there() {
    let server = Server::open().await;
    let device = server.device();
    let health: Health = device.get(account::HEALTH).await.unwrap();
    assert_eq!(health.status, "ok");
    let keys: KeySet = device.get(account::KEYS).await.unwrap();
    assert_eq!(keys.issuer, server.coordinator.device());
    assert_eq!(code(device.get::<Health>("/v1/nothing").await), ErrorCode::NotFound);
    assert_eq!(code(device.get::<Health>(account::SIGN_IN).await), ErrorCode::BadRequest);
    let large = "x".repeat(20 * 1024);
    let refused = device.post::<_, ()>(account::SIGN_IN, None, &large).await;
    assert_eq!(code(refused), ErrorCode::TooLarge);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_coordinator_on_the_same_data_says_so_and_an_invite_can_be_made_beside() {
    let server = Server::with(|_| {}).await;
    let config = config(server.dir.path());
    let second = Coordinator::start(config.clone()).await.err().unwrap();
    assert!(matches!(second, StartError::Locked(_)), "{second}");
    let links = invite_into(&config, false, &server.clock).unwrap();
    assert_eq!(links[0].port, server.coordinator.address().port());
    assert_eq!(links[0].key, server.coordinator.device());
    assert!(!server.device().sign_up("bob", Some(&links[0].code)).await.unwrap().admin);
    let elsewhere = tempfile::tempdir().unwrap();
    let never = invite_into(&crate::support::config(elsewhere.path()), false, &Clock::system()).unwrap_err();
    assert!(matches!(never, StartError::NeverRan(_)), "{never}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_start_without_accounts_prints_a_fresh_first_invite() {
    let server = Server::with(|config| config.registration = Registration::Invite).await;
    let (old, config) = (server.first_code(), config(server.dir.path()));
    let device = server.coordinator.device();
    server.coordinator.shutdown().await;
    let coordinator = Coordinator::start(config).await.unwrap();
    assert_eq!(coordinator.device(), device, "the key stays");
    let fresh = coordinator.first_invite().unwrap();
    assert_ne!(fresh.code, old);
    let joiner = Device::new(coordinator.address(), fresh.key);
    assert_eq!(code(joiner.sign_up("alice", Some(&old)).await), ErrorCode::InviteInvalid);
    assert!(joiner.sign_up("alice", Some(&fresh.code)).await.unwrap().admin);
}
