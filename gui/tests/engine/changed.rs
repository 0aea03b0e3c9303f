//! Files that are not what they were: everybody is told, and the new version can be had.

use landline_peer::api::{Action, Event, FailureKind, Outcome, TransferState};
use landline_protocol::MessageId;

use crate::office::Office;
use crate::person::Person;
use crate::views::*;

async fn is_told_of_the_change(author: &mut Person, offer: MessageId) {
    author
        .event("news of the change", |event| {
            matches!(event, Event::SourceChanged { offer: of } if *of == offer).then_some(())
        })
        .await;
}

async fn offers_again(author: &mut Person, offer: MessageId) -> MessageId {
    match author.run(Action::ShareAgain { offer }).await.unwrap() {
        Outcome::Queued { message } => message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changes_midway_is_told_of_and_the_new_version_arrives() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    alice.sends_at(20 * MIB).await;
    let file = alice.file("log.txt", 60 * MIB);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    bob.accepts(offer).await;
    bob.is_midway(offer).await;
    append_to(&file);
    is_told_of_the_change(&mut alice, offer).await;
    bob.transfer("a changed source", offer, |view| match &view.state {
        TransferState::Failed(cause) => {
            assert!(cause.text.contains("has been told"), "{cause}");
            cause.kind == FailureKind::SourceChanged
        }
        _ => false,
    })
    .await;
    alice
        .transfer("why it is not served", offer, |view| {
            matches!(&view.state, TransferState::Failed(cause) if cause.kind == FailureKind::SourceChanged)
        })
        .await;

    alice.sends_at(1024 * MIB).await;
    let new = offers_again(&mut alice, offer).await;
    bob.is_offered(new).await;
    bob.transfer("what it takes the place of", new, |view| view.replaces == Some(offer)).await;
    bob.transfer("what takes its place", offer, |view| view.replaced_by == Some(new)).await;
    alice.transfer("what takes its place", offer, |view| view.replaced_by == Some(new)).await;
    bob.accepts(new).await;
    assert_same_content(&file, &bob.receives(new).await);
    let told_twice = alice.happened.iter().any(|event| matches!(event, Event::SourceChanged { .. }));
    assert!(!told_twice, "once is enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_changed_while_its_owner_was_away_is_told_of_at_the_start() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let file = alice.file("log.txt", 3 * MIB);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    bob.is_offered(offer).await;
    alice.leave().await;
    append_to(&file);
    alice.come_back().await;
    is_told_of_the_change(&mut alice, offer).await;
    alice.restart().await;
    alice.is_connected().await;
    alice
        .transfer("why it is not served", offer, |view| matches!(view.state, TransferState::Failed(_)))
        .await;
    let told_twice = alice.happened.iter().any(|event| matches!(event, Event::SourceChanged { .. }));
    assert!(!told_twice, "once is enough, over a restart too");
    let new = offers_again(&mut alice, offer).await;
    bob.accepts(new).await;
    assert_same_content(&file, &bob.receives(new).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_can_say_that_an_offer_is_replaced() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let file = alice.file("log.txt", 1000);
    let offer = alice.shares(&LOBBY, file).await;
    bob.is_offered(offer).await;
    bob.run(Action::ShareAgain { offer }).await.unwrap_err();
}
