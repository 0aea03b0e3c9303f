//! The main job: files of every kind from alice to bob, none of it through the coordinator.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::process::{Process, peak_memory};
use super::world::{COORDINATOR_PORT, Person, World};

const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;

/// The most that the coordinator may see go by while a gibibyte changes hands.
const COORDINATOR_BYTES: u64 = 1_000_000;
/// The most that either side may grow over an idle process.
const GROWTH: u64 = 100 * MIB;

/// A gibibyte, nothing, and a name that few programs like.
pub(super) fn three_files(world: &World) -> Result<String> {
    world.net.count(COORDINATOR_PORT)?;
    world.coordinator("coordinator")?;
    let (alice, bob) = (world.person("alice", 5001)?, world.person("bob", 5002)?);
    let files = [
        world.file("one gibibyte.bin", GIB)?,
        world.file("empty", 0)?,
        world.file("отчёт 2026 (финал) 😀.pdf", 3 * MIB + 17)?,
    ];

    alice.run(&["msg", "bob", "three files are coming"])?.expect(0)?;
    let heard = bob.run(&["history", "alice"])?.expect(0)?;
    ensure!(
        heard.records("message").iter().any(|m| m["text"] == "three files are coming"),
        "bob did not hear of it"
    );

    let resting = resting_memory(&bob)?;
    let paths: Vec<&std::path::Path> = files.iter().map(std::path::PathBuf::as_path).collect();
    let sending = alice.offer(&paths, "bob")?;
    let begun = Instant::now();
    let (sender, receiver) =
        watch_memory(sending.id(), || bob.start(&["get", "--wait", "one gibibyte.bin"]))?;
    let took = begun.elapsed().as_secs_f64();
    for name in ["empty", "отчёт 2026 (финал) 😀.pdf"] {
        bob.run(&["get", "--wait", name])?.expect(0)?;
    }
    sending.wait()?.expect(0)?;
    for file in &files {
        bob.has(file)?;
    }

    let (to, from) = world.net.counted(COORDINATOR_PORT)?;
    ensure!(to + from < COORDINATOR_BYTES, "{} bytes went through the coordinator's port", to + from);
    let growth = |peak: u64| peak.saturating_sub(resting);
    for (who, peak) in [("sender", sender), ("receiver", receiver)] {
        ensure!(growth(peak) < GROWTH, "the {who} grew by {} MiB", growth(peak) / MIB);
    }
    Ok(format!(
        "1 GiB in {took:.1} s; coordinator {} kB; idle {} MiB, sender +{} MiB, receiver +{} MiB",
        (to + from) / 1000,
        resting / MIB,
        growth(sender) / MIB,
        growth(receiver) / MIB
    ))
}

/// What an engine takes that is connected and does nothing.
fn resting_memory(person: &Person<'_>) -> Result<u64> {
    let mut idle = person.start(&["get", "--wait", "no such file"])?;
    idle.connects(COORDINATOR_PORT)?;
    idle.listens(person.port)?;
    idle.peak_memory().context("the idle process ended")
}

/// Runs a download to its end and tells the peaks of sender and receiver.
pub(super) fn watch_memory(sender: u32, start: impl FnOnce() -> Result<Process>) -> Result<(u64, u64)> {
    let receiving = start()?;
    let receiver = receiving.id();
    let (over, peaks) = (AtomicBool::new(false), [AtomicU64::new(0), AtomicU64::new(0)]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for (peak, process) in peaks.iter().zip([sender, receiver]) {
                    peak.fetch_max(peak_memory(process).unwrap_or_default(), Ordering::Relaxed);
                }
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        });
        let ended = receiving.wait();
        over.store(true, Ordering::Relaxed);
        ended?.expect(0)
    })?;
    let [sender, receiver] = peaks.map(AtomicU64::into_inner);
    ensure!(sender > 0 && receiver > 0, "nobody could be watched");
    Ok((sender, receiver))
}
