//! One person with two machines.

use landline_peer::api::{Action, Event, TransferState};

use crate::office::Office;
use crate::views::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_i_wrote_elsewhere_is_mine_and_not_unread() {
    let office = Office::open().await;
    let (mut desk, mut bob) = (office.person("alice").await, office.person("bob").await);
    let mut laptop = office.other_machine_of(&desk).await;
    desk.says(&LOBBY, "from my desk").await;
    bob.says(&LOBBY, "from bob").await;
    laptop.hears(&LOBBY, "from my desk").await;
    laptop.hears(&LOBBY, "from bob").await;
    check_mine(&laptop.snapshot());
    let by_bob = laptop.event("news from bob", |event| match event {
        Event::Message { message, .. } => Some(message.author.clone()),
        _ => None,
    });
    assert_eq!(by_bob.await, bob.name, "one’s own message is no news");

    laptop.restart().await;
    laptop.is_connected().await;
    check_mine(&laptop.snapshot());
}

fn check_mine(snapshot: &landline_peer::api::Snapshot) {
    assert!(find(snapshot, &LOBBY, "from my desk").unwrap().mine, "written by the same person");
    assert!(!find(snapshot, &LOBBY, "from bob").unwrap().mine);
    assert_eq!(conversation(snapshot, &LOBBY).unwrap().unread, 1, "bob’s alone is unread");
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_up_on_my_other_machine_withdraws_nothing() {
    let office = Office::open().await;
    let (mut desk, mut bob) = (office.person("alice").await, office.person("bob").await);
    let mut laptop = office.other_machine_of(&desk).await;
    let file = desk.file("holiday.zip", 2 * MIB);
    let offer = desk.shares(&LOBBY, file.clone()).await;
    laptop.is_offered(offer).await;
    bob.is_offered(offer).await;
    // While the desk is away nothing can arrive before it is given up.
    desk.leave().await;
    laptop.run(accept(offer)).await.unwrap();
    laptop.run(Action::Cancel { offer }).await.unwrap();
    laptop.says(&LOBBY, "gave up").await;
    bob.hears(&LOBBY, "gave up").await;
    let snapshot = bob.snapshot();
    assert_eq!(snapshot.transfers[&offer].state, TransferState::Offered, "it is still offered to bob");

    desk.come_back().await;
    desk.hears(&LOBBY, "gave up").await;
    let state = desk.snapshot().transfers[&offer].state.clone();
    assert_eq!(state, TransferState::Offered, "the offer’s own machine still offers it");
    bob.accepts(offer).await;
    assert_same_content(&file, &bob.receives(offer).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn my_other_machine_can_fetch_what_i_offer() {
    let office = Office::open().await;
    let (mut desk, bob) = (office.person("alice").await, office.person("bob").await);
    let mut laptop = office.other_machine_of(&desk).await;
    let to = between(&desk, &bob);
    let file = desk.file("slides.odp", 2 * MIB);
    let offer = desk.shares(&to, file.clone()).await;
    laptop.accepts(offer).await;
    assert_same_content(&file, &laptop.receives(offer).await);
}
