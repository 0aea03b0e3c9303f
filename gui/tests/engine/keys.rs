//! A coordinator whose key is not the one that is known: a hard stop, and the one way on.

use landline_peer::api::{Action, FailureKind, Line, Target};
use landline_protocol::{DeviceId, InviteLink};
use landline_trust::DeviceKey;

use crate::office::Office;
use crate::person::{Machine, Person};
use crate::views::*;

/// Another coordinator where this one was; the keys of both.
async fn set_up_anew(office: &mut Office) -> (DeviceId, DeviceId) {
    let before = office.device();
    office.stop().await;
    std::fs::remove_dir_all(&office.data).unwrap();
    office.start().await;
    (before, office.device())
}

fn first_invite(office: &Office) -> InviteLink {
    office.running.as_ref().unwrap().first_invite().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_does_not_replace_a_pinned_key() {
    let mut office = Office::open().await;
    let mut alice = office.person("alice").await;
    alice.run(Action::SignOut).await.unwrap();
    let (before, after) = set_up_anew(&mut office).await;
    let link = first_invite(&office);
    let refused = alice.sign_up(Target::Invite(link.clone())).await.unwrap_err();
    assert_names_keys(&refused, before, after);
    let refused = alice.sign_up(office.target()).await.unwrap_err();
    assert_names_keys(&refused, before, after);

    alice.run(Action::ForgetKey { address: office.address.to_string() }).await.unwrap();
    alice.sign_up(Target::Invite(link)).await.unwrap();
    alice.is_connected().await;
    let me = alice.snapshot().me.clone().unwrap();
    assert_eq!(me.coordinator_key, after);
    assert!(me.key_from_invite && me.admin, "{me:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_invite_is_refused_and_changes_nothing() {
    let office = Office::open().await;
    let mut alice = office.person("alice").await;
    alice.run(Action::SignOut).await.unwrap();
    let forged = DeviceKey::generate().unwrap().id();
    let mut link = office.running.as_ref().unwrap().invite().await.unwrap().remove(0);
    link.key = forged;
    let refused = alice.sign_up(Target::Invite(link.clone())).await.unwrap_err();
    assert_names_keys(&refused, office.device(), forged);
    alice.sign_in(office.target()).await.unwrap();
    alice.is_connected().await;

    let mut stranger = Person::start("stranger", Machine::default()).await;
    let refused = stranger.sign_up(Target::Invite(link)).await.unwrap_err();
    assert_names_keys(&refused, forged, office.device());
    assert!(stranger.snapshot().me.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_with_another_key_is_not_talked_to() {
    let mut office = Office::open().await;
    let mut alice = office.person("alice").await;
    let (before, after) = set_up_anew(&mut office).await;
    let cause = alice.until("a refusal", |snapshot| match &snapshot.line {
        Line::Refused { cause } => Some(cause.clone()),
        _ => None,
    });
    assert_names_keys(&cause.await, before, after);

    alice.restart().await;
    let cause = alice.until("a refusal after a restart", |snapshot| match &snapshot.line {
        Line::Refused { cause } => Some(cause.clone()),
        _ => None,
    });
    assert_eq!(cause.await.kind, FailureKind::KeyChanged);
    alice.says(&LOBBY, "kept until there is somebody to trust").await;
    assert!(!is_sent(&alice.snapshot(), &LOBBY, "kept until there is somebody to trust"));
}
