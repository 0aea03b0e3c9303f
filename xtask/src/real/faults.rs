//! Disks that fill up and files that do not stay what they were.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use super::world::World;
use crate::command;

const MIB: u64 = 1 << 20;
const SIZE: u64 = 256 * MIB;
const MEGABITS: u32 = 400;
const NOT_AS_OFFERED: i32 = 10;
const DISK: i32 = 11;

/// A file system in memory; goes when dropped.
struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    fn mount(path: PathBuf, mib: u64) -> Result<Self> {
        std::fs::create_dir_all(&path)?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"]).arg(&path);
        command::output(&mut mount)?;
        Ok(Self { path })
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Err(why) = command::output(Command::new("umount").arg("--lazy").arg(&self.path)) {
            println!("{why:#}");
        }
    }
}

/// A disk that fills up ends the download with a sentence, and nothing half under its final name.
pub(super) fn disk_full(world: &World) -> Result<String> {
    world.coordinator("coordinator")?;
    let (alice, bob) = (world.person("alice", 5001)?, world.person("bob", 5002)?);
    let disk = SmallDisk::mount(world.path("small"), 8)?;
    let file = world.file("large.bin", 32 * MIB)?;
    let _sending = alice.offer(&[&file], "bob")?;
    let into = disk.path.to_string_lossy();
    let refused = bob.run(&["get", "--wait", "large.bin", "--into", &into])?.expect(DISK)?;
    ensure!(!disk.path.join("large.bin").exists(), "something incomplete is under the final name");
    Ok(format!("“{}”", refused.sentence()?))
}

/// A file that is deleted while it is fetched: the receiver hears that it is gone.
pub(super) fn file_vanishes(world: &World) -> Result<String> {
    mid_transfer(world, |path| Ok(std::fs::remove_file(path)?))
}

/// A file that is written to while it is fetched: the receiver hears that it changed.
pub(super) fn file_changes(world: &World) -> Result<String> {
    mid_transfer(world, |path| Ok(OpenOptions::new().append(true).open(path)?.write_all(b"more")?))
}

fn mid_transfer(world: &World, meddle: impl Fn(&PathBuf) -> Result<()>) -> Result<String> {
    world.coordinator("coordinator")?;
    let (alice, bob) = (world.person("alice", 5001)?, world.person("bob", 5002)?);
    let file = world.file("large.bin", SIZE)?;
    let _sending = alice.offer(&[&file], "bob")?;
    world.net.slow_down(MEGABITS)?;
    let mut download = bob.start(&["get", "--wait", "large.bin"])?;
    download
        .until_record("progress", |progress| progress["bytes"].as_u64().filter(|bytes| *bytes > SIZE / 4))?;
    meddle(&file)?;
    let refused = download.wait()?.expect(NOT_AS_OFFERED)?;
    ensure!(!bob.downloads().join("large.bin").exists(), "something is under the final name");
    Ok(format!("“{}”", refused.sentence()?))
}
