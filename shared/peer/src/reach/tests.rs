//! Reaching others and being reached, over real sockets on loopback.

mod desk;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use hyper::header::AUTHORIZATION;
use landline_net::{CallError, DialError, Networks, dial, reverse};
use landline_protocol::{DialNonce, ErrorCode, limits};
use landline_transfer::fetch::Connect;
use landline_transfer::share::{Audience, Shares};
use landline_trust::{DeviceKey, Expect};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::heed::is_next_door;
use desk::{Device, PATIENCE, Relay, SHARE, ask, closed, request};

/// Dials `whom` as `key` and shows the nonce, as whoever was asked to dial back does.
async fn show(nonce: &DialNonce, key: &DeviceKey, whom: &Device) -> Result<reverse::Reversed, ErrorCode> {
    let dialled = dial(&[whom.address()], key, Expect::Pinned(whom.id()), PATIENCE).await.unwrap();
    match reverse::offer(dialled, nonce).await {
        Ok(stream) => Ok(stream),
        Err(CallError::Refused(error)) => Err(error.code),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn whoever_cannot_be_dialled_dials_back_and_is_asked_on_that_connection() {
    let mut relay = Relay::start(false).await;
    let (alice, bob) = (Device::at(&relay).await, Device::at(&relay).await);
    let source = bob.thought_to_be_at(&[closed().await]);
    let begun = Instant::now();
    let mut connection = timeout(PATIENCE, alice.reach().connect(&source)).await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(3), "refused is no reason to wait: {:?}", begun.elapsed());
    assert_eq!(connection.device(), bob.id());
    let asked = relay.asked.recv().await.unwrap();
    assert_eq!((asked.from, asked.to), (alice.id(), bob.id()));
    assert_eq!(asked.addresses, [alice.address()]);
    // The same gate as for those who dial: it is not open, and would want a credential.
    assert_eq!(ask(&mut connection).await, (429, ErrorCode::TooManyRequests));
}

#[tokio::test]
async fn a_file_comes_over_a_connection_dialled_back_and_a_share_that_ends_hangs_up() {
    let relay = Relay::start(false).await;
    let (alice, bob) = (Device::at(&relay).await, Device::at(&relay).await);
    let dir = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..48u32 * 1024 * 1024).map(|n| (n / 4093).to_le_bytes()[0]).collect();
    std::fs::write(dir.path().join("file"), &content).unwrap();
    let share = || Shares::open(&dir.path().join("file")).unwrap();
    bob.shares.add(SHARE, share(), Audience::Everyone);
    let credential = format!("Bearer {}", bob.admit(&alice));
    let asked = || {
        let mut request = request();
        request.headers_mut().insert(AUTHORIZATION, credential.parse().unwrap());
        request
    };
    let mut connection = alice.reach().connect(&bob.thought_to_be_at(&[])).await.unwrap();
    assert_eq!(ask(&mut connection).await, (401, ErrorCode::Unauthenticated));
    let body = connection.send(asked()).await.unwrap().into_body();
    let arrived = timeout(PATIENCE, body.collect()).await.unwrap().unwrap().to_bytes();
    assert!(arrived == content, "{} bytes", arrived.len());

    let unread = connection.send(asked()).await.unwrap();
    bob.shares.remove(&SHARE);
    let tasks = &bob.reach().0.tasks;
    let hung_up = async {
        while !tasks.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(1), hung_up).await.expect("also when nobody reads");
    assert!(timeout(PATIENCE, unread.into_body().collect()).await.unwrap().is_err());
}

#[tokio::test]
async fn a_device_that_answers_directly_is_not_asked_to_dial_back() {
    let mut relay = Relay::start(false).await;
    let (alice, bob) = (Device::at(&relay).await, Device::at(&relay).await);
    let source = bob.thought_to_be_at(&[closed().await, bob.address()]);
    let mut connection = alice.reach().connect(&source).await.unwrap();
    assert_eq!((connection.device(), connection.remote()), (bob.id(), bob.address()));
    assert_eq!(ask(&mut connection).await.0, 429);
    assert!(relay.asked.try_recv().is_err());
}

