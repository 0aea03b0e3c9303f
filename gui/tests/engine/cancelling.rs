//! Changing one's mind about a file, on either side.

use std::path::Path;
use std::time::Duration;

use landline_peer::api::{Action, RecipientState, TransferState, TransferView};
use tokio::time::Instant;

use crate::office::Office;
use crate::views::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_cancels_midway_and_accepts_again() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    alice.sends_at(64 * MIB).await;
    let file = alice.file("film.mkv", LONG);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    bob.accepts(offer).await;
    bob.is_midway(offer).await;
    bob.run(Action::Cancel { offer }).await.unwrap();
    let own = bob.name.clone();
    bob.transfer("cancelled", offer, |view| view.state == TransferState::Cancelled { by: own.clone() }).await;
    alice
        .sees("bob gave up", |snapshot| recipient(snapshot, offer, &bob) == Some(RecipientState::Cancelled))
        .await;
    bob.downloads_become(&[]).await;

    bob.accepts(offer).await;
    bob.is_midway(offer).await;
    bob.run(Action::Cancel { offer }).await.unwrap();
    // At once, while the cancelled attempt may still be clearing up.
    bob.run(accept(offer)).await.unwrap();
    assert_same_content(&file, &bob.receives(offer).await);
    bob.downloads_become(&["film.mkv"]).await;
    alice.sees("bob has it", |snapshot| recipient(snapshot, offer, &bob) == Some(RecipientState::Done)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_offer_is_over_for_everybody() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let mut carol = office.person("carol").await;
    alice.sends_at(16 * MIB).await;
    let file = alice.file("draft.iso", LONG);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    carol.is_offered(offer).await;
    bob.accepts(offer).await;
    bob.is_midway(offer).await;
    alice.run(Action::Cancel { offer }).await.unwrap();
    let by = alice.name.clone();
    let over =
        |view: &landline_peer::api::TransferView| view.state == TransferState::Cancelled { by: by.clone() };
    alice.transfer("withdrawn", offer, over).await;
    carol.transfer("withdrawn by alice", offer, over).await;
    bob.transfer("withdrawn by alice", offer, over).await;
    bob.downloads_become(&[]).await;
    carol.run(accept(offer)).await.unwrap_err();
    alice.restart().await;
    alice.is_connected().await;
    alice.transfer("withdrawn, after a restart too", offer, over).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_waits_for_its_sender_can_be_cancelled_and_begun_again() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let file = alice.file("notes.txt", 5000);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    bob.is_offered(offer).await;
    alice.leave().await;
    bob.accepts(offer).await;
    bob.transfer("waiting for alice", offer, |view| matches!(view.state, TransferState::Waiting(_))).await;
    bob.run(Action::Cancel { offer }).await.unwrap();
    bob.transfer("cancelled", offer, |view| matches!(view.state, TransferState::Cancelled { .. })).await;
    bob.run(accept(offer)).await.unwrap();
    bob.transfer("waiting for alice again", offer, |view| matches!(view.state, TransferState::Waiting(_)))
        .await;
    alice.come_back().await;
    assert_same_content(&file, &bob.receives(offer).await);
    bob.downloads_become(&["notes.txt"]).await;
}

/// A cancel ends the transfer for everybody within this.
const AT_ONCE: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cancels_is_rid_of_it_within_a_second() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    alice.sends_at(8 * MIB).await;
    for by_author in [false, true] {
        let file = alice.file("film.mkv", 60 * MIB);
        let offer = alice.shares(&LOBBY, file.clone()).await;
        bob.accepts(offer).await;
        bob.is_midway(offer).await;
        alice.transfer("sending", offer, |view| view.state == TransferState::Active).await;
        let began = Instant::now();
        let (own, other) = if by_author { (&mut alice, &mut bob) } else { (&mut bob, &mut alice) };
        own.run(Action::Cancel { offer }).await.unwrap();
        let over = |view: &TransferView| {
            let nobody_fetches = view.recipients.iter().all(|one| one.state != RecipientState::Fetching);
            matches!(view.state, TransferState::Cancelled { .. }) || (view.outgoing && nobody_fetches)
        };
        own.transfer("over", offer, over).await;
        other.transfer("over for the other, too", offer, over).await;
        bob.downloads_become(&[]).await;
        while is_open_here(&file) || is_open_here(&bob.downloads()) {
            assert!(began.elapsed() < AT_ONCE, "a file is still open");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(began.elapsed() < AT_ONCE, "it took {:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_at_the_very_end_leaves_nothing_either() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    alice.sends_at(8 * MIB).await;
    let file = alice.file("film.mkv", 60 * MIB);
    let offer = alice.shares(&LOBBY, file).await;
    bob.accepts(offer).await;
    bob.is_midway(offer).await;
    bob.run(Action::Cancel { offer }).await.unwrap();
    bob.leave().await;
    assert_eq!(std::fs::read_dir(bob.downloads()).unwrap().count(), 0, "parts are left");
    bob.come_back().await;
    bob.transfer("cancelled", offer, |view| matches!(view.state, TransferState::Cancelled { .. })).await;
}

/// Whether this process has the file open, or one beneath it.
fn is_open_here(path: &Path) -> bool {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let files = open.filter_map(|fd| std::fs::read_link(fd.path()).ok());
    files.filter(|file| file.is_file() || !file.exists()).any(|file| file.starts_with(path))
}
