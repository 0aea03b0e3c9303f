//! What is transferred, and what each subject must have brought in the end.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use rustix::fs::{FallocateFlags, fallocate};

const MIB: usize = 1024 * 1024;

/// Keeps free memory warm, for as long as it lives. Free blocks of a virtual machine go back to its host
/// within seconds if they are 2 MiB or more, and the first touch of what did is many times slower than
/// every later one: without this, what is measured is how long ago somebody else used the memory. So a
/// page is held in every half megabyte of what the runs will use: the rest stays free, and stays here.
pub(super) struct Warmth(PathBuf);

impl Warmth {
    /// For runs that write so many bytes: to memory, or to a disk through it.
    pub(super) fn of(memory: &Path, bytes: u64) -> Result<Self> {
        const HELD: u64 = 4096;
        const STEP: u64 = 512 * 1024;
        // Also for what is left in the page cache of the runs before.
        let len = (bytes * 3 + (1 << 30)).min(free_memory()? / 8 * 7) / STEP * STEP;
        let path = memory.join("warmth");
        let mut file = File::create(&path)?;
        let block = vec![1; MIB];
        (0..len >> 20).try_for_each(|_| file.write_all(&block))?;
        for start in (0..len).step_by(usize::try_from(STEP)?) {
            let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            fallocate(&file, hole, start, STEP - HELD)?;
        }
        Ok(Self(path))
    }
}

impl Drop for Warmth {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0); // else it goes with its folder
    }
}

/// Bytes that can be had without taking any from a program.
fn free_memory() -> Result<u64> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).context("no MemAvailable")?;
    Ok(kib.parse::<u64>()? << 10)
}

/// A file of so many MiB that no compression helps with.
pub(super) fn big_file(folder: &Path, mib: u64) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let path = folder.join("big.bin");
    let mut file = File::create(&path)?;
    let mut source = File::open("/dev/urandom")?;
    let mut block = vec![0; MIB];
    source.read_exact(&mut block)?;
    for number in 0..mib {
        // Each block differs, and none is generated at the price of the whole.
        for chunk in block.chunks_exact_mut(4096) {
            chunk[..8].copy_from_slice(&number.to_le_bytes());
        }
        file.write_all(&block)?;
    }
    Ok(path)
}

/// So many files of so many bytes, in folders of a hundred.
pub(super) fn small_files(folder: &Path, count: usize, bytes: usize) -> Result<Vec<String>> {
    let mut source = File::open("/dev/urandom")?;
    let mut block = vec![0; bytes];
    let mut names = Vec::new();
    for number in 0..count {
        let name = format!("{:03}/{number:05}.bin", number / 100);
        let path = folder.join(&name);
        if number % 100 == 0 {
            fs::create_dir_all(folder.join(format!("{:03}", number / 100)))?;
        }
        source.read_exact(&mut block)?;
        fs::write(path, &block)?;
        names.push(name);
    }
    Ok(names)
}

/// Fails unless two files, or two folders, are the same.
pub(super) fn same(one: &Path, other: &Path) -> Result<()> {
    let status = std::process::Command::new("diff").arg("-rq").arg(one).arg(other).status()?;
    ensure!(status.success(), "{} did not arrive as it was", other.display());
    Ok(())
}
