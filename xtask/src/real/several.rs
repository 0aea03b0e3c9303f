//! More than two people, and names that are taken.

use anyhow::{Result, ensure};

use super::world::{Person, World};

const MIB: u64 = 1 << 20;
const ALICE_PORT: u16 = 5001;
const BOB_PORT: u16 = 5002;
const NAME_TAKEN: i32 = 13;
const DECLINED: i32 = 9;

/// Once one member has all of it, the sender may leave: a third machine completes from the second.
pub(super) fn sender_leaves(world: &World) -> Result<String> {
    world.coordinator("coordinator")?;
    let (alice, bob) = (world.person("alice", ALICE_PORT)?, world.person("bob", BOB_PORT)?);
    let carol = world.person("carol", 5003)?;
    let file = world.file("large.bin", 64 * MIB)?;
    let sending = alice.offer(&[&file], "lobby")?;
    bob.run(&["get", "--wait", "large.bin"])?.expect(0)?;
    sending.terminate()?;
    sending.wait()?;
    world.net.count(BOB_PORT)?;
    let mut holding = bob.start(&["get", "--wait", "nothing at all"])?;
    holding.listens(BOB_PORT)?;
    let got = carol.run(&["get", "--wait", "large.bin"])?.expect(0)?;
    carol.has(&file)?;
    let named = got.records("progress").iter().any(|record| {
        let sources = record["sources"].as_array();
        sources.is_some_and(|all| all.iter().any(|one| one["user"] == "bob"))
    });
    ensure!(named, "nobody said that it came from bob");
    let (_, sent) = world.net.counted(BOB_PORT)?;
    ensure!(sent >= 64 * MIB, "bob sent only {} MiB", sent / MIB);
    Ok(format!("{} MiB from bob after alice had left", sent / MIB))
}

/// One command sends to two people, and ends when both have it.
pub(super) fn several_recipients(world: &World) -> Result<String> {
    world.coordinator("coordinator")?;
    let (alice, bob) = (world.person("alice", ALICE_PORT)?, world.person("bob", BOB_PORT)?);
    let carol = world.person("carol", 5003)?;
    let files = [world.file("one.bin", 20 * MIB)?, world.file("two.txt", 11)?];
    let (one, two) = (files[0].to_string_lossy(), files[1].to_string_lossy());
    let sending = alice.start(&["send", &one, &two, "--to", "bob", "--to", "carol"])?;
    let receive = |who: &Person<'_>| -> Result<()> {
        who.run(&["get", "--wait", "one.bin", "two.txt"])?.expect(0)?;
        files.iter().try_for_each(|file| who.has(file))
    };
    receive(&bob)?;
    receive(&carol)?;
    let sent = sending.wait()?.expect(0)?;
    let delivered = sent.records("delivered");
    ensure!(delivered.len() == 4, "{} deliveries are told", delivered.len());
    let took = alice.run(&["uploads"])?.expect(0)?.records("upload");
    ensure!(took.len() >= 4, "{} uploads are remembered", took.len());
    Ok(format!("{} deliveries, {} uploads remembered", delivered.len(), took.len()))
}

/// Each way with a taken name does what it says, and loses nothing.
pub(super) fn conflicts(world: &World) -> Result<String> {
    world.coordinator("coordinator")?;
    let (alice, bob) = (world.person("alice", ALICE_PORT)?, world.person("bob", BOB_PORT)?);
    std::fs::create_dir_all(bob.downloads())?;
    let ways = ["rename", "skip", "replace", "ask"];
    for way in ways {
        let file = world.file(&format!("{way}.txt"), 1000)?;
        std::fs::write(bob.downloads().join(format!("{way}.txt")), format!("{way}: was here before"))?;
        let sending = alice.offer(&[&file], "bob")?;
        let got = bob.run(&["get", "--wait", &format!("{way}.txt"), "--on-conflict", way])?;
        let there = std::fs::read(bob.downloads().join(format!("{way}.txt")))?;
        let before = format!("{way}: was here before").into_bytes();
        let sent = std::fs::read(&file)?;
        let anywhere = |wanted: &[u8]| -> Result<bool> {
            for entry in std::fs::read_dir(bob.downloads())? {
                if std::fs::read(entry?.path())? == wanted {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        ensure!(anywhere(&before)?, "{way}: what was there is lost");
        match way {
            "rename" => ensure!(got.code == 0 && there == before && anywhere(&sent)?, "rename: {}", got.code),
            "skip" => ensure!(got.code == 0 && there == before && !anywhere(&sent)?, "skip: {}", got.code),
            "replace" => ensure!(got.code == 0 && there == sent, "replace: {}", got.code),
            _ => {
                let asked = got.expect(NAME_TAKEN)?;
                ensure!(asked.sentence()?.contains("--on-conflict"), "it does not say what to do");
                ensure!(there == before && !anywhere(&sent)?, "ask: something was saved");
                bob.run(&["get", "ask.txt", "--on-conflict", "replace"])?.expect(0)?;
            }
        }
        // What was skipped did not arrive, and its sender is not told that it did.
        sending.wait()?.expect(if way == "skip" { DECLINED } else { 0 })?;
    }
    Ok(ways.join(", "))
}
