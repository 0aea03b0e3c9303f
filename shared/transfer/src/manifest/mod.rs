//! What is in a folder: every file and folder with its path, size, time and hashes, as one list whose
//! BLAKE3 is the root of the offer.
//!
//! # The form on the wire and on disk
//!
//! Numbers are unsigned LEB128 in as few bytes as possible, at most 10. In order:
//!
//! | what | how |
//! |---|---|
//! | magic | the 8 bytes `LLFOLDER` |
//! | version | the byte 1 |
//! | counts | number of folders, number of files |
//! | each folder | path, time |
//! | each file | path, size in bytes, time, flags, values |
//!
//! *Path*: how many bytes it has in common with the path before it in the same section (as many as
//! possible), how many follow, and those bytes. The whole is UTF-8; components are separated by `/`.
//!
//! *Time*: when its content last changed, in seconds since 1970, zigzag coded (0, -1, 1, -2 … become
//! 0, 1, 2, 3 …), and the nanoseconds of that second.
//!
//! *Flags*: one byte: 1 when its owner may execute it, else 0.
//!
//! *Values*: for each 1 MiB of the file, in order, the 32-byte BLAKE3 chaining value of that subtree; of
//! a file of one piece the BLAKE3 of the file; of an empty file none.
//!
//! Both sections are sorted by path, compared by bytes with `/` before everything else, so that what is
//! in a folder stands together. No path stands twice, not even once in each section, and the folder
//! that anything is in is listed. Sizes add up to less than 2^64, and nothing follows the last record.
//! One folder has exactly one such form: what was read and is written again has the same root.

use std::cmp::Ordering;
use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

use landline_protocol::{FolderSummary, Root, limits};

use crate::layout::Layout;
use crate::tree::ChainingValue;
use crate::values::Values;

mod read;
mod write;

#[cfg(test)]
mod tests;

/// The longest path, in bytes: what Linux opens in one step.
pub const PATH_BYTES: usize = 4_095;
/// The longest component of a path, in bytes.
pub const COMPONENT_BYTES: usize = 255;

/// A path in a manifest: components separated by `/`, none empty, `.` or `..`, no NUL, each at most
/// [`COMPONENT_BYTES`], at most [`limits::PATH_COMPONENTS`] of them and [`PATH_BYTES`] together. What a
/// receiver writes is a safe spelling of it. In the order of a manifest: a folder before what is in
/// it, and that before whatever else begins like it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntryPath(Arc<str>);

/// A file of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Where it is.
    pub path: EntryPath,
    /// Bytes.
    pub size: u64,
    /// When its content last changed, in seconds since 1970, and the nanoseconds of that second.
    pub modified: (i64, u32),
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// A folder of a folder. Kept because it may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderEntry {
    /// Where it is.
    pub path: EntryPath,
    /// When it last changed.
    pub modified: (i64, u32),
}

/// Everything in a folder. Files are in the order of their paths; so are the pieces of [`Values`].
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The files.
    pub files: Vec<FileEntry>,
    /// The folders, each before what is in it.
    pub folders: Vec<FolderEntry>,
    /// What the pieces of the files must hash to.
    pub values: Values,
}

/// Bytes that are not a manifest, or not the hashes that were offered.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not what was offered, cut short, or breaking a rule: a path twice, a file beneath a file.
    #[error("the list of what is in the folder is damaged: {0}")]
    Damaged(&'static str),
    /// It could not be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl EntryPath {
    /// Accepts a path that keeps to the rules; `None` otherwise.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |part: &str| {
            !matches!(part, "" | "." | "..") && part.len() <= COMPONENT_BYTES && !part.contains('\0')
        };
        let ok = text.len() <= PATH_BYTES
            && text.split('/').all(fits)
            && text.split('/').count() <= limits::PATH_COMPONENTS;
        ok.then(|| Self(text.into()))
    }

    /// The components in order.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The text, with `/` between components.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder it is in, as text; `None` at the top.
    pub fn parent(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(parent, _)| parent)
    }
}

/// For messages of this machine; escape what somebody else wrote with
/// [`landline_protocol::name::printable`].
impl fmt::Display for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Ord for EntryPath {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.0, &other.0)
    }
}

impl PartialOrd for EntryPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By bytes, `/` before everything else: no path contains the NUL that it stands for here.
fn compare(one: &str, other: &str) -> Ordering {
    let rank = |byte: u8| if byte == b'/' { 0 } else { byte };
    one.bytes().map(rank).cmp(other.bytes().map(rank))
}

impl Manifest {
    /// Puts one together. Files and folders in any order, each file with the values of its pieces;
    /// [`ManifestError::Damaged`] when they break a rule.
    pub fn new(
        mut files: Vec<(FileEntry, Vec<ChainingValue>)>,
        mut folders: Vec<FolderEntry>,
    ) -> Result<Self, ManifestError> {
        files.sort_by(|(one, _), (other, _)| one.path.cmp(&other.path));
        folders.sort_by(|one, other| one.path.cmp(&other.path));
        let mut checked = read::Checked::new(folders)?;
        for (file, values) in files {
            checked.push(file)?;
            checked.values.extend(values);
        }
        checked.finish()
    }

    /// Reads what [`write`](Self::write) wrote elsewhere, checking every rule; does not judge whose it
    /// is. Streams: holds nothing beside the result, and no more of that than the bytes read account
    /// for. Reads to the end, [`limits::MANIFEST_BYTES`] at most.
    pub fn read(from: impl Read) -> Result<Self, ManifestError> {
        read::manifest(from)
    }

    /// Writes it and tells its root.
    pub fn write(&self, to: impl Write) -> Result<Root, ManifestError> {
        write::manifest(self, to)
    }

    /// How the files fall into pieces.
    pub fn layout(&self) -> &Arc<Layout> {
        self.values.layout()
    }

    /// The values of one file's pieces.
    pub fn values_of(&self, file: usize) -> &[ChainingValue] {
        &self.values.all()[self.layout().pieces_of(file)]
    }

    /// How much there is.
    pub fn summary(&self) -> FolderSummary {
        FolderSummary { files: self.files.len() as u64, folders: self.folders.len() as u64 }
    }
}
