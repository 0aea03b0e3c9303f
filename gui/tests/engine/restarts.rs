//! Transfers over restarts of either side, and without the coordinator.

use std::time::Duration;

use landline_peer::api::{RecipientState, TransferState, TransferView};
use tokio::time::Instant;

use crate::office::Office;
use crate::person::{Machine, PATIENCE};
use crate::probe::*;
use crate::views::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_comes_back_is_fetched_from_at_once_or_later() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    // Whoever asks while the engine is still starting must not take that for an answer. Many ask,
    // several times over, so that some do.
    for round in 0..3 {
        let mut offers = Vec::new();
        for number in 0..6 {
            let file = alice.file(&format!("{round}-{number}"), 20_000);
            let offer = alice.shares(&LOBBY, file.clone()).await;
            bob.is_offered(offer).await;
            offers.push((offer, file));
        }
        alice.leave().await;
        for (offer, _) in &offers {
            bob.accepts(*offer).await;
        }
        let first = offers[0].0;
        bob.transfer("waiting for alice", first, |view| matches!(view.state, TransferState::Waiting(_)))
            .await;
        alice.come_back().await;
        for (offer, file) in &offers {
            assert_same_content(file, &bob.receives(*offer).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_restarts_midway() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    alice.sends_at(64 * MIB).await;
    let file = alice.file("image.iso", LONG);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    bob.accepts(offer).await;
    bob.is_midway(offer).await;
    alice.leave().await;
    bob.transfer("waiting for alice", offer, |view| matches!(view.state, TransferState::Waiting(_))).await;
    alice.come_back().await;
    assert_same_content(&file, &bob.receives(offer).await);
    assert_eq!(bob.in_downloads(), ["image.iso"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_restarts_midway() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    alice.sends_at(64 * MIB).await;
    let file = alice.file("image.iso", LONG);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    bob.accepts(offer).await;
    bob.is_midway(offer).await;
    bob.leave().await;
    assert!(!bob.in_downloads().contains(&"image.iso".to_owned()), "too fast to be interrupted");
    bob.come_back().await;
    assert_same_content(&file, &bob.receives(offer).await);
    assert_eq!(bob.in_downloads(), ["image.iso"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_outlives_the_coordinator() {
    let mut office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    alice.sends_at(64 * MIB).await;
    let file = alice.file("image.iso", LONG);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    bob.accepts(offer).await;
    bob.is_midway(offer).await;
    alice.transfer("a sealed offer", offer, |view| view.hashed.is_none()).await;
    // What follows the seal shows that bob has it.
    alice.says(&LOBBY, "sealed").await;
    bob.hears(&LOBBY, "sealed").await;
    office.stop().await;
    assert_same_content(&file, &bob.receives(offer).await);
    bob.is_offline().await;
    alice.is_offline().await;
    office.start().await;
    bob.reconnects().await;
    alice.reconnects().await;
    alice.sees("bob has it", |snapshot| recipient(snapshot, offer, &bob) == Some(RecipientState::Done)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_starting_says_no_to_nobody() {
    let office = Office::open().await;
    let listen = fixed_address(3);
    let mut alice = office.person_on("alice", Machine { listen, ..Machine::default() }).await;
    let bob = office.person("bob").await;
    let mut offer = None;
    for number in 0..40 {
        let file = alice.file(&format!("file {number}"), 1000);
        offer = Some(alice.shares(&LOBBY, file).await);
    }
    alice.says(&LOBBY, "all of them").await;
    alice.hears(&LOBBY, "all of them").await;
    let share = overview(&office, "visitor").await.shares[&offer.unwrap()];
    let probe = Probe::copy_of(&bob);
    for _ in 0..3 {
        alice.leave().await;
        let asking = async {
            loop {
                match probe.ask_once(listen, share).await {
                    Answer::Served(_) => break,
                    Answer::Refused(error) => {
                        assert!(error.details.retry_after_ms.is_some(), "told no for good: {error:?}");
                    }
                    Answer::Closed => tokio::task::yield_now().await,
                }
            }
        };
        tokio::join!(asking, alice.come_back());
        alice.is_connected().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_comes_back_elsewhere_is_found() {
    let office = Office::open().await;
    let listen: std::net::SocketAddr = "127.78.0.4:0".parse().unwrap();
    let mut alice = office.person_on("alice", Machine { listen, ..Machine::default() }).await;
    let mut bob = office.person("bob").await;
    let file = alice.file("moving.txt", 3 * MIB);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    bob.is_offered(offer).await;
    let device = alice.snapshot().device;
    let servers = overview(&office, "visitor").await.servers;
    let server = *servers[&device].iter().find(|one| one.ip() == listen.ip()).unwrap();
    alice.leave().await;
    let somebody_else = tokio::net::TcpSocket::new_v4().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = somebody_else.bind(server) {
        assert!(Instant::now() < deadline, "the port of an engine that ended is not free: {error}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bob.accepts(offer).await;
    alice.come_back().await;
    assert_same_content(&file, &bob.receives(offer).await);
    assert!(!overview(&office, "visitor 2").await.servers[&device].contains(&server));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_offered_is_fetched_without_the_coordinator() {
    let mut office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let file = alice.file("plan.txt", 3 * MIB);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    bob.is_offered(offer).await;
    bob.meets(&alice).await;
    office.stop().await;
    alice.restart().await;
    bob.restart().await;
    bob.accepts(offer).await;
    assert_same_content(&file, &bob.receives(offer).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_here_is_told_after_a_restart_with_everybody_away() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    alice.sends_at(20 * MIB).await;
    let file = alice.file("film.mkv", 40 * MIB);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    bob.accepts(offer).await;
    bob.transfer("a good part", offer, |view| view.bytes >= 10 * MIB).await;
    alice.leave().await;
    bob.restart().await;
    let told = |view: &TransferView| matches!(view.state, TransferState::Waiting(_)) && view.bytes >= 9 * MIB;
    bob.transfer("waiting, with what is here", offer, told).await;
    alice.come_back().await;
    assert_same_content(&file, &bob.receives(offer).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_restarts_midway_and_the_rest_comes_from_two() {
    let mut office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let mut carol = office.person("carol").await;
    alice.sends_at(20 * MIB).await;
    let file = alice.file("image.iso", 60 * MIB);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    bob.accepts(offer).await;
    carol.accepts(offer).await;
    bob.is_midway(offer).await;
    carol.is_midway(offer).await;
    bob.leave().await;
    office.stop().await;
    alice.restart().await;
    office.start().await;
    carol.restart().await;
    bob.come_back().await;
    for person in [&mut bob, &mut carol] {
        assert_same_content(&file, &person.receives(offer).await);
        assert_eq!(person.in_downloads(), ["image.iso"]);
    }
}