#[tokio::test]
async fn silence_is_not_waited_for_to_its_end() {
    let relay = Relay::start(false).await;
    let (alice, bob) = (Device::at(&relay).await, Device::at(&relay).await);
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let source = bob.thought_to_be_at(&[silent.local_addr().unwrap()]);
    let begun = Instant::now();
    let connection = timeout(PATIENCE, alice.reach().connect(&source)).await.unwrap().unwrap();
    assert_eq!(connection.device(), bob.id());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn another_key_is_reported_unless_another_way_leads_there() {
    let relay = Relay::start(false).await;
    let (alice, bob, eve) = (Device::at(&relay).await, Device::at(&relay).await, Device::start().await);
    let source = bob.thought_to_be_at(&[eve.address()]);
    let connection = timeout(PATIENCE, alice.reach().connect(&source)).await.unwrap().unwrap();
    assert_eq!(connection.device(), bob.id());
    let alone = Device::start().await;
    match alone.reach().connect(&source).await {
        Err(DialError::KeyChanged(mismatch)) => assert_eq!(mismatch.seen, eve.id()),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("somebody else was taken for bob"),
    }
}

#[tokio::test]
async fn a_nonce_is_good_once_and_only_for_the_device_that_was_asked() {
    let mut relay = Relay::start(true).await;
    let alice = Device::at(&relay).await;
    let (bob, eve) = (Device::start().await, Device::start().await);
    let source = bob.thought_to_be_at(&[]);
    let reach = alice.reach().clone();
    let connecting = tokio::spawn(async move { reach.connect(&source).await.map(|c| c.device()) });
    let nonce = timeout(PATIENCE, relay.asked.recv()).await.unwrap().unwrap().nonce;
    assert_eq!(show(&nonce, &eve.key, &alice).await.err(), Some(ErrorCode::NotFound), "another device");
    let wrong = DialNonce::from_bytes([0; 16]);
    assert_eq!(show(&wrong, &bob.key, &alice).await.err(), Some(ErrorCode::NotFound), "another nonce");
    assert!(!connecting.is_finished());
    let _stream = show(&nonce, &bob.key, &alice).await.unwrap();
    let connected = timeout(PATIENCE, connecting).await.unwrap().unwrap();
    assert_eq!(connected.unwrap(), bob.id(), "what others tried did not use it up");
    assert_eq!(show(&nonce, &bob.key, &alice).await.err(), Some(ErrorCode::NotFound), "a second time");
}

#[tokio::test]
async fn a_device_is_asked_only_so_often() {
    let mut relay = Relay::start(true).await;
    let (alice, bob) = (Device::at(&relay).await, Device::start().await);
    let source = bob.thought_to_be_at(&[]);
    for _ in 0..limits::DIAL_BACKS_PER_MINUTE {
        let asked = async { relay.asked.recv().await.unwrap() };
        tokio::select! {
            _ = alice.reach().connect(&source) => panic!("nobody dials back"),
            asked = asked => assert_eq!(asked.to, bob.id()),
        }
    }
    let outcome = timeout(Duration::from_secs(2), alice.reach().connect(&source)).await.unwrap();
    assert!(matches!(outcome, Err(DialError::NoAddress)));
    assert!(relay.asked.try_recv().is_err());
}

#[tokio::test]
async fn a_connection_that_was_dialled_back_is_used_again_while_it_is_good() {
    let mut relay = Relay::start(false).await;
    let (alice, bob) = (Device::at(&relay).await, Device::at(&relay).await);
    let source = bob.thought_to_be_at(&[]);
    for _ in 0..3 * limits::DIAL_BACKS_PER_MINUTE {
        let mut connection = alice.reach().connect(&source).await.unwrap();
        assert_eq!(ask(&mut connection).await.0, 429);
    }
    let (one, other) = tokio::join!(alice.reach().connect(&source), alice.reach().connect(&source));
    assert!(one.is_ok() && other.is_ok(), "two at a time are two");
    let mut asked = 0;
    while relay.asked.try_recv().is_ok() {
        asked += 1;
    }
    assert_eq!(asked, 2);
    drop((one, other));
    let bob_id = bob.id();
    bob.files.stop().await;
    let all_gone = async {
        while alice.reach().0.idle.take(bob_id).is_some() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, all_gone).await.expect("what has ended is not used again");
}

#[tokio::test]
async fn only_so_many_requests_of_a_device_are_heeded() {
    let relay = Relay::start(false).await;
    let bob = Device::at(&relay).await;
    let (alice, eve) = (DeviceKey::generate().unwrap().id(), DeviceKey::generate().unwrap().id());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = vec![listener.local_addr().unwrap()];
    let mut held = Vec::new();
    for n in 0..limits::DIAL_BACKS_PER_MINUTE + 3 {
        bob.reach().dial_back(eve, there.clone(), DialNonce::from_bytes([1; 16]));
        if n < limits::DIAL_BACKS_PER_MINUTE {
            held.push(timeout(PATIENCE, listener.accept()).await.unwrap().unwrap());
        }
    }
    let one_more = timeout(Duration::from_millis(300), listener.accept()).await;
    assert!(one_more.is_err(), "more than {} in a minute", limits::DIAL_BACKS_PER_MINUTE);
    bob.reach().dial_back(alice, there, DialNonce::from_bytes([1; 16]));
    timeout(PATIENCE, listener.accept()).await.expect("others are heeded").unwrap();
}

#[tokio::test]
async fn nothing_is_said_to_another_device_at_the_address_given() {
    let mut relay = Relay::start(true).await;
    let (alice, bob) = (Device::at(&relay).await, Device::at(&relay).await);
    let eve = Device::start().await;
    // If anything were said to eve it would be a nonce that she waits for, and she would take it.
    let ticket = eve.reach().0.expected.ticket(bob.id()).unwrap();
    bob.reach().dial_back(alice.id(), vec![eve.address()], ticket.nonce);
    let source = bob.thought_to_be_at(&[]);
    let connecting = alice.reach().connect(&source);
    let answering = async {
        let nonce = relay.asked.recv().await.unwrap().nonce;
        bob.reach().dial_back(alice.id(), vec![eve.address(), alice.address()], nonce);
        std::future::pending::<()>().await;
    };
    let _connection = tokio::select! {
        connected = connecting => connected.unwrap(),
        () = answering => unreachable!("it waits for ever"),
    };
    let only_alice_is_left = async {
        while bob.reach().0.tasks.len() > 1 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, only_alice_is_left).await.unwrap();
    assert!(eve.reach().0.expected.take(&ticket.nonce, bob.id()).is_some(), "the nonce was not shown to her");
}

#[tokio::test]
async fn the_end_of_the_file_server_ends_what_it_serves_on_connections_it_dialled() {
    let relay = Relay::start(false).await;
    let (alice, bob) = (Device::at(&relay).await, Device::at(&relay).await);
    let source = bob.thought_to_be_at(&[]);
    let mut connection = timeout(PATIENCE, alice.reach().connect(&source)).await.unwrap().unwrap();
    ask(&mut connection).await;
    let tasks = bob.reach().0.tasks.clone();
    assert_eq!(tasks.len(), 1);
    timeout(Duration::from_secs(3), bob.files.stop()).await.expect("nothing is under way");
    assert!(tasks.is_empty());
    let over = async {
        while !connection.is_closed() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, over).await.expect("the other side sees the end");
}

#[test]
fn only_what_is_next_door_is_dialled_for_somebody_else() {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let at = |text: &str| text.parse::<SocketAddr>().unwrap();
    let lan: Networks =
        [(ip("127.0.0.1"), 8), (ip("192.168.7.20"), 24), (ip("fd00:7::20"), 64)].into_iter().collect();
    let (far, near) = (Some(ip("192.168.7.1")), Some(ip("127.0.0.1")));
    for good in ["192.168.7.21:4811", "[fd00:7::21]:1024", "[::ffff:192.168.7.21]:65535"] {
        assert!(is_next_door(at(good), &lan, far), "{good}");
    }
    for bad in [
        "192.168.8.21:4811",
        "8.8.8.8:4811",
        "192.168.7.1:22",
        "192.168.7.1:1023",
        "0.0.0.0:4811",
        "[::]:4811",
        "224.0.0.251:5353",
        "[fd00:8::1]:4811",
        "[::ffff:8.8.8.8]:4811",
        "127.0.0.1:4811",
        "[::ffff:127.0.0.1]:4811",
    ] {
        assert!(!is_next_door(at(bad), &lan, far), "{bad}");
        assert!(!is_next_door(at(bad), &lan, None), "{bad}");
    }
    assert!(is_next_door(at("127.0.0.1:4811"), &lan, near), "the coordinator is on this machine");
    assert!(!is_next_door(at("127.0.0.1:631"), &lan, near), "services of the system");
    let alone: Networks = [(ip("127.0.0.1"), 8)].into_iter().collect();
    assert!(is_next_door(at("127.0.0.1:4811"), &alone, None), "there is nothing else");
}
