//! Files: offered, accepted, declined, and found to have changed.

use std::time::Duration;

use landline_peer::api::{
    AcceptHow, Action, Conflict, Event, FailureKind, RecipientState, TransferState, TransferView,
};
use tokio::time::Instant;

use crate::office::Office;
use crate::views::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_arrives_and_both_sides_see_the_end() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let to = between(&alice, &bob);
    let file = alice.file("report.pdf", 3 * MIB + 17);
    let offer = alice.shares(&to, file.clone()).await;
    bob.accepts(offer).await;
    let path = bob.receives(offer).await;
    assert_eq!(path, bob.downloads().join("report.pdf"));
    assert_same_content(&file, &path);
    assert_eq!(bob.in_downloads(), ["report.pdf"], "nothing else is left");

    let received = bob.event("news of the file", |event| match event {
        Event::Received { offer: of, path } if *of == offer => Some(path.clone()),
        _ => None,
    });
    assert_eq!(received.await, path);
    let delivered = alice.event("news of the delivery", |event| match event {
        Event::Delivered { offer: of, to } if *of == offer => Some(to.clone()),
        _ => None,
    });
    assert_eq!(delivered.await, bob.name);
    alice.sees("bob has it", |snapshot| recipient(snapshot, offer, &bob) == Some(RecipientState::Done)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_file_and_a_second_one_of_the_same_name_arrive() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let (empty, full) = (alice.file("note.txt", 0), alice.file("other.txt", 9));
    let first = alice.shares(&LOBBY, empty.clone()).await;
    bob.accepts(first).await;
    assert_same_content(&empty, &bob.receives(first).await);
    let second = alice.shares(&LOBBY, full.clone()).await;
    bob.is_offered(second).await;
    let name = Some(landline_protocol::FileName::parse("note.txt").unwrap());
    let how = AcceptHow { name, ..AcceptHow::default() };
    bob.run(Action::Accept { offer: second, how }).await.unwrap();
    let path = bob.receives(second).await;
    assert_same_content(&full, &path);
    assert_same_content(&empty, &bob.downloads().join("note.txt"));
    assert_ne!(path, bob.downloads().join("note.txt"), "nothing is overwritten");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_is_offered_first_and_sealed_later() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    for (name, size, places) in [("small", 4 * MIB, 1), ("large", 5 * MIB, 2)] {
        let file = alice.file(name, size);
        let offer = alice.shares(&LOBBY, file.clone()).await;
        alice
            .transfer("a file ready to be fetched", offer, |view| view.state == TransferState::Offered)
            .await;
        let text = format!("after {name}");
        alice.says(&LOBBY, &text).await;
        alice.hears(&LOBBY, &text).await;
        let snapshot = alice.snapshot();
        let offered = messages(&snapshot, &LOBBY).iter().find(|one| one.id == offer).and_then(place).unwrap();
        let after = place(find(&snapshot, &LOBBY, &text).unwrap()).unwrap();
        assert_eq!(after.0 - offered.0, places, "{name}: how many messages the offer took");
        bob.accepts(offer).await;
        assert_same_content(&file, &bob.receives(offer).await);
    }
}

