//! What is transferred, and what each subject must have brought in the end.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

const MIB: usize = 1024 * 1024;

/// Memory that is held between runs and let go of right before each. Freed pages of a virtual machine go
/// back to its host within seconds, and the first touch of one that did is many times slower than every
/// later one: without this, what is measured is how long ago somebody else used the memory.
pub(super) struct Ballast {
    path: PathBuf,
    mib: u64,
}

impl Ballast {
    /// Room for what a run writes, and a little.
    pub(super) fn hold(memory: &Path, bytes: u64) -> Result<Self> {
        let ballast = Self { path: memory.join("ballast"), mib: (bytes >> 20) + 128 };
        ballast.take()?;
        Ok(ballast)
    }

    /// Touches it all. Quick when it was in use a moment ago.
    pub(super) fn take(&self) -> Result<()> {
        let mut file = File::create(&self.path)?;
        let block = vec![1; MIB];
        Ok((0..self.mib).try_for_each(|_| file.write_all(&block))?)
    }

    /// Leaves it to whoever needs memory next.
    pub(super) fn let_go(&self) -> Result<()> {
        Ok(fs::remove_file(&self.path)?)
    }
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
