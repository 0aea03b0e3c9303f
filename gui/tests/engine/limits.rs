//! Limits that hold, and change while bytes flow.

use std::fs;
use std::path::PathBuf;

use landline_peer::api::{Action, FailureKind, Snapshot, TransferSettings, TransferState};
use landline_protocol::MessageId;
use tokio::time::Instant;

use crate::office::Office;
use crate::person::Person;
use crate::views::*;

const SLOW: u64 = 4 * MIB;
const FAST: u64 = 16 * MIB;
/// What counts is whole pieces, and a file that is smaller than a piece is one: with such files, what is
/// counted is what came.
const FILE: u64 = MIB / 8;

/// A folder of so many bytes.
fn folder_of_small_files(person: &Person, bytes: u64) -> PathBuf {
    let file = person.file("one", FILE);
    let folder = file.with_file_name("many");
    fs::create_dir(&folder).unwrap();
    for number in 0..bytes / FILE {
        fs::copy(&file, folder.join(number.to_string())).unwrap();
    }
    folder
}

/// How many bytes the receiver has, once it has so many, and when it was told so.
async fn count(person: &mut Person, offer: MessageId, least: u64) -> (u64, Instant) {
    let bytes = |snapshot: &Snapshot| snapshot.transfers.get(&offer).map(|view| view.bytes);
    let bytes = person.until("more bytes", |snapshot| bytes(snapshot).filter(|bytes| *bytes >= least)).await;
    (bytes, Instant::now())
}

/// Bytes a second, as parts of the limit, from one count of bytes to another in the middle of a phase.
async fn part_of(limit: u64, person: &mut Person, offer: MessageId, counts: std::ops::Range<u64>) -> f64 {
    let (first, began) = count(person, offer, counts.start).await;
    let (last, ended) = count(person, offer, counts.end).await;
    (last - first) as f64 / (ended - began).as_secs_f64() / limit as f64
}

/// On a machine that does something else meanwhile a stall makes it slower, and what is told late makes
/// it look faster: so one of three counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_changes_midway_on_either_side() {
    let mut seen = Vec::new();
    for _ in 0..3 {
        let parts = parts_of_limits().await;
        assert!(parts.iter().all(|part| *part < 1.15), "faster than the limit: {parts:?}");
        if parts.iter().all(|part| (0.95..1.05).contains(part)) {
            return;
        }
        seen.push(parts);
    }
    panic!("never held: {seen:?}");
}

/// A download at the sender's slow limit, at its fast one, and at the receiver's.
async fn parts_of_limits() -> [f64; 3] {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    alice.sends_at(SLOW).await;
    let folder = folder_of_small_files(&alice, 84 * MIB);
    let offer = alice.shares(&LOBBY, folder.clone()).await;
    bob.accepts(offer).await;
    let slow = part_of(SLOW, &mut bob, offer, 2 * MIB..14 * MIB).await;
    alice.sends_at(FAST).await;
    let fast = part_of(FAST, &mut bob, offer, 18 * MIB..58 * MIB).await;
    bob.sets(TransferSettings { down: Some(SLOW), ..TransferSettings::default() }).await;
    let inwards = part_of(SLOW, &mut bob, offer, 62 * MIB..74 * MIB).await;
    bob.sets(TransferSettings::default()).await;
    alice.sets(TransferSettings::default()).await;
    assert!(tree_of(&bob.receives(offer).await) == tree_of(&folder), "other content");
    [slow, fast, inwards]
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
