//! Files and folders to send, and whether what arrived is the same.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

use crate::random::Random;

const MIB: usize = 1 << 20;
/// Within each, a number makes the content differ.
const PAGE: usize = 4096;
/// What a hole is made of.
const BLOCK: u64 = 64 * 1024;
/// The most files of a folder.
const FILES: usize = 400;

/// Writes a file that no compression helps with; with holes, some of it is zeros.
pub(crate) fn write_file(path: &Path, size: u64, holes: bool, random: &mut Random) -> Result<()> {
    let file = File::create(path).with_context(|| path.display().to_string())?;
    file.set_len(size)?;
    let mut block = vec![0; MIB];
    random.fill(&mut block);
    let mut at = 0;
    while at < size {
        if holes && random.percent(30) {
            at += BLOCK * random.log_uniform(1, 64);
            continue;
        }
        // Each page differs, and not each is drawn at the price of the whole.
        for (index, page) in block.chunks_exact_mut(PAGE).enumerate() {
            page[..8].copy_from_slice(&(at + index as u64).to_le_bytes());
        }
        let len = usize::try_from(size - at).unwrap_or(MIB).min(MIB);
        file.write_all_at(&block[..len], at)?;
        at += len as u64;
    }
    Ok(())
}

/// Makes a folder with so many bytes in it: files of all sizes, nested and empty folders, some of the
/// files executable.
pub(crate) fn write_folder(path: &Path, size: u64, random: &mut Random) -> Result<()> {
    fs::create_dir(path)?;
    let mut folders = vec![path.to_owned()];
    let mut left = size;
    for number in 0..FILES {
        if random.percent(15) {
            let parent = &folders[random.below(folders.len())];
            let folder = parent.join(format!("folder {number}"));
            fs::create_dir(&folder)?;
            folders.push(folder);
        }
        let is_last = number + 1 == FILES;
        let bytes = if is_last { left } else { random.log_uniform(0, left.div_ceil(3)).min(left) };
        let file = folders[random.below(folders.len())].join(format!("file {number}"));
        write_file(&file, bytes, false, random)?;
        dress(&file, random)?;
        left -= bytes;
        if left == 0 {
            break;
        }
    }
    Ok(())
}

/// Gives a file a time and a mode.
fn dress(file: &Path, random: &mut Random) -> Result<()> {
    let mode = if random.percent(20) { 0o755 } else { 0o644 };
    fs::set_permissions(file, fs::Permissions::from_mode(mode))?;
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(random.between(1_000_000_000, 1_600_000_000));
    Ok(File::options().write(true).open(file)?.set_modified(time)?)
}

/// Whether everything must be there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What is there must be right.
    SoFar,
    /// All must be there, with times and modes.
    All,
}

/// Compares a file or folder with what it must be. Returns how many files were compared, and what
/// differs.
pub(crate) fn compare(sent: &Path, arrived: &Path, extent: Extent) -> Result<(u64, Vec<String>)> {
    let (theirs, ours) = (listing(sent)?, listing(arrived)?);
    let mut differences = Vec::new();
    for (name, is_folder) in &ours {
        if theirs.get(name) != Some(is_folder) {
            differences.push(format!("{} was not sent", arrived.join(name).display()));
        }
    }
    let mut compared = 0;
    for (name, is_folder) in &theirs {
        let (sent, arrived) = (join(sent, name), join(arrived, name));
        if !ours.contains_key(name) {
            if extent == Extent::All {
                differences.push(format!("{} is missing", arrived.display()));
            }
        } else if !is_folder {
            compared += 1;
            let is_alone = name.as_os_str().is_empty();
            differences.extend(difference(&sent, &arrived, extent, is_alone)?);
        }
    }
    Ok((compared, differences))
}

