//! Slots, priorities, and downloads that are paused.

use landline_peer::api::{Action, Priority, TransferSettings, TransferState, TransferView};

use crate::office::Office;
use crate::views::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_download_keeps_what_is_here_and_goes_on() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    alice.sends_at(20 * MIB).await;
    let file = alice.file("film.mkv", 40 * MIB);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    bob.accepts(offer).await;
    bob.transfer("a good part", offer, |view| view.bytes >= 8 * MIB).await;
    bob.run(Action::Pause { offer }).await.unwrap();
    let paused = |view: &TransferView| {
        view.state == TransferState::Paused && view.bytes >= 8 * MIB && view.bytes <= 40 * MIB
    };
    bob.transfer("paused, with what is here", offer, paused).await;
    alice.transfer("nothing is sent any more", offer, |view| view.state == TransferState::Offered).await;
    bob.restart().await;
    bob.is_connected().await;
    bob.transfer("paused over a restart", offer, paused).await;
    bob.run(Action::Resume { offer }).await.unwrap();
    bob.transfer("what was here", offer, |view| view.bytes >= 7 * MIB).await;
    assert_same_content(&file, &bob.receives(offer).await);
    bob.run(Action::Resume { offer }).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_urgent_comes_next_and_the_rest_in_turn() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    alice.sends_at(10 * MIB).await;
    bob.sets(TransferSettings { download_slots: 1, ..TransferSettings::default() }).await;
    let mut offers = Vec::new();
    for name in ["first", "second", "third"] {
        let file = alice.file(name, 10 * MIB);
        offers.push(alice.shares(&LOBBY, file).await);
    }
    for offer in &offers {
        bob.accepts(*offer).await;
    }
    bob.is_midway(offers[0]).await;
    bob.transfer("the second", offers[1], |view| view.state == TransferState::Queued(1)).await;
    bob.transfer("the third", offers[2], |view| view.state == TransferState::Queued(2)).await;
    bob.run(Action::Prioritise { offer: offers[2], priority: Priority::High }).await.unwrap();
    bob.transfer("the third is the next", offers[2], |view| view.state == TransferState::Queued(1)).await;
    let third = offers[2];
    bob.sees("the third before the second", |snapshot| {
        let state = |offer| &snapshot.transfers[offer].state;
        let is_done = *state(&third) == TransferState::Done;
        assert!(is_done || matches!(state(&offers[1]), TransferState::Queued(_)), "the second was first");
        is_done
    })
    .await;
    bob.receives(offers[1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_whose_source_is_away_holds_nobody_up() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let mut carol = office.person("carol").await;
    bob.sets(TransferSettings { download_slots: 1, ..TransferSettings::default() }).await;
    let (away, here) = (alice.file("away", 5000), carol.file("here", 5000));
    let first = alice.shares(&LOBBY, away.clone()).await;
    let second = carol.shares(&LOBBY, here.clone()).await;
    bob.is_offered(first).await;
    alice.leave().await;
    bob.accepts(first).await;
    bob.accepts(second).await;
    assert_same_content(&here, &bob.receives(second).await);
    alice.come_back().await;
    assert_same_content(&away, &bob.receives(first).await);
}
