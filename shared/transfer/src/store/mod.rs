//! Where the pieces of one download wait until all are there, and how they get their final names:
//! a single file in a part file, a folder in a folder of parts, beneath the place they will end up in.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use landline_protocol::{FileName, HeldKey};

use crate::layout::Layout;
use crate::manifest::Manifest;
use crate::values::Values;

/// What to do about a name that is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conflict {
    /// Fetch nothing and ask, unless what is there is identical.
    Ask,
    /// Keep what is there; of a folder, fetch the files that are not there.
    Skip,
    /// Save under the next free name; what is identical is not fetched again.
    #[default]
    Rename,
    /// Take its place; what was there is kept beside it under a name that says so.
    Replace,
}

/// Where a download ends up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// An existing folder.
    pub folder: PathBuf,
    /// The name of the file, or of the folder, in it.
    pub name: FileName,
    /// When the name is taken.
    pub conflict: Conflict,
}

/// What the parts of one offer are called on disk: the same at every attempt, and nothing a person
/// would call a file of theirs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PartName(HeldKey);

impl PartName {
    /// Of the download of an offer.
    pub fn of(offer: HeldKey) -> Self {
        Self(offer)
    }
}

/// Where a complete download is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The file or folder.
    pub path: PathBuf,
    /// Names of what was there before and was moved aside.
    pub moved_aside: Vec<PathBuf>,
    /// Files that were there already, identical.
    pub identical: u64,
    /// Names that had to be respelled or numbered: as offered, as saved. At most 100 of them.
    pub respelled: Vec<(String, String)>,
}

/// The pieces of one download on disk, held by this process alone.
#[derive(Debug)]
pub(crate) struct Store {}

/// What is to be stored.
pub(crate) enum Subject {
    /// A single file.
    File,
    /// A folder, and which of its files are wanted: one flag for each.
    Folder { manifest: Arc<Manifest>, wanted: Vec<bool> },
}

impl Store {
    /// Opens what an earlier attempt left, or begins; sets space aside. With no room, fails with
    /// [`io::ErrorKind::StorageFull`]; held by another attempt, with [`io::ErrorKind::ResourceBusy`].
    pub(crate) fn open(
        _to: &Destination,
        _part: &PartName,
        _subject: Subject,
        _layout: &Arc<Layout>,
    ) -> io::Result<Self> {
        todo!()
    }

    /// Tells `found` which pieces are there and good: what was ever written is hashed again, and so
    /// are the files already at the destination that have the right sizes. Stops early, without an
    /// error, once `stop` is set.
    pub(crate) fn check(
        &self,
        _values: &Values,
        _stop: &AtomicBool,
        _found: &mut dyn FnMut(usize),
    ) -> io::Result<()> {
        todo!()
    }

    /// How many bytes of a piece, from its start, an interrupted attempt wrote. A hint: they count only
    /// when the whole piece is verified.
    pub(crate) fn prefix(&self, _piece: usize) -> io::Result<usize> {
        todo!()
    }

    /// Writes bytes of a piece, beginning `at` bytes into it. Zeros may be left out as holes.
    pub(crate) fn write(&self, _piece: usize, _at: usize, _bytes: &[u8]) -> io::Result<()> {
        todo!()
    }

    /// Reads bytes of the content as they are in the store, from `start` on; for passing pieces on.
    pub(crate) fn read(&self, _start: u64, _buffer: &mut [u8]) -> io::Result<()> {
        todo!()
    }

    /// Brings data to disk, then records what it proves: one bit for each piece, taken before.
    pub(crate) fn checkpoint(&self, _bitmap: &[u8]) -> io::Result<()> {
        todo!()
    }

    /// Brings the complete content to disk, with lengths, times and modes. Takes as long as the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        todo!()
    }

    /// Gives the synced content its name by the conflict policy and removes what remains of the parts.
    pub(crate) fn place(&self) -> io::Result<Placed> {
        todo!()
    }
}

/// What is known about a destination before anything is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// Bytes free for this user there; absent where the file system does not say.
    pub free: Option<u64>,
    /// Whether something with this name, or one that differs only in case, is there.
    pub taken: bool,
}

/// Looks at a destination. Blocks briefly.
pub fn outlook(_to: &Destination) -> io::Result<Outlook> {
    todo!()
}

/// Removes what a download that will not go on has left in its folder. Blocks briefly. What is not
/// there is as good as removed.
pub fn discard(_folder: &Path, _part: &PartName) -> io::Result<()> {
    todo!()
}
