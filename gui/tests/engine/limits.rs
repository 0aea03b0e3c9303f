//! Limits that hold, and change while bytes flow.

use std::time::Duration;

use landline_peer::api::{Action, FailureKind, TransferSettings, TransferState};
use tokio::time::Instant;

use crate::office::Office;
use crate::person::Person;
use crate::views::*;

const SLOW: u64 = 4 * MIB;

/// How long from one count of bytes to another, as the receiver sees it.
async fn time_between(
    person: &mut Person,
    offer: landline_protocol::MessageId,
    from: u64,
    to: u64,
) -> Duration {
    person.transfer("the first bytes", offer, |view| view.bytes >= from).await;
    let began = Instant::now();
    person.transfer("more bytes", offer, |view| view.bytes >= to).await;
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_changes_midway_on_either_side() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    alice.sends_at(SLOW).await;
    let file = alice.file("film.mkv", 120 * MIB);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    bob.accepts(offer).await;
    let slow = time_between(&mut bob, offer, 2 * MIB, 8 * MIB).await;
    assert!(slow > Duration::from_millis(900), "six times a megabyte at four a second took {slow:?}");
    alice.sends_at(40 * MIB).await;
    let faster = time_between(&mut bob, offer, 10 * MIB, 40 * MIB).await;
    assert!(faster < Duration::from_secs(4), "thirty megabytes at forty a second took {faster:?}");
    bob.sets(TransferSettings { down: Some(SLOW), ..TransferSettings::default() }).await;
    let slow = time_between(&mut bob, offer, 45 * MIB, 51 * MIB).await;
    assert!(slow > Duration::from_millis(800), "the receiver’s limit: {slow:?}");
    bob.sets(TransferSettings::default()).await;
    alice.sets(TransferSettings::default()).await;
    assert_same_content(&file, &bob.receives(offer).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_kept_and_nonsense_is_refused() {
    let office = Office::open().await;
    let mut alice = office.person("alice").await;
    let settings = TransferSettings {
        download_slots: 2,
        down: Some(5 * MIB),
        up_to: [("bob".parse().unwrap(), MIB)].into(),
        ..TransferSettings::default()
    };
    alice.sets(settings.clone()).await;
    alice.restart().await;
    assert_eq!(*alice.snapshot().settings, settings);
    let nonsense = TransferSettings { up: Some(1), ..settings.clone() };
    let refused = alice.run(Action::SetTransfers(nonsense)).await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Invalid);
    assert_eq!(*alice.snapshot().settings, settings);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_second_waits_for_a_place_and_is_told() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let mut carol = office.person("carol").await;
    let settings = TransferSettings { upload_slots: 1, up: Some(10 * MIB), ..TransferSettings::default() };
    alice.sets(settings).await;
    let (one, other) = (alice.file("one", 20 * MIB), alice.file("other", 20 * MIB));
    let (first, second) =
        (alice.shares(&LOBBY, one.clone()).await, alice.shares(&LOBBY, other.clone()).await);
    bob.accepts(first).await;
    bob.is_midway(first).await;
    carol.accepts(second).await;
    carol.transfer("queued there", second, |view| matches!(view.state, TransferState::QueuedThere(_))).await;
    assert_same_content(&one, &bob.receives(first).await);
    assert_same_content(&other, &carol.receives(second).await);
}
