//! What is transferred, and what each subject must have brought in the end.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

const MIB: usize = 1024 * 1024;

/// Touches as much memory as the runs will use: on virtual machines the first touch of freed pages is
/// many times slower than every later one.
pub(super) fn warm(memory: &Path, mib: u64) -> Result<()> {
    let path = memory.join("warm");
    let mut file = File::create(&path)?;
    let block = vec![1; MIB];
    for _ in 0..mib * 2 + 512 {
        file.write_all(&block)?;
    }
    drop(file);
    Ok(fs::remove_file(path)?)
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
