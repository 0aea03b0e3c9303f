//! Clocks that are wrong: nobody is shut out, and nobody asks for tokens without end.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use landline_peer::Clock;
use landline_protocol::Timestamp;
use tokio::time::{Instant, sleep};

use crate::office::Office;
use crate::person::{Machine, PATIENCE, Person};
use crate::views::*;

const MINUTE: u64 = 60_000;
/// How far the clocks are wrong: further than any token lasts on its own.
const WRONG: u64 = 20 * MINUTE;
/// How long tokens are counted after everything was said: a loop would turn many times.
const WATCH: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_fast_keeps_nobody_from_talking_and_sharing() {
    let now = Clock::system().now();
    wrong_clock(now, now.plus_millis(WRONG)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_slow_keeps_nobody_from_talking_and_sharing() {
    let now = Clock::system().now();
    wrong_clock(now, Timestamp::from_millis(now.as_millis() - WRONG)).await;
}

async fn wrong_clock(now: Timestamp, wrong: Timestamp) {
    let office = Office::with_clock(Clock::manual(now)).await;
    let mut right = person(&office, "right", Clock::manual(now)).await;
    let clock = Clock::manual(wrong);
    let mut person = person(&office, "wrong", clock.clone()).await;
    let tokens = TokenCount::of(&person);
    exchange(&mut person, &mut right, "at first").await;
    sleep(WATCH).await;
    let count = tokens.count();
    assert!(count <= 3, "{count} tokens were asked for in a few seconds");
    let snapshot = person.snapshot();
    assert!(is_up(&snapshot.line), "{:?}", snapshot.line);

    person.restart().await;
    person.is_connected().await;
    exchange(&mut person, &mut right, "after a restart").await;

    // Time goes on everywhere: the tokens end and others are fetched.
    let before = stored(&person.profile());
    office.clock.advance(11 * MINUTE);
    clock.advance(11 * MINUTE);
    changes(&person.profile(), before).await;
    person.is_connected().await;
    person.says(&LOBBY, "still here").await;
    right.hears(&LOBBY, "still here").await;
    let count = tokens.count();
    assert!(count <= 8, "{count} tokens were asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_slow_keeps_nobody_from_fetching_without_the_coordinator() {
    let now = Clock::system().now();
    let mut office = Office::with_clock(Clock::manual(now)).await;
    let mut right = person(&office, "right", Clock::manual(now)).await;
    let wrong = Clock::manual(Timestamp::from_millis(now.as_millis() - WRONG));
    let mut wrong = person(&office, "wrong", wrong).await;
    let file = wrong.file("late.txt", MIB);
    let offer = wrong.shares(&LOBBY, file.clone()).await;
    right.is_offered(offer).await;
    right.meets(&wrong).await;
    office.stop().await;
    wrong.restart().await;
    right.accepts(offer).await;
    assert_same_content(&file, &right.receives(offer).await);
}

async fn person(office: &Office, name: &str, clock: Clock) -> Person {
    office.person_on(name, Machine { clock, ..Machine::default() }).await
}

/// A message and a file each way.
async fn exchange(one: &mut Person, other: &mut Person, when: &str) {
    give(one, other, when).await;
    give(other, one, when).await;
}

async fn give(from: &mut Person, to: &mut Person, when: &str) {
    let private = between(from, to);
    let text = format!("{} {when}", from.name);
    from.says(&private, &text).await;
    to.hears(&private, &text).await;
    let file = from.file(&format!("{text}.bin"), MIB);
    let offer = from.shares(&private, file.clone()).await;
    to.accepts(offer).await;
    assert_same_content(&file, &to.receives(offer).await);
}

fn stored(profile: &Path) -> String {
    std::fs::read_to_string(profile.join("secrets.json")).unwrap_or_default()
}

async fn changes(profile: &Path, before: String) {
    let deadline = Instant::now() + PATIENCE;
    while stored(profile) == before {
        assert!(Instant::now() < deadline, "no other token was fetched");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Counts the tokens that come by in a profile.
struct TokenCount {
    seen: std::sync::Arc<std::sync::Mutex<HashSet<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl TokenCount {
    fn of(person: &Person) -> Self {
        let seen = std::sync::Arc::default();
        let task = tokio::spawn(collect(person.profile(), std::sync::Arc::clone(&seen)));
        Self { seen, task }
    }

    fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

impl Drop for TokenCount {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn collect(profile: PathBuf, seen: std::sync::Arc<std::sync::Mutex<HashSet<String>>>) {
    loop {
        let text = stored(&profile);
        if !text.is_empty() {
            seen.lock().unwrap().insert(text);
        }
        sleep(Duration::from_millis(5)).await;
    }
}
