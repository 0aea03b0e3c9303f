//! Positional reads and writes, and what else a disk can tell. Unix; built and tested on Linux.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt};

use rustix::fs::{FallocateFlags, SeekFrom};
use rustix::io::Errno;

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct FileVersion {
    /// The device it is on. Not stable over a restart everywhere.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// When its content last changed, in seconds since 1970.
    pub modified_secs: i64,
    /// The nanoseconds of that second.
    pub modified_nanos: i64,
}

impl FileVersion {
    /// Of an open file.
    pub fn of(file: &File) -> io::Result<Self> {
        let meta = file.metadata()?;
        Ok(Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified_secs: meta.mtime(),
            modified_nanos: meta.mtime_nsec(),
        })
    }

    /// Whether this is the same file, unchanged, after a restart, when the device's number may
    /// have changed.
    pub fn same_after_restart(&self, other: &Self) -> bool {
        Self { device: other.device, ..*self } == *other
    }

    /// The opaque version that an entity tag carries: says nothing about the machine, and is the same after a
    /// restart, for whoever began to fetch before it.
    pub fn opaque(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("landline 2026 file version");
        for number in [self.inode, self.size] {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(&self.modified_secs.to_le_bytes());
        hasher.update(&self.modified_nanos.to_le_bytes());
        data_encoding::HEXLOWER.encode(&hasher.finalize().as_bytes()[..16])
    }
}

/// Fills `buffer` from `offset`; fewer bytes only at the end of the file.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Writes all of `bytes` at `offset`.
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)
}

/// Bytes free for this user on the file system of an open file or folder; `None` where it does not say.
pub(crate) fn free(anything: impl AsFd) -> Option<u64> {
    let disk = rustix::fs::fstatvfs(anything).ok()?;
    (disk.f_blocks > 0).then(|| disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Bytes of disk that a file takes.
pub(crate) fn allocated(file: &File) -> io::Result<u64> {
    Ok(file.metadata()?.blocks().saturating_mul(512))
}

/// Whether writing into space that was set aside is faster than into holes: where blocks are
/// assigned on writing, and setting aside costs none of them.
pub(crate) fn is_better_set_aside(file: &File) -> bool {
    const EXT4: u64 = 0xef53;
    const XFS: u64 = 0x5846_5342;
    rustix::fs::fstatfs(file).is_ok_and(|disk| matches!(u64::try_from(disk.f_type), Ok(EXT4 | XFS)))
}

/// Sets space aside within a file.
pub(crate) fn set_aside(file: &File, start: u64, len: u64) -> io::Result<()> {
    Ok(rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, start, len)?)
}

/// Makes a range zeros, as a hole where the file system can.
pub(crate) fn zero(file: &File, start: u64, len: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, start, len) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
            let end = start.saturating_add(len).min(file.metadata()?.len());
            let zeros = [0; 16 * 1024];
            let mut at = start;
            while at < end {
                let step = usize::try_from(end - at).unwrap_or(zeros.len()).min(zeros.len());
                write_at(file, &zeros[..step], at)?;
                at += step as u64;
            }
            Ok(())
        }
        other => Ok(other?),
    }
}

/// Whether an error means that there is no room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The ranges that were ever written; holes and space merely set aside are left out. Where the
/// file system cannot tell, all of it.
pub(crate) fn written(file: &File) -> io::Result<Vec<Range<u64>>> {
    let mut ranges = Vec::new();
    let mut from = 0;
    loop {
        let start = match rustix::fs::seek(file, SeekFrom::Data(from)) {
            Ok(start) => start,
            Err(Errno::NXIO) => return Ok(ranges),
            Err(_) => return Ok(std::iter::once(0..file.metadata()?.size()).collect()),
        };
        let end = rustix::fs::seek(file, SeekFrom::Hole(start))?;
        ranges.push(start..end);
        from = end;
    }
}

/// After a failed sync, memory may hold what the disk never got, and a second sync would not say
/// so again. Let go of it, so that what is hashed next time is what is really there.
pub(crate) fn forget(file: &File) {
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
}

/// Who owns files that this process makes.
pub(crate) fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_set_aside_is_not_mistaken_for_data() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(8 << 20).unwrap();
        set_aside(&file, 0, 8 << 20).unwrap();
        assert_eq!(written(&file).unwrap(), []);
        write_at(&file, &[7; 4096], 2 << 20).unwrap();
        let ranges = written(&file).unwrap();
        assert!(ranges.iter().any(|r| r.contains(&(2 << 20))), "{ranges:?}");
        assert!(ranges.iter().all(|r| r.start > 0), "{ranges:?}");
        zero(&file, 2 << 20, 1 << 20).unwrap();
        assert!(!written(&file).unwrap().iter().any(|range| range.contains(&(2 << 20))));
        assert_eq!(file.metadata().unwrap().len(), 8 << 20);
    }

    #[test]
    fn a_version_changes_with_the_content_and_hides_the_machine() {
        let file = tempfile::tempfile().unwrap();
        let before = FileVersion::of(&file).unwrap();
        write_at(&file, b"x", 0).unwrap();
        let after = FileVersion::of(&file).unwrap();
        assert_ne!(before.opaque(), after.opaque());
        assert_eq!(after.opaque().len(), 32);
        assert!(after.same_after_restart(&FileVersion { device: 99, ..after }));
        assert_eq!(after.opaque(), FileVersion { device: 99, ..after }.opaque());
        assert!(!after.same_after_restart(&before));
    }
}
