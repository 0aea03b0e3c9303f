//! Fetching from others than the author.

use landline_peer::api::{Action, Snapshot, SourceStanding, TransferState};

use crate::office::Office;
use crate::views::*;

#[tokio::test(flavor = "multi_thread")]
async fn once_somebody_has_it_all_the_sender_may_leave() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let mut carol = office.person("carol").await;
    alice.sends_at(20 * MIB).await;
    let file = alice.file("film.mkv", 40 * MIB);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    bob.accepts(offer).await;
    carol.is_offered(offer).await;
    assert_same_content(&file, &bob.receives(offer).await);
    bob.sends_at(20 * MIB).await;
    carol.accepts(offer).await;
    carol.is_midway(offer).await;
    alice.leave().await;
    assert_same_content(&file, &carol.receives(offer).await);
    bob.sees("what carol took from here", |snapshot| !snapshot.uploads.is_empty()).await;
    assert_eq!(bob.snapshot().uploads[0].user, carol.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_begun_without_its_sender_is_fetched_from_a_holder_after_a_restart() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let mut carol = office.person("carol").await;
    let file = alice.file("film.mkv", 9 * MIB);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    carol.is_offered(offer).await;
    bob.accepts(offer).await;
    bob.receives(offer).await;
    alice.leave().await;
    bob.restart().await;
    carol.accepts(offer).await;
    let device = bob.snapshot().device;
    carol
        .transfer("bob as a source", offer, |view| {
            let bob = view.sources.iter().find(|one| one.device == device);
            bob.is_some_and(|one| one.standing == SourceStanding::Active) || view.state == TransferState::Done
        })
        .await;
    assert_same_content(&file, &carol.receives(offer).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_offer_is_not_passed_on() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let mut carol = office.person("carol").await;
    let file = alice.file("film.mkv", 9 * MIB);
    let offer = alice.shares(&LOBBY, file).await;
    carol.is_offered(offer).await;
    bob.accepts(offer).await;
    bob.receives(offer).await;
    alice.run(Action::Cancel { offer }).await.unwrap();
    carol.transfer("withdrawn", offer, |view| matches!(view.state, TransferState::Cancelled { .. })).await;
    carol.run(accept(offer)).await.unwrap_err();
    bob.transfer("still here", offer, |view| view.state == TransferState::Done).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_fetch_at_once_give_each_other_what_they_have() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let mut carol = office.person("carol").await;
    alice.sends_at(12 * MIB).await;
    let file = alice.file("film.mkv", 64 * MIB);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    bob.accepts(offer).await;
    carol.accepts(offer).await;
    for person in [&mut bob, &mut carol] {
        assert_same_content(&file, &person.receives(offer).await);
    }
    let sent = |snapshot: &Snapshot| -> u64 {
        snapshot.transfers[&offer].recipients.iter().map(|one| one.bytes).sum()
    };
    let (from_alice, twice) = (sent(&alice.snapshot()), 128 * MIB);
    assert!(from_alice < twice * 3 / 4, "{} MiB of {} went out from alice", from_alice / MIB, twice / MIB);
}
