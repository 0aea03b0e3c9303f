//! The part file: where pieces wait until the file is complete, beneath the folder that it will
//! end up in, and beside it a small record of what is proven.
//!
//! The record is a hint. After an interruption everything that was ever written is hashed again,
//! recorded or not, so a killed process loses nothing and a power cut cannot pass off what never
//! reached the disk.

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use landline_protocol::limits::PIECE_BYTES;
use landline_protocol::{FileName, Root, ShareId};

use crate::beneath::{Directory, OpenError, is_solely_ours};
use crate::disk;
use crate::tree::{PieceTree, piece_count, piece_len};

/// Numbers tried before giving up on a free name.
const NUMBERS: u32 = 10_000;
const MAGIC: &[u8; 8] = b"LANPART1";

/// What the part file of one offer is called: the same at every attempt, and nothing a person
/// would call a file of theirs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PartName(String);

impl PartName {
    /// For an entry of a share with this content.
    pub fn of(share: &ShareId, entry: u32, root: &Root) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("landline 2026 part file");
        hasher.update(share.as_bytes()).update(&entry.to_le_bytes()).update(root.as_bytes());
        Self(data_encoding::HEXLOWER.encode(&hasher.finalize().as_bytes()[..16]))
    }

    /// The file of pieces.
    pub fn data(&self) -> String {
        format!(".landline-{}.part", self.0)
    }

    /// The record of what is proven.
    pub fn record(&self) -> String {
        format!(".landline-{}.state", self.0)
    }
}

/// An open part file, held by this process alone.
#[derive(Debug)]
pub(crate) struct PartFile {
    folder: Directory,
    name: PartName,
    data: File,
    record: File,
    size: u64,
    root: Root,
}

