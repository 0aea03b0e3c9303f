//! A device that was signed out gets nothing from other peers, though its credential still lasts.

use std::time::Duration;

use http_body_util::BodyExt as _;
use landline_peer::api::Action;
use landline_protocol::ErrorCode;
use tokio::time::{Instant, sleep};

use crate::office::Office;
use crate::person::{Machine, Person};
use crate::probe::*;
use crate::views::*;

/// From the sign-out to the refusal.
const SOON: Duration = Duration::from_secs(3);

/// Whether an answer means that the asker is not let in at all.
fn is_turned_away(answer: &Answer) -> bool {
    let codes = [ErrorCode::Unauthenticated, ErrorCode::SessionRevoked, ErrorCode::Forbidden];
    match answer {
        Answer::Closed => true,
        Answer::Refused(error) => codes.contains(&error.code),
        Answer::Served(_) => false,
    }
}

fn is_served(answer: &Answer) -> bool {
    matches!(answer, Answer::Served(_))
}

async fn person_at(office: &Office, name: &str, host: u8) -> (Person, std::net::SocketAddr) {
    let listen = fixed_address(host);
    (office.person_on(name, Machine { listen, ..Machine::default() }).await, listen)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_signed_out_is_served_no_more() {
    let mut office = Office::open().await;
    let (mut alice, server) = person_at(&office, "alice", 1).await;
    let (mut bob, carol) = (office.person("bob").await, office.person("carol").await);
    let file = alice.file("small", 1000);
    let offer = alice.shares(&LOBBY, file).await;
    alice
        .sees("the offer is made", |snapshot| {
            messages(snapshot, &LOBBY).iter().any(|one| one.id == offer && place(one).is_some())
        })
        .await;
    let share = overview(&office, "visitor").await.shares[&offer];
    let (stolen, honest) = (Probe::copy_of(&bob), Probe::copy_of(&carol));
    assert!(is_served(&stolen.ask_once(server, share).await), "bob is served");

    bob.run(Action::SignOut).await.unwrap();
    let signed_out = Instant::now();
    while !is_turned_away(&stolen.ask_once(server, share).await) {
        assert!(signed_out.elapsed() < SOON, "a revoked device is still served");
        sleep(Duration::from_millis(20)).await;
    }
    assert!(is_served(&honest.ask_once(server, share).await), "carol still is");

    // The list is remembered for when there is nobody to ask.
    office.stop().await;
    alice.is_offline().await;
    alice.restart().await;
    let answer = stolen.ask_once(server, share).await;
    assert!(!is_served(&answer), "served again without the coordinator: {answer:?}");
    while !is_served(&honest.ask_once(server, share).await) {
        sleep(Duration::from_millis(20)).await;
    }
    let answer = stolen.ask_once(server, share).await;
    assert!(is_turned_away(&answer), "served again without the coordinator: {answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_to_a_device_that_is_signed_out_stops() {
    let office = Office::open().await;
    let (mut alice, server) = person_at(&office, "alice", 2).await;
    let mut bob = office.person("bob").await;
    let file = alice.file("large", LONG);
    let offer = alice.shares(&LOBBY, file).await;
    alice.transfer("hashed", offer, |view| view.state == landline_peer::api::TransferState::Offered).await;
    let share = overview(&office, "visitor").await.shares[&offer];
    let stolen = Probe::copy_of(&bob);
    let mut connection = stolen.connect(server).await.unwrap();
    let Answer::Served(response) = stolen.ask(&mut connection, share).await else { panic!("bob is served") };
    let mut body = response.into_body();
    let mut received = body.frame().await.unwrap().unwrap().into_data().unwrap().len() as u64;

    bob.run(Action::SignOut).await.unwrap();
    let signed_out = Instant::now();
    while !is_turned_away(&stolen.ask_once(server, share).await) {
        assert!(signed_out.elapsed() < SOON, "a revoked device is still served");
        sleep(Duration::from_millis(20)).await;
    }
    // Nothing was read meanwhile: what comes now was under way already.
    let rest = async {
        while let Some(Ok(frame)) = body.frame().await {
            received += frame.into_data().map_or(0, |data| data.len() as u64);
        }
    };
    tokio::time::timeout(SOON, rest).await.expect("the transfer stands still and is not ended");
    assert!(received < LONG, "the whole file went to a revoked device");
}