/// Everything beneath a path, itself included, and whether it is a folder.
fn listing(top: &Path) -> Result<BTreeMap<PathBuf, bool>> {
    let mut found = BTreeMap::new();
    let mut todo = vec![PathBuf::new()];
    while let Some(name) = todo.pop() {
        let path = join(top, &name);
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        if meta.is_dir() {
            for entry in fs::read_dir(&path)? {
                todo.push(name.join(entry?.file_name()));
            }
        }
        found.insert(name, meta.is_dir());
    }
    Ok(found)
}

/// Nothing is joined without a slash at the end.
fn join(top: &Path, name: &Path) -> PathBuf {
    if name.as_os_str().is_empty() { top.to_owned() } else { top.join(name) }
}

fn difference(sent: &Path, arrived: &Path, extent: Extent, is_alone: bool) -> Result<Option<String>> {
    let shown = arrived.display();
    let (one, other) = (File::open(sent)?, File::open(arrived)?);
    let (one_meta, other_meta) = (one.metadata()?, other.metadata()?);
    if one_meta.len() != other_meta.len() {
        return Ok(Some(format!("{shown} has {} bytes, not {}", other_meta.len(), one_meta.len())));
    }
    if let Some(at) = first_difference(one, other)? {
        return Ok(Some(format!("{shown} differs from what was sent, first within 256 KiB from byte {at}")));
    }
    if extent == Extent::SoFar || is_alone {
        return Ok(None);
    }
    let is_executable = |meta: &fs::Metadata| meta.permissions().mode() & 0o111 != 0;
    if is_executable(&one_meta) != is_executable(&other_meta) {
        return Ok(Some(format!("{shown} has another mode than what was sent")));
    }
    let is_new = one_meta.modified()? != other_meta.modified()?;
    Ok(is_new.then(|| format!("{shown} has another time than what was sent")))
}

fn first_difference(mut one: File, mut other: File) -> io::Result<Option<u64>> {
    let (mut here, mut there) = (vec![0; 256 * 1024], vec![0; 256 * 1024]);
    let mut at = 0;
    loop {
        let got = one.read(&mut here)?;
        if got == 0 {
            return Ok(None);
        }
        other.read_exact(&mut there[..got])?;
        if here[..got] != there[..got] {
            return Ok(Some(at));
        }
        at += got as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (sent, arrived) = (folder.path().join("sent"), folder.path().join("arrived"));
        write_folder(&sent, 3_000_000, &mut Random::new(1)).unwrap();
        write_folder(&arrived, 3_000_000, &mut Random::new(1)).unwrap();
        let faults = |extent| compare(&sent, &arrived, extent).unwrap().1.len();
        assert_eq!(faults(Extent::All), 0);
        let large = largest(&arrived);
        let (bytes, time) = (fs::read(&large).unwrap(), fs::metadata(&large).unwrap().modified().unwrap());
        fs::write(&large, &bytes).unwrap();
        assert_eq!((faults(Extent::All), faults(Extent::SoFar)), (1, 0), "its time");
        let mut torn = bytes.clone();
        torn[bytes.len() - 1] ^= 1;
        for wrong in [&torn[..], &bytes[1..]] {
            fs::write(&large, wrong).unwrap();
            assert_eq!((faults(Extent::All), faults(Extent::SoFar)), (1, 1));
        }
        fs::remove_file(&large).unwrap();
        assert_eq!((faults(Extent::All), faults(Extent::SoFar)), (1, 0));
        fs::write(&large, bytes).unwrap();
        File::options().write(true).open(&large).unwrap().set_modified(time).unwrap();
        assert_eq!(faults(Extent::All), 0);
        fs::write(arrived.join("more"), "").unwrap();
        assert_eq!((faults(Extent::All), faults(Extent::SoFar)), (1, 1));
    }

    fn largest(folder: &Path) -> PathBuf {
        let files = listing(folder).unwrap().into_keys().map(|name| folder.join(name));
        files.max_by_key(|path| path.is_file().then(|| fs::metadata(path).unwrap().len())).unwrap()
    }
}
