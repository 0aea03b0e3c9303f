//! What is in a folder: every file and folder with its path, size, time and hashes, as one list whose
//! BLAKE3 is the root of the offer.

use std::io::{self, Read, Write};
use std::sync::Arc;

use landline_protocol::{FolderSummary, Root};

use crate::layout::Layout;
use crate::tree::ChainingValue;
use crate::values::Values;

/// A path in a manifest: components separated by `/`, none empty, `.` or `..`, no NUL, at most
/// [`landline_protocol::limits::PATH_COMPONENTS`]. What a receiver writes is a safe spelling of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryPath(String);

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

/// Bytes that are not a manifest.
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
    /// The components in order.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// Accepts a path that keeps to the rules; `None` otherwise.
    pub fn parse(_text: &str) -> Option<Self> {
        todo!()
    }

    /// The text, with `/` between components.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Manifest {
    /// Reads what [`write`](Self::write) wrote elsewhere, checking every rule; does not judge whose it
    /// is. Streams: holds nothing beside the result.
    pub fn read(_from: impl Read) -> Result<Self, ManifestError> {
        todo!()
    }

    /// Writes it and tells its root.
    pub fn write(&self, _to: impl Write) -> Result<Root, ManifestError> {
        todo!()
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
