//! Messages: both ways, offline, after restarts, and after the coordinator lost some.

use landline_peer::api::{Action, Event, Line};

use crate::office::{Office, copy_directory};
use crate::person::{Machine, Person};
use crate::views::*;

/// How often everybody comes back, and with how much to say each.
const ROUNDS: usize = 14;
const WRITTEN: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn two_people_talk_in_the_lobby_and_in_private() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let mut carol = office.person("carol").await;
    let private = between(&alice, &bob);

    alice.says(&LOBBY, "hello all").await;
    bob.hears(&LOBBY, "hello all").await;
    bob.says(&LOBBY, "hello alice").await;
    alice.hears(&LOBBY, "hello alice").await;
    alice.says(&private, "only you").await;
    bob.hears(&private, "only you").await;
    bob.says(&private, "just us").await;
    alice.hears(&private, "just us").await;

    carol.hears(&LOBBY, "hello alice").await;
    carol.says(&LOBBY, "hi both").await;
    alice.hears(&LOBBY, "hi both").await;
    bob.hears(&LOBBY, "hi both").await;
    assert!(conversation(&carol.snapshot(), &private).is_none(), "carol sees what is not for her");
    assert_eq!(texts(&alice.snapshot(), &LOBBY), texts(&bob.snapshot(), &LOBBY));
    assert_eq!(texts(&bob.snapshot(), &private), ["only you", "just us"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_say_is_unread_until_it_was_seen() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    alice.says(&LOBBY, "one").await;
    alice.says(&LOBBY, "two").await;
    bob.hears(&LOBBY, "two").await;
    bob.says(&LOBBY, "mine").await;
    bob.hears(&LOBBY, "mine").await;
    assert_eq!(unread(&mut bob), 2);
    for _ in 0..2 {
        bob.event("news of a message", |event| matches!(event, Event::Message { .. }).then_some(())).await;
    }
    let repeated = bob.happened.iter().any(|event| matches!(event, Event::Message { .. }));
    assert!(!repeated, "one’s own message is no news");

    let snapshot = bob.snapshot();
    let seq = place(find(&snapshot, &LOBBY, "one").unwrap()).unwrap();
    bob.run(Action::MarkRead { conversation: LOBBY.id(), seq }).await.unwrap();
    assert_eq!(unread(&mut bob), 1);
    let snapshot = bob.snapshot();
    let seq = place(find(&snapshot, &LOBBY, "two").unwrap()).unwrap();
    bob.run(Action::MarkRead { conversation: LOBBY.id(), seq }).await.unwrap();
    assert_eq!(unread(&mut bob), 0);

    bob.restart().await;
    bob.is_connected().await;
    assert_eq!(unread(&mut bob), 0, "what was seen is seen after a restart");
}

fn unread(person: &mut Person) -> u32 {
    conversation(&person.snapshot(), &LOBBY).unwrap().unread
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_offline_is_delivered_once() {
    let mut office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    alice.says(&LOBBY, "before").await;
    bob.hears(&LOBBY, "before").await;
    office.stop().await;
    alice.is_offline().await;
    bob.is_offline().await;
    alice.says(&LOBBY, "first").await;
    alice.says(&LOBBY, "second").await;

    alice.restart().await;
    let snapshot = alice.snapshot();
    assert_eq!(texts(&snapshot, &LOBBY), ["before", "first", "second"], "kept over a restart");
    assert!(!is_sent(&snapshot, &LOBBY, "first"), "nobody has taken it yet");

    office.start().await;
    alice.reconnects().await;
    bob.reconnects().await;
    for text in ["first", "second"] {
        alice.hears(&LOBBY, text).await;
        bob.hears(&LOBBY, text).await;
    }
    // What comes later would bring a repetition with it.
    alice.says(&LOBBY, "third").await;
    bob.hears(&LOBBY, "third").await;
    assert_eq!(texts(&bob.snapshot(), &LOBBY), ["before", "first", "second", "third"]);
    let mut late = office.person("late").await;
    late.hears(&LOBBY, "third").await;
    assert_eq!(texts(&late.snapshot(), &LOBBY), ["before", "first", "second", "third"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_with_much_to_say_goes_on_hearing() {
    let mut office = Office::open().await;
    let mut alice = office.person("alice").await;
    let mut others = Vec::new();
    for name in ["bob", "carol", "dave", "erin"] {
        others.push(office.person(name).await);
    }
    // While what one wrote is committed, another asks for what was missed: however these meet,
    // what alice says next must reach them all.
    for round in 0..ROUNDS {
        office.stop().await;
        alice.is_offline().await;
        for other in &mut others {
            other.is_offline().await;
            let written = |number| format!("{round}: {} {number}", other.name);
            let written: Vec<String> = (0..WRITTEN).map(written).collect();
            other.says_all(&LOBBY, &written).await;
        }
        office.start().await;
        for other in &mut others {
            other.run(Action::Reconnect).await.unwrap();
        }
        alice.reconnects().await;
        let answer = format!("{round}: answered");
        alice.says(&LOBBY, &answer).await;
        for other in &mut others {
            other.hears(&LOBBY, &answer).await;
        }
    }
    let all = ROUNDS * (others.len() * WRITTEN + 1);
    alice.sees("all of it", |snapshot| texts(snapshot, &LOBBY).len() == all).await;
    let told = texts(&alice.snapshot(), &LOBBY);
    for other in &mut others {
        other.sees("what alice sees", |snapshot| texts(snapshot, &LOBBY) == told).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn older_pages_come_when_asked_for() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let all: Vec<String> = (0..230).map(|number| format!("number {number}")).collect();
    alice.says_all(&LOBBY, &all).await;
    bob.hears(&LOBBY, "number 229").await;
    bob.restart().await;
    bob.is_connected().await;
    let snapshot = bob.snapshot();
    assert_eq!(texts(&snapshot, &LOBBY), all[30..], "the newest page");
    assert!(conversation(&snapshot, &LOBBY).unwrap().has_older);
    bob.run(Action::LoadOlder { conversation: LOBBY.id() }).await.unwrap();
    let snapshot = bob.snapshot();
    assert_eq!(texts(&snapshot, &LOBBY), all, "all of it, in order");
    assert!(!conversation(&snapshot, &LOBBY).unwrap().has_older);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_set_back_to_a_copy_is_brought_up_to_date() {
    let mut office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    alice.says(&LOBBY, "kept").await;
    bob.hears(&LOBBY, "kept").await;
    office.stop().await;
    alice.is_offline().await;
    bob.is_offline().await;
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("copy");
    copy_directory(&office.data, &copy);

    office.start().await;
    alice.reconnects().await;
    bob.reconnects().await;
    alice.says(&LOBBY, "lost by alice").await;
    bob.hears(&LOBBY, "lost by alice").await;
    bob.says(&LOBBY, "lost by bob").await;
    bob.hears(&LOBBY, "lost by bob").await;
    alice.hears(&LOBBY, "lost by bob").await;

    office.stop().await;
    alice.is_offline().await;
    bob.is_offline().await;
    std::fs::remove_dir_all(&office.data).unwrap();
    copy_directory(&copy, &office.data);
    office.start().await;
    alice.reconnects().await;
    bob.reconnects().await;

    alice.says(&LOBBY, "after").await;
    bob.says(&LOBBY, "also after").await;
    let mut late = office.person("late").await;
    for text in ["kept", "lost by alice", "lost by bob", "after", "also after"] {
        late.hears(&LOBBY, text).await;
        alice.hears(&LOBBY, text).await;
        bob.hears(&LOBBY, text).await;
    }
    let told = texts(&late.snapshot(), &LOBBY);
    assert_eq!(texts(&alice.snapshot(), &LOBBY), told, "alice sees what everybody sees");
    assert_eq!(texts(&bob.snapshot(), &LOBBY), told, "bob sees what everybody sees");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_in_one_profile_stay_apart() {
    let (here, there) = (Office::open().await, Office::open().await);
    let (mut bob, mut dora) = (here.person("bob").await, there.person("dora").await);
    let mut alice = Person::start("alice", Machine::default()).await;
    alice.sign_up(here.target()).await.unwrap();
    alice.is_connected().await;
    let private = between(&alice, &bob);
    alice.says(&LOBBY, "here").await;
    alice.says(&private, "to bob").await;
    bob.hears(&private, "to bob").await;
    alice.run(Action::SignOut).await.unwrap();
    alice
        .sees("signed out", |snapshot| {
            matches!(snapshot.line, Line::SignedOut) && snapshot.conversations.is_empty()
        })
        .await;

    let first_name = std::mem::replace(&mut alice.name, "alicia".parse().unwrap());
    alice.sign_up(there.target()).await.unwrap();
    alice.is_connected().await;
    dora.says(&LOBBY, "there").await;
    alice.hears(&LOBBY, "there").await;
    let snapshot = alice.snapshot();
    assert_eq!(texts(&snapshot, &LOBBY), ["there"]);
    assert!(conversation(&snapshot, &private).is_none(), "the other account’s conversation");
    assert_eq!(snapshot.me.as_ref().unwrap().user, alice.name);
    alice.restart().await;
    alice.is_connected().await;
    assert_eq!(texts(&alice.snapshot(), &LOBBY), ["there"], "after a restart too");

    bob.says(&private, "still there?").await;
    alice.run(Action::SignOut).await.unwrap();
    alice.name = first_name;
    alice.sign_in(here.target()).await.unwrap();
    alice.is_connected().await;
    alice.hears(&private, "still there?").await;
    let snapshot = alice.snapshot();
    assert_eq!(texts(&snapshot, &private), ["to bob", "still there?"]);
    assert_eq!(texts(&snapshot, &LOBBY), ["here"]);
}