/// Something else has the name, and is to be kept: nobody is told that the file arrived, and it can still be had.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_skipped_did_not_arrive() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let file = alice.file("plan.txt", 1000);
    let own = bob.downloads().join("plan.txt");
    std::fs::create_dir_all(bob.downloads()).unwrap();
    std::fs::write(&own, "bob's own").unwrap();
    let offer = alice.shares(&LOBBY, file.clone()).await;
    bob.is_offered(offer).await;
    let how = |conflict| AcceptHow { conflict: Some(conflict), ..AcceptHow::default() };
    bob.run(Action::Accept { offer, how: how(Conflict::Skip) }).await.unwrap();
    bob.transfer("skipped", offer, |view| view.state == TransferState::Declined).await;
    alice
        .transfer("that bob has it not", offer, |view| {
            view.recipients.iter().any(|one| one.state == RecipientState::Declined)
        })
        .await;
    assert_eq!(std::fs::read_to_string(&own).unwrap(), "bob's own");
    bob.run(Action::Accept { offer, how: how(Conflict::Replace) }).await.unwrap();
    assert_same_content(&file, &bob.receives(offer).await);
    alice
        .transfer("that bob has it now", offer, |view| {
            view.recipients.iter().any(|one| one.state == RecipientState::Done)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_can_be_declined() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let mut carol = office.person("carol").await;
    let file = alice.file("cats.mov", 1000);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    bob.is_offered(offer).await;
    bob.run(Action::Decline { offer }).await.unwrap();
    bob.transfer("declined", offer, |view| view.state == TransferState::Declined).await;
    alice
        .sees("bob said no", |snapshot| recipient(snapshot, offer, &bob) == Some(RecipientState::Declined))
        .await;
    assert!(bob.in_downloads().is_empty());
    carol.accepts(offer).await;
    assert_same_content(&file, &carol.receives(offer).await);
    // A no can be taken back.
    bob.accepts(offer).await;
    assert_same_content(&file, &bob.receives(offer).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_while_it_is_hashed_is_given_up_by_all() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    // Holes take no room and as long to hash as anything.
    let file = alice.file("disk.img", 1);
    std::fs::File::options().write(true).open(&file).unwrap().set_len(1024 * MIB).unwrap();
    let offer = alice.shares(&LOBBY, file.clone()).await;
    append_to(&file);
    bob.is_offered(offer).await;
    // The offer may be over by now; then there is nothing to accept.
    let _ = bob.run(accept(offer)).await;
    bob.transfer("the end of an offer that cannot be kept", offer, |view| match &view.state {
        TransferState::Cancelled { .. } => true,
        TransferState::Failed(cause) => cause.kind == FailureKind::SourceChanged,
        _ => false,
    })
    .await;
    alice
        .transfer("why it cannot be kept", offer, |view| match &view.state {
            TransferState::Cancelled { .. } => true,
            TransferState::Failed(cause) => cause.kind == FailureKind::SourceChanged,
            _ => false,
        })
        .await;
    bob.downloads_become(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_whose_source_changed_can_be_cancelled_and_leaves_nothing() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    alice.sends_at(64 * MIB).await;
    let file = alice.file("log.txt", LONG);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    bob.accepts(offer).await;
    bob.is_midway(offer).await;
    append_to(&file);
    bob.transfer("a changed source", offer, |view| {
        matches!(&view.state, TransferState::Failed(cause) if cause.kind == FailureKind::SourceChanged)
    })
    .await;
    bob.run(Action::Cancel { offer }).await.unwrap();
    let own = bob.name.clone();
    bob.transfer("cancelled", offer, |view| view.state == TransferState::Cancelled { by: own.clone() }).await;
    bob.downloads_become(&[]).await;
}

/// Sparse: takes no room, and as long to hash as anything.
const HUGE: u64 = 1024 * MIB;

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_file_is_offered_at_once_and_fetched_while_it_is_hashed() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let file = alice.file("disk.img", 5 * MIB);
    std::fs::File::options().write(true).open(&file).unwrap().set_len(HUGE).unwrap();
    let began = Instant::now();
    let offer = alice.shares(&LOBBY, file.clone()).await;
    let took = began.elapsed();
    assert!(took < Duration::from_millis(500), "an offer took {took:?}");
    let hashing = |view: &TransferView| view.state == TransferState::Hashing && view.hashed.is_some();
    alice.transfer("hashing with progress", offer, hashing).await;
    bob.accepts(offer).await;
    let mut early = false;
    let own = bob.name.clone();
    bob.until("the file", |snapshot| {
        let view = snapshot.transfers.get(&offer)?;
        assert!(!matches!(view.state, TransferState::Failed(_)), "{own}: {:?}", view.state);
        // Nothing is under its name before it is proven.
        early |= view.bytes > 0;
        (view.state == TransferState::Done).then_some(())
    })
    .await;
    assert!(early);
    let path = bob.downloads().join("disk.img");
    assert_same_content(&file, &path);
    let blocks = std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(path).unwrap());
    assert!(blocks * 512 < 64 * MIB, "zeros take {} MiB", blocks / 2048);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_the_place_is_told_before_an_offer_is_accepted() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    std::fs::create_dir_all(bob.downloads()).unwrap();
    std::fs::write(bob.downloads().join("Taken.txt"), "here").unwrap();
    let (taken, free) = (alice.file("taken.txt", 2000), alice.file("free.txt", 1000));
    let first = alice.shares(&LOBBY, taken.clone()).await;
    let second = alice.shares(&LOBBY, free).await;
    let outlook = |name_taken: bool| {
        move |view: &TransferView| {
            view.outlook.is_some_and(|outlook| outlook.name_taken == name_taken && outlook.free.is_some())
        }
    };
    bob.transfer("a taken name", first, outlook(true)).await;
    bob.transfer("a free name", second, outlook(false)).await;
    std::fs::rename(bob.downloads().join("Taken.txt"), bob.downloads().join("taken.txt")).unwrap();

    let how = AcceptHow { conflict: Some(Conflict::Ask), ..AcceptHow::default() };
    bob.run(Action::Accept { offer: first, how }).await.unwrap();
    let place = bob.downloads().join("taken.txt");
    bob.transfer("what to do?", first, |view| view.state == TransferState::Conflict(place.clone())).await;
    bob.restart().await;
    bob.transfer("asked over a restart", first, |view| view.state == TransferState::Conflict(place.clone()))
        .await;
    let how = AcceptHow { conflict: Some(Conflict::Replace), ..AcceptHow::default() };
    bob.run(Action::Accept { offer: first, how }).await.unwrap();
    assert_eq!(bob.receives(first).await, place);
    assert_same_content(&taken, &place);
    let kept = bob.in_downloads().into_iter().filter(|name| name != "taken.txt").collect::<Vec<_>>();
    assert_eq!(kept.len(), 1, "what was there before is kept: {kept:?}");
    assert_eq!(std::fs::read(bob.downloads().join(&kept[0])).unwrap(), b"here");
}
