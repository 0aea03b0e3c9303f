//! Transfers over restarts of either side, and without the coordinator.

use landline_peer::api::TransferState;

use crate::office::Office;
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
    let file = alice.file("image.iso", LONG);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    bob.accepts(offer).await;
    bob.is_midway(offer).await;
    office.stop().await;
    assert_same_content(&file, &bob.receives(offer).await);
    bob.is_offline().await;
    alice.is_offline().await;
    office.start().await;
    bob.reconnects().await;
    alice.reconnects().await;
    alice
        .sees("bob has it", |snapshot| {
            recipient(snapshot, offer, &bob) == Some(landline_peer::api::RecipientState::Done)
        })
        .await;
}