impl PartFile {
    /// Opens or makes it and sets the space aside. With no room, fails with
    /// [`io::ErrorKind::StorageFull`] and keeps what is there.
    pub(crate) fn open(folder: Directory, name: PartName, size: u64, root: Root) -> io::Result<Self> {
        let data = open_own(&folder, &name.data())?;
        match data.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::ResourceBusy.into()),
            // A file system without locks is no reason to refuse.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        let record = open_own(&folder, &name.record())?;
        if data.metadata()?.len() > size {
            data.set_len(size)?;
        }
        disk::reserve(&data, size)?;
        Ok(Self { folder, name, data, record, size, root })
    }

    /// Hashes everything that was ever written and tells `found` which pieces are good; stops
    /// early, without an error, once `stop` is set.
    pub(crate) fn check(
        &self,
        tree: &PieceTree,
        stop: &AtomicBool,
        mut found: impl FnMut(usize),
    ) -> io::Result<()> {
        let mut buffer = vec![0; piece_len(self.size, 0)];
        for index in self.candidates()? {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let piece = &mut buffer[..piece_len(self.size, index as u64)];
            let got = disk::read_at(&self.data, piece, index as u64 * PIECE_BYTES)?;
            if tree.verify(index as u64, &piece[..got]) {
                found(index);
            }
        }
        Ok(())
    }

    /// Puts a proven piece in its place.
    pub(crate) fn write(&self, index: usize, piece: &[u8]) -> io::Result<()> {
        disk::write_at(&self.data, piece, index as u64 * PIECE_BYTES)
    }

    /// Brings the data to disk, then records what it proves. `bitmap` must have been taken before.
    pub(crate) fn checkpoint(&self, bitmap: &[u8]) -> io::Result<()> {
        self.data.sync_data().inspect_err(|_| disk::forget(&self.data))?;
        let mut bytes = Vec::with_capacity(80 + bitmap.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(self.root.as_bytes());
        bytes.extend_from_slice(&self.size.to_le_bytes());
        bytes.extend_from_slice(bitmap);
        let sum = blake3::hash(&bytes);
        bytes.extend_from_slice(sum.as_bytes());
        disk::write_at(&self.record, &bytes, 0)
    }

    /// Brings a complete file to disk, with its length. Takes as long as the disk does.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.data.set_len(self.size)?; // an empty file has no piece that would set it
        self.data.sync_all().inspect_err(|_| disk::forget(&self.data))
    }

    /// Gives a synced file its name, or the next free one; overwrites nothing, not even what
    /// differs from it only in case. Returns the path.
    pub(crate) fn place(&self, wanted: &FileName) -> io::Result<PathBuf> {
        let taken = self.taken()?;
        let numbered = (1..NUMBERS).map(|n| wanted.numbered(n));
        for name in std::iter::once(wanted.clone()).chain(numbered) {
            if taken.contains(&name.collision_key()) {
                continue;
            }
            match self.folder.rename_noreplace(self.name.data(), name.as_str()) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    self.tidy_up();
                    return Ok(self.folder.path().join(name.as_str()));
                }
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// What remains once the file has its name. It is there and complete: a fault now, or a file
    /// system that cannot sync a folder, is no reason to fetch it again.
    fn tidy_up(&self) {
        let done = self.folder.sync().and_then(|()| self.folder.remove(self.name.record()));
        if let Err(error) = done {
            tracing::warn!(%error, "after a download, its folder could not be brought to disk");
        }
    }

    /// Pieces that may be whole: those with data under them, and those that the record claims (a
    /// file system may keep a piece of zeros as a hole).
    fn candidates(&self) -> io::Result<Vec<usize>> {
        let count = usize::try_from(piece_count(self.size)).unwrap_or(usize::MAX);
        let mut is_candidate = self.claims()?;
        is_candidate.resize(count, false);
        for range in disk::written(&self.data)? {
            let first = usize::try_from(range.start / PIECE_BYTES).unwrap_or(count).min(count);
            let end = usize::try_from(range.end.div_ceil(PIECE_BYTES)).unwrap_or(count).min(count);
            is_candidate[first..end.max(first)].fill(true);
        }
        Ok(is_candidate.iter().enumerate().filter_map(|(index, is)| is.then_some(index)).collect())
    }

    /// What the record says; nothing, if it is torn or about something else.
    fn claims(&self) -> io::Result<Vec<bool>> {
        let bitmap_len = usize::try_from(piece_count(self.size).div_ceil(8)).unwrap_or(0);
        let mut bytes = vec![0; 48 + bitmap_len + 32];
        let got = disk::read_at(&self.record, &mut bytes, 0)?;
        let (body, sum) = bytes.split_at(48 + bitmap_len);
        let right = got == bytes.len()
            && blake3::hash(body).as_bytes()[..] == *sum
            && body[..8] == *MAGIC
            && body[8..40] == *self.root.as_bytes()
            && body[40..48] == self.size.to_le_bytes();
        if !right {
            return Ok(Vec::new());
        }
        let bits = body[48..].iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
        Ok(bits.collect())
    }

    /// The collision keys of every name in the folder.
    fn taken(&self) -> io::Result<HashSet<String>> {
        let names = self.folder.names()?;
        let parsed = names.iter().filter_map(|name| FileName::parse(name.to_str()?).ok());
        Ok(parsed.map(|name| name.collision_key()).collect())
    }
}

/// Whether the rest of a file fits into the folder; asked before anybody else is. A size that no
/// disk has is refused here, before memory is set aside for its hashes.
pub(crate) fn room(folder: &Directory, name: &PartName, size: u64) -> io::Result<()> {
    let has = match folder.open_file(name.data()) {
        Ok(part) => disk::allocated(&part)?,
        Err(_) => 0,
    };
    disk::room(folder.handle(), size, has)
}

/// Removes a part file and its record, for a download that was given up.
pub(crate) fn remove(folder: &Directory, name: &PartName) -> io::Result<()> {
    folder.remove(name.data())?;
    folder.remove(name.record())
}

