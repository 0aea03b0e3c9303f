//! More than fits: a file far larger than memory, and very many small ones.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use super::transfer::watch_memory;
use super::world::{Person, World};

const MIB: u64 = 1 << 20;
const GB: u64 = 1_000_000_000;

/// Forty gigabytes of holes with a few words in them arrive as holes, in little memory.
pub(super) fn sparse_file(world: &World) -> Result<String> {
    let size = 40 * GB;
    let path = world.path("sparse.img");
    let file = File::create(&path)?;
    file.set_len(size)?;
    for at in [0, size / 3, size - 9] {
        file.write_all_at(b"not zero!", at)?;
    }
    let (bob, figures) = transfer(world, &path)?;
    let received = fs::metadata(bob.downloads().join("sparse.img"))?;
    let on_disk = received.blocks() * 512;
    ensure!(received.len() == size && on_disk < 64 * MIB, "{} MiB of disk are taken", on_disk / MIB);
    let copy = File::open(bob.downloads().join("sparse.img"))?;
    for at in [0, size / 3, size - 9] {
        let mut words = [0; 9];
        copy.read_exact_at(&mut words, at)?;
        ensure!(&words == b"not zero!", "at {at} stands something else");
    }
    figures.within(150 * MIB)?;
    Ok(format!("{}, {} KiB of disk", figures, on_disk / 1024))
}

/// A hundred thousand files of 0 to 16 KiB.
pub(super) fn many_files(world: &World) -> Result<String> {
    let folder = world.path("many");
    let mut seed = 1u64;
    for number in 0..100_000u32 {
        let place = folder.join(format!("{:03}", number / 1000)).join(format!("{:02}", number / 100 % 10));
        if number % 100 == 0 {
            fs::create_dir_all(&place)?;
        }
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let size = usize::try_from((seed >> 33) % 16_385)?;
        let byte = u8::try_from(seed >> 56)?;
        let mut bytes = vec![byte; size];
        if let Some(start) = bytes.get_mut(..4) {
            start.copy_from_slice(&number.to_le_bytes());
        }
        fs::write(place.join(format!("{number:06}")), bytes)?;
    }
    let (bob, figures) = transfer(world, &folder)?;
    let mut diff = Command::new("diff");
    crate::command::output(diff.arg("-rq").arg(&folder).arg(bob.downloads().join("many")))?;
    figures.within(200 * MIB)?;
    Ok(figures.to_string())
}

/// What a transfer took.
struct Figures {
    seconds: f64,
    sender: u64,
    receiver: u64,
}

impl Figures {
    fn within(&self, most: u64) -> Result<()> {
        let Self { sender, receiver, .. } = self;
        ensure!(
            *sender.max(receiver) < most,
            "the sender took {} MiB, the receiver {} MiB",
            sender / MIB,
            receiver / MIB
        );
        Ok(())
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seconds, sender, receiver } = self;
        write!(f, "{seconds:.0} s, sender {} MiB, receiver {} MiB", sender / MIB, receiver / MIB)
    }
}

/// From alice to bob, with the peak memory of both.
fn transfer<'world>(world: &'world World, path: &Path) -> Result<(Person<'world>, Figures)> {
    world.coordinator("coordinator")?;
    let (alice, bob) = (world.person("alice", 5001)?, world.person("bob", 5002)?);
    let sending = alice.offer(&[path], "bob")?;
    let begun = std::time::Instant::now();
    let (sender, receiver) = watch_memory(sending.id(), || bob.start(&["get", "--wait"]))?;
    let seconds = begun.elapsed().as_secs_f64();
    Ok((bob, Figures { seconds, sender, receiver }))
}
