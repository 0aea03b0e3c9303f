//! What is refused, with which sentence and which exit code.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::world::{COORDINATOR, World};

const REFUSED: i32 = 5;
const KEY_CHANGED: i32 = 6;
const LOCKED: i32 = 8;

/// A wrong password and an unknown name get one answer, in about the same time.
pub(super) fn wrong_password(world: &World) -> Result<String> {
    world.coordinator("coordinator")?;
    let (_alice, bob) = (world.person("alice", 5001)?, world.person("bob", 5002)?);
    let attempt = |name: &str| -> Result<(String, Duration)> {
        let begun = Instant::now();
        let refused = bob.run_with(&["sign-in", COORDINATOR, name], "not the password\n")?.expect(REFUSED)?;
        Ok((refused.sentence()?, begun.elapsed()))
    };
    let (wrong, one) = attempt("alice")?;
    let (unknown, other) = attempt("nobody")?;
    ensure!(wrong == unknown, "the answers differ: {wrong:?} and {unknown:?}");
    let apart = one.abs_diff(other);
    ensure!(apart < Duration::from_millis(500), "the answers take {apart:?} apart");
    Ok(format!("“{wrong}”"))
}

/// The same address with another key is not the same coordinator.
pub(super) fn coordinator_key_changed(world: &World) -> Result<String> {
    world.coordinator("coordinator")?;
    let bob = world.person("bob", 5002)?;
    world.kill_coordinator()?;
    world.coordinator("impostor")?;
    let refused = bob.run(&["msg", "lobby", "hello"])?.expect(KEY_CHANGED)?;
    two_fingerprints(&refused.sentence()?)
}

/// Somebody else at alice's address does not get to serve alice's files.
pub(super) fn peer_key_changed(world: &World) -> Result<String> {
    world.coordinator("coordinator")?;
    let (alice, bob) = (world.person("alice", 5001)?, world.person("bob", 5002)?);
    let file = world.file("report.pdf", 1 << 20)?;
    let mut sending = alice.offer(&[&file], "bob")?;
    sending.kill()?;
    let mallory = world.person("mallory", alice.port)?;
    let mut impostor = mallory.start(&["get", "--wait", "anything"])?;
    impostor.listens(alice.port)?;
    let refused = bob.run(&["get", "report.pdf"])?.expect(KEY_CHANGED)?;
    ensure!(!bob.downloads().join("report.pdf").exists(), "bob has a file from mallory");
    two_fingerprints(&refused.sentence()?)
}

/// Both keys are shown, as groups of four digits.
fn two_fingerprints(sentence: &str) -> Result<String> {
    let group = |word: &&str| word.len() == 4 && word.chars().all(|c| c.is_ascii_hexdigit());
    let plain = sentence.replace(['(', ')', ',', '.', ':', ';', '\n'], " ");
    let groups = plain.split_whitespace().filter(group).count();
    ensure!(groups >= 16, "the sentence does not show two fingerprints: {sentence}");
    Ok(format!("“{sentence}”"))
}

/// A profile belongs to one process at a time; the second one says so.
pub(super) fn profile_in_use(world: &World) -> Result<String> {
    world.coordinator("coordinator")?;
    let bob = world.person("bob", 5002)?;
    let mut first = bob.start(&["get", "--wait", "anything"])?;
    first.listens(bob.port)?;
    let refused = bob.run(&["peers"])?.expect(LOCKED)?;
    let sentence = refused.sentence()?;
    ensure!(sentence.contains(&first.id().to_string()), "it does not say who: {sentence}");
    Ok(format!("“{sentence}”"))
}

/// Without a display the window says what to do instead.
pub(super) fn no_display(world: &World) -> Result<String> {
    let mut window = world.landline();
    window.arg("--profile").arg(world.path("nobody"));
    let ended = super::Process::start("the window", &mut window, "")?.wait()?;
    let said = ended.lines.join(" ");
    ensure!(ended.code != 0, "it ended as if all were well: {said}");
    ensure!(said.contains("demo"), "it does not name the demo: {said}");
    ensure!(!said.contains("panicked"), "it panicked: {said}");
    Ok(format!("“{said}”"))
}
