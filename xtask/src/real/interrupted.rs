//! Downloads that are interrupted: by the end of either side, and of the coordinator.

use std::path::Path;

use anyhow::{Result, ensure};

use super::process::Process;
use super::world::World;

const MIB: u64 = 1 << 20;
const SIZE: u64 = 256 * MIB;
/// What may be under way when a process is killed and has to come again: pieces that were not
/// complete, and what the kernel held for both connections.
const UNDER_WAY: u64 = 24 * MIB;
/// Slow enough that there is a middle to interrupt: about five seconds.
const MEGABITS: u32 = 400;
const ALICE_PORT: u16 = 5001;

/// Waits until about a third has been verified, and tells how much.
fn a_third(download: &mut Process) -> Result<u64> {
    download.until_record("progress", |progress| progress["bytes"].as_u64().filter(|bytes| *bytes > SIZE / 3))
}

fn name(file: &Path) -> &str {
    file.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// What the sender sent, TLS and headers included, may be a little more than the file.
fn nothing_twice(world: &World) -> Result<String> {
    let (_, sent) = world.net.counted(ALICE_PORT)?;
    let most = SIZE + SIZE / 100 + UNDER_WAY;
    ensure!(sent >= SIZE, "only {} MiB were sent: was it interrupted at all?", sent / MIB);
    ensure!(sent <= most, "{} MiB were sent for a file of {} MiB", sent / MIB, SIZE / MIB);
    Ok(format!("{:.1} MiB sent for {} MiB", sent as f64 / MIB as f64, SIZE / MIB))
}

/// kill -9 of the receiver: the next run goes on where it was.
pub(super) fn receiver_killed(world: &World) -> Result<String> {
    world.net.count(ALICE_PORT)?;
    world.coordinator("coordinator")?;
    let (alice, bob) = (world.person("alice", ALICE_PORT)?, world.person("bob", 5002)?);
    let file = world.file("large.bin", SIZE)?;
    let sending = alice.offer(&[&file], "bob")?;
    world.net.slow_down(MEGABITS)?;
    let mut download = bob.start(&["get", "--wait", name(&file)])?;
    let verified = a_third(&mut download)?;
    download.kill()?;
    world.net.let_go()?;
    let (_, first) = world.net.counted(ALICE_PORT)?;
    ensure!(!bob.downloads().join(name(&file)).exists(), "something unverified is under the final name");
    bob.run(&["get", name(&file)])?.expect(0)?;
    bob.has(&file)?;
    sending.wait()?.expect(0)?;
    let (_, total) = world.net.counted(ALICE_PORT)?;
    let again = (total - first).saturating_sub(SIZE - verified);
    ensure!(again <= SIZE / 100 + UNDER_WAY, "{} MiB of what was verified came again", again / MIB);
    nothing_twice(world)
}

/// kill -9 of the sender: the receiver waits, and goes on when the sender is back.
pub(super) fn sender_killed(world: &World) -> Result<String> {
    world.net.count(ALICE_PORT)?;
    world.coordinator("coordinator")?;
    let (alice, bob) = (world.person("alice", ALICE_PORT)?, world.person("bob", 5002)?);
    let file = world.file("large.bin", SIZE)?;
    let mut sending = alice.offer(&[&file], "bob")?;
    world.net.slow_down(MEGABITS)?;
    let mut download = bob.start(&["get", "--wait", name(&file)])?;
    a_third(&mut download)?;
    sending.kill()?;
    world.net.let_go()?;
    download.until_record("progress", |progress| (progress["state"] == "waiting").then_some(()))?;
    let sending = alice.start(&["send", "--resume"])?;
    download.wait()?.expect(0)?;
    bob.has(&file)?;
    sending.wait()?.expect(0)?;
    nothing_twice(world)
}

/// Without the coordinator a download that has begun goes on to its end.
pub(super) fn coordinator_stopped(world: &World) -> Result<String> {
    world.coordinator("coordinator")?;
    let (alice, bob) = (world.person("alice", ALICE_PORT)?, world.person("bob", 5002)?);
    let file = world.file("large.bin", SIZE)?;
    let _sending = alice.offer(&[&file], "bob")?;
    world.net.slow_down(MEGABITS)?;
    let mut download = bob.start(&["get", "--wait", name(&file)])?;
    let verified = a_third(&mut download)?;
    world.stop_coordinator()?;
    world.net.let_go()?;
    download.wait()?.expect(0)?;
    bob.has(&file)?;
    Ok(format!("stopped at {} of {} MiB", verified / MIB, SIZE / MIB))
}
