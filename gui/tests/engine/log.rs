//! Who took what.

use crate::office::Office;
use crate::views::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_others_took_is_written_down() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let file = alice.file("report.pdf", 3 * MIB);
    let offer = alice.shares(&LOBBY, file).await;
    bob.accepts(offer).await;
    bob.receives(offer).await;
    alice.sees("what bob took", |snapshot| snapshot.uploads.len() == 1).await;
    let check = |snapshot: &landline_peer::api::Snapshot| {
        let entry = &snapshot.uploads[0];
        assert_eq!((entry.offer, &entry.user, entry.bytes), (offer, &bob.name, 3 * MIB));
        assert_eq!(entry.name.as_raw(), "report.pdf");
        assert!(entry.from <= entry.until);
    };
    check(&alice.snapshot());
    alice.restart().await;
    assert_eq!(alice.snapshot().uploads.len(), 1, "kept over a restart");
    check(&alice.snapshot());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_when_the_program_ended_is_written_down_too() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    alice.sends_at(10 * MIB).await;
    let file = alice.file("report.pdf", 60 * MIB);
    let offer = alice.shares(&LOBBY, file).await;
    bob.accepts(offer).await;
    bob.is_midway(offer).await;
    alice.restart().await;
    let snapshot = alice.snapshot();
    assert_eq!(snapshot.uploads.len(), 1);
    assert!(snapshot.uploads[0].bytes > 0 && snapshot.uploads[0].bytes < 60 * MIB);
}