/// A file that only this user can have put there: in a folder others may write to, a hard link to
/// something precious would otherwise be written through.
fn open_own(folder: &Directory, name: &str) -> io::Result<File> {
    let file = folder.open_or_create(name).map_err(|error| match error {
        OpenError::Io(error) => error,
        other => io::Error::other(other.to_string()),
    })?;
    if is_solely_ours(&file)? {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("{name} belongs to someone else")))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::ops::ControlFlow;

    use super::*;
    use crate::plan::Plan;

    const SIZE: u64 = 5 * PIECE_BYTES + 11;

    struct Sample {
        temp: tempfile::TempDir,
        bytes: Vec<u8>,
        tree: PieceTree,
    }

    impl Sample {
        fn new() -> Self {
            let mut bytes = vec![0; usize::try_from(SIZE).unwrap()];
            blake3::Hasher::new().finalize_xof().fill(&mut bytes);
            bytes[usize::try_from(3 * PIECE_BYTES).unwrap()..usize::try_from(4 * PIECE_BYTES).unwrap()]
                .fill(0);
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            let tree = PieceTree::hash_file(&file, SIZE, &mut |_| ControlFlow::Continue(())).unwrap();
            Self { temp: tempfile::tempdir().unwrap(), bytes, tree }
        }

        fn name(&self) -> PartName {
            PartName::of(&ShareId::from_bytes([1; 16]), 0, &self.tree.root())
        }

        fn open(&self) -> io::Result<PartFile> {
            PartFile::open(Directory::open(self.temp.path()).unwrap(), self.name(), SIZE, self.tree.root())
        }

        fn piece(&self, index: usize) -> &[u8] {
            self.bytes.chunks(usize::try_from(PIECE_BYTES).unwrap()).nth(index).unwrap()
        }

        fn good(&self, part: &PartFile) -> Vec<usize> {
            let mut good = Vec::new();
            part.check(&self.tree, &AtomicBool::new(false), |index| good.push(index)).unwrap();
            good
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(self.temp.path()).unwrap();
            let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    #[test]
    fn what_was_written_is_found_again_and_what_is_damaged_is_not() {
        let sample = Sample::new();
        let part = sample.open().unwrap();
        assert_eq!(sample.good(&part), [0; 0], "space set aside is not data");
        for index in [1, 3, 5] {
            part.write(index, sample.piece(index)).unwrap();
        }
        part.write(4, &[9; 100]).unwrap();
        drop(part);
        let part = sample.open().unwrap();
        assert_eq!(sample.good(&part), [1, 3, 5], "with no record at all");
        part.write(1, b"damage").unwrap();
        assert_eq!(sample.good(&part), [3, 5]);
    }

    #[test]
    fn a_claimed_piece_of_zeros_is_found_in_a_hole() {
        let sample = Sample::new();
        let part = sample.open().unwrap();
        part.data.set_len(SIZE).unwrap();
        assert_eq!(sample.good(&part), [0; 0]);
        let mut plan = Plan::new(SIZE);
        plan.verified(3);
        plan.verified(2);
        part.checkpoint(&plan.bitmap()).unwrap();
        assert_eq!(part.claims().unwrap()[..6], [false, false, true, true, false, false]);
        assert_eq!(sample.good(&part), [3], "a claim that does not hold counts for nothing");
        part.record.set_len(60).unwrap();
        assert_eq!(part.claims().unwrap(), [false; 0]);
    }

    #[test]
    fn two_downloads_never_write_one_part() {
        let sample = Sample::new();
        let part = sample.open().unwrap();
        assert_eq!(sample.open().unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        drop(part);
        sample.open().unwrap();
    }

    #[test]
    fn a_link_laid_out_for_us_is_not_written_through() {
        let sample = Sample::new();
        let precious = sample.temp.path().join("precious");
        fs::write(&precious, "precious").unwrap();
        fs::hard_link(&precious, sample.temp.path().join(sample.name().data())).unwrap();
        assert_eq!(sample.open().unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        fs::remove_file(sample.temp.path().join(sample.name().data())).unwrap();
        std::os::unix::fs::symlink(&precious, sample.temp.path().join(sample.name().data())).unwrap();
        sample.open().unwrap_err();
        assert_eq!(fs::read(precious).unwrap(), b"precious");
    }

    #[test]
    fn a_taken_name_is_left_alone_whatever_its_case() {
        let sample = Sample::new();
        let wanted = FileName::parse("Résumé.PDF").unwrap();
        let decomposed = "re\u{301}sume\u{301}.pdf";
        fs::write(sample.temp.path().join(decomposed), "mine").unwrap();
        fs::create_dir(sample.temp.path().join("résumé (1).pdf")).unwrap();
        let part = sample.open().unwrap();
        part.sync().unwrap();
        let path = part.place(&wanted).unwrap();
        assert_eq!(path.file_name().unwrap(), "Résumé (2).PDF");
        assert_eq!(fs::metadata(path).unwrap().len(), SIZE);
        assert_eq!(fs::read(sample.temp.path().join(decomposed)).unwrap(), b"mine");
        assert_eq!(sample.names(), ["Résumé (2).PDF", decomposed, "résumé (1).pdf"]);
    }
}
