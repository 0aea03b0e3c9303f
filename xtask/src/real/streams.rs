//! Standard input and output, limits, pausing.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::process::Process;
use super::world::World;
use crate::real::same;

const MIB: u64 = 1 << 20;
const ALICE_PORT: u16 = 5001;

/// The command with its standard input or output redirected to a file.
fn redirected(command: &Command, how: &str, file: &Path) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("exec \"$@\" {how} \"$STREAM\"")).arg("sh");
    shell.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.env("STREAM", file);
    shell
}

/// A stream goes in at one end and comes out at the other, and nothing of it stays; but what could not
/// be written out is kept until it could.
pub(super) fn stream(world: &World) -> Result<String> {
    world.coordinator("coordinator")?;
    let (alice, bob) = (world.person("alice", ALICE_PORT)?, world.person("bob", 5002)?);
    let source = world.file("source", 30 * MIB + 12_345)?;
    let sending = alice.command(&["send", "-", "--to", "bob", "--name", "work.tar"]);
    let mut sending = Process::start("alice's stream", &mut redirected(&sending, "<", &source), "")?;
    sending.until_record("offer", |offer| (offer["name"] == "work.tar").then_some(()))?;
    let kept = spooled(&world.path("alice"))?;
    let [stream] = kept.as_slice() else {
        anyhow::bail!("{} files are kept for one stream", kept.len());
    };
    let mode = stream.metadata()?.permissions().mode() & 0o777;
    ensure!(mode == 0o600, "others may read the stream: {mode:o}");

    let out = world.path("out");
    let getting = bob.command(&["get", "--wait", "work.tar", "-o", "-"]);
    let mut nowhere = redirected(&getting, ">", Path::new("/dev/full"));
    Process::start("bob's stream to a full disk", &mut nowhere, "")?.wait()?.expect(11)?;
    sending.wait()?.expect(0)?;
    // Nobody sends it any more.
    let got = Process::start("bob's stream", &mut redirected(&getting, ">", &out), "")?.wait()?.expect(0)?;
    ensure!(got.records("received").len() == 1, "nothing is said to have come");
    same(&source, &out)?;
    for who in ["alice", "bob"] {
        let left = spooled(&world.path(who))?;
        ensure!(left.is_empty(), "{who} keeps {left:?}");
    }
    ensure!(!bob.downloads().join("work.tar").exists(), "a copy is among bob's files");
    Ok(format!("{} MiB through both", 30))
}

/// Files beneath a profile's spool.
fn spooled(profile: &Path) -> Result<Vec<PathBuf>> {
    let spool = profile.join("spool");
    if !spool.exists() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for folder in std::fs::read_dir(spool)? {
        for file in std::fs::read_dir(folder?.path())? {
            files.push(file?.path());
        }
    }
    Ok(files)
}

/// A limit holds, whoever sets it.
pub(super) fn limits(world: &World) -> Result<String> {
    const LIMIT: u64 = 4 * MIB;
    world.coordinator("coordinator")?;
    let (alice, bob) = (world.person("alice", ALICE_PORT)?, world.person("bob", 5002)?);
    let mut seen = Vec::new();
    for (name, sender, receiver) in [("by-sender", "4M", ""), ("by-receiver", "", "4M")] {
        let file = world.file(name, 8 * LIMIT)?;
        let with = |limit: &'static str| if limit.is_empty() { vec![] } else { vec!["--limit", limit] };
        let path = file.to_string_lossy();
        let mut send = vec!["send", &path, "bob"];
        send.extend(with(sender));
        let sending = alice.start(&send)?;
        let mut get = vec!["get", "--wait", name];
        get.extend(with(receiver));
        let mut getting = bob.start(&get)?;
        let rate = rate(&mut getting, 2 * LIMIT, 6 * LIMIT)?;
        getting.wait()?.expect(0)?;
        sending.wait()?.expect(0)?;
        bob.has(&file)?;
        let share = rate / LIMIT as f64;
        ensure!((0.9..=1.1).contains(&share), "{name}: {:.1} % of the limit", share * 100.0);
        seen.push(format!("{name} {:.1} %", share * 100.0));
    }
    let settings = bob.run(&["limits"])?.expect(0)?.records("limits");
    ensure!(settings.iter().all(|one| one["down"].is_null()), "--limit outlived its command: {settings:?}");
    Ok(format!("of 4 MiB/s: {}", seen.join(", ")))
}

/// Bytes a second between two marks.
fn rate(getting: &mut Process, from: u64, to: u64) -> Result<f64> {
    let mut reach = |mark: u64| -> Result<(u64, Instant)> {
        let seen = |record: &serde_json::Value| record["bytes"].as_u64().filter(|bytes| *bytes >= mark);
        let bytes = getting.until_record("progress", seen)?;
        Ok((bytes, Instant::now()))
    };
    let (begin, end) = (reach(from)?, reach(to)?);
    Ok((end.0 - begin.0) as f64 / (end.1 - begin.1).as_secs_f64())
}

/// What is paused stays so until it is resumed, and then goes on from where it was.
pub(super) fn pause(world: &World) -> Result<String> {
    const SIZE: u64 = 128 * MIB;
    world.net.count(ALICE_PORT)?;
    world.coordinator("coordinator")?;
    let (alice, bob) = (world.person("alice", ALICE_PORT)?, world.person("bob", 5002)?);
    let file = world.file("large.bin", SIZE)?;
    let sending = alice.offer(&[&file], "bob")?;
    world.net.slow_down(400)?;
    let mut getting = bob.start(&["get", "--wait", "large.bin"])?;
    getting.until_record("progress", |record| record["bytes"].as_u64().filter(|bytes| *bytes > SIZE / 4))?;
    getting.terminate()?;
    getting.wait()?.expect(130)?;
    bob.run(&["pause", "large.bin"])?.expect(0)?;
    world.net.let_go()?;

    let (_, before) = world.net.counted(ALICE_PORT)?;
    let mut idle = bob.start(&["get", "--wait", "nothing at all"])?;
    idle.listens(bob.port)?;
    // Long enough for a download that is not paused to come all the way.
    std::thread::sleep(Duration::from_secs(2));
    idle.terminate()?;
    idle.wait()?;
    let (_, after) = world.net.counted(ALICE_PORT)?;
    ensure!(after - before < MIB, "{} KiB came while it was paused", (after - before) / 1024);
    let offers = bob.run(&["offers"])?.expect(0)?.records("offer");
    let offer = offers.first().context("the offer is gone")?;
    let (state, bytes) = (offer["state"].clone(), offer["bytes"].as_u64().unwrap_or(0));
    ensure!(state == "paused" && bytes > SIZE / 5, "it is {state} with {bytes} bytes");

    bob.run(&["resume", "large.bin"])?.expect(0)?;
    bob.has(&file)?;
    sending.wait()?.expect(0)?;
    let (_, sent) = world.net.counted(ALICE_PORT)?;
    ensure!(sent < SIZE + SIZE / 100 + 24 * MIB, "{} MiB were sent for {}", sent / MIB, SIZE / MIB);
    Ok(format!("{:.1} MiB sent for {} MiB", sent as f64 / MIB as f64, SIZE / MIB))
}
