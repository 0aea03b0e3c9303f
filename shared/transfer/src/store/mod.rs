//! Where the pieces of one download wait until all are there, and how they get their final names:
//! a single file in a part file, a folder in a folder of parts, beneath the place they will end up in.
//!
//! Beside the data is a small [`record`] of what is proven. It is a hint: after an interruption
//! everything that was ever written is hashed again, recorded or not, so a killed process loses
//! nothing and a power cut cannot pass off what never reached the disk.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use landline_protocol::{FileName, HeldKey};

use crate::beneath::Directory;
use crate::disk::FileVersion;
use crate::layout::Layout;
use crate::manifest::Manifest;
use crate::values::Values;

mod ahead;
mod blocks;
mod check;
mod conflict;
mod file;
mod folder;
mod handles;
mod names;
mod parts;
mod place;
mod recheck;
mod record;
mod room;
mod settle;
mod standing;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use blocks::BLOCK;
pub use conflict::{Conflict, Taken};
pub use parts::{discard, load_proof, save_proof};
pub use room::{Outlook, outlook};

/// Where a download ends up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// An existing folder.
    pub folder: PathBuf,
    /// The name of the file, or of the folder, in it.
    pub name: FileName,
    /// When the name is taken. A folder goes into a folder of its name that is there already, and
    /// this is about the files in it.
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
    /// What was there before and was moved aside: where it is now.
    pub moved_aside: Vec<PathBuf>,
    /// Files that were there already, identical.
    pub identical: u64,
    /// Files that were not saved, because others have their names and [`Conflict::Skip`] keeps those.
    pub kept: u64,
    /// Names that had to be respelled or numbered: as offered, as saved. At most [`RESPELLED`].
    pub respelled: Vec<(String, String)>,
    /// What a single file was when it was placed, for telling later whether it still is; `None` when that
    /// is not known, and for a folder.
    pub version: Option<FileVersion>,
}

/// The most names in [`Placed::respelled`].
pub const RESPELLED: usize = 100;

impl Placed {
    fn at(path: PathBuf) -> Self {
        Self { path, moved_aside: Vec::new(), identical: 0, kept: 0, respelled: Vec::new(), version: None }
    }

    fn respell(&mut self, offered: String, saved: String) {
        if self.respelled.len() < RESPELLED {
            self.respelled.push((offered, saved));
        }
    }
}

/// The pieces of one download on disk, held by this process alone.
#[derive(Debug)]
pub(crate) struct Store(Kind);

#[derive(Debug)]
enum Kind {
    File(Box<file::FileStore>),
    Folder(Box<folder::FolderStore>),
}

/// What is to be stored.
pub(crate) enum Subject {
    /// A single file.
    File,
    /// A folder, and which of its files are wanted: one flag for each.
    Folder { manifest: Arc<Manifest>, wanted: Vec<bool> },
}

macro_rules! each {
    ($self:ident, $store:ident => $do:expr) => {
        match &$self.0 {
            Kind::File($store) => $do,
            Kind::Folder($store) => $do,
        }
    };
}

impl Store {
    /// Opens what an earlier attempt left, or begins. Held by another attempt, fails with
    /// [`io::ErrorKind::ResourceBusy`]; when something else has the name and the person wants to be
    /// asked, with [`Taken`]; a size that no disk has is [`io::ErrorKind::StorageFull`].
    pub(crate) fn open(
        to: &Destination,
        part: &PartName,
        subject: Subject,
        layout: &Arc<Layout>,
    ) -> io::Result<Self> {
        let folder = Directory::open(&to.folder)?;
        room::plausible(&folder, layout.size())?;
        if [part.data(), part.record(), part.folder()].contains(&to.name.collision_key()) {
            return Err(io::ErrorKind::InvalidFilename.into());
        }
        Ok(Self(match subject {
            Subject::File => Kind::File(Box::new(file::FileStore::open(folder, to, part, layout)?)),
            Subject::Folder { manifest, wanted } => {
                Kind::Folder(Box::new(folder::FolderStore::open(folder, to, part, manifest, wanted)?))
            }
        }))
    }

    /// Looks at what is there already, before anything is fetched: at the destination, and of a folder at
    /// the parts. Tells `found` which pieces are there and good, and gives those of a single file's part
    /// that may be: they are for [`check`](Self::check), and nobody writes them before. Stops early, without
    /// an error, once `stop` is set. Fails with [`Taken`] when the person must be asked, and with
    /// [`io::ErrorKind::StorageFull`] when there is no room for the rest, holes not counted.
    pub(crate) fn survey(
        &self,
        values: &Values,
        stop: &AtomicBool,
        found: &mut dyn FnMut(usize),
    ) -> io::Result<Vec<usize>> {
        let surveyed = match &self.0 {
            Kind::File(store) => store.survey(values, stop, found),
            Kind::Folder(store) => store.survey(values, stop, found).map(|()| Vec::new()),
        };
        unless_stopped(surveyed)
    }

    /// Hashes pieces again that may be there, and tells of each whether it is. A piece that is whole and
    /// wrong is given back to the disk. Stops early, without an error, once `stop` is set.
    pub(crate) fn check(
        &self,
        values: &Values,
        stop: &AtomicBool,
        pieces: &[usize],
        judged: &mut dyn FnMut(usize, bool),
    ) -> io::Result<()> {
        match &self.0 {
            Kind::File(store) => unless_stopped(store.check(values, stop, pieces, judged)),
            Kind::Folder(_) => Ok(()), // its survey leaves nothing in doubt
        }
    }

    /// Which files are worth fetching, one flag for each: not those that [`Conflict::Skip`] keeps others
    /// for. Known once [`survey`](Self::survey) has ended.
    pub(crate) fn wanted(&self) -> Vec<bool> {
        each!(self, store => store.wanted())
    }

    /// How many bytes of a piece, from its start, an interrupted attempt wrote; the piece's length when
    /// all were. A hint: they count only when the whole piece is verified, and when it is not, nobody
    /// knows whether they were wrong or what came after.
    pub(crate) fn prefix(&self, piece: usize) -> io::Result<usize> {
        each!(self, store => store.prefix(piece))
    }

    /// The same of a piece with these bytes on disk, when nothing is known of it but them: space that was
    /// only set aside is taken for what it is, zeros to the piece's end.
    pub(crate) fn trim(&self, piece: usize, bytes: &[u8]) -> usize {
        each!(self, store => store.trim(piece, bytes))
    }

    /// Writes bytes of a piece, beginning `at` bytes into it. Blocks of zeros are left out as holes. A
    /// small file written in one go is finished at once, with time and mode. Nothing stops two from
    /// writing one piece: what is verified must not be written again.
    pub(crate) fn write(&self, piece: usize, at: usize, bytes: &[u8]) -> io::Result<()> {
        each!(self, store => store.write(piece, at, bytes))
    }

    /// Reads bytes of the content as they are in the store, from `start` on; for passing pieces on.
    pub(crate) fn read(&self, start: u64, buffer: &mut [u8]) -> io::Result<()> {
        each!(self, store => store.read(start, buffer))
    }

    /// Brings data to disk, then records what it proves: one bit for each piece, taken before.
    pub(crate) fn checkpoint(&self, bitmap: &[u8]) -> io::Result<()> {
        each!(self, store => store.checkpoint(bitmap))
    }

    /// Brings the complete content to disk, with lengths, times and modes. Takes as long as the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        each!(self, store => store.sync())
    }

    /// Gives the synced content its name by the conflict policy and removes what remains of the parts.
    /// Overwrites nothing. When it is interrupted, another attempt finds what has its name already and
    /// finishes the rest.
    pub(crate) fn place(&self) -> io::Result<Placed> {
        each!(self, store => store.place())
    }
}

fn unless_stopped<T: Default>(done: io::Result<T>) -> io::Result<T> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(T::default()),
        other => other,
    }
}

/// A file that only this user can have put there: in a folder others may write to, a hard link to
/// something precious would otherwise be written through.
fn own(file: std::fs::File, path: &Path) -> io::Result<std::fs::File> {
    if crate::beneath::is_solely_ours(&file)? { Ok(file) } else { Err(not_ours(path)) }
}

fn not_ours(path: &Path) -> io::Error {
    let text = format!("{} belongs to someone else; remove it, or choose another folder", path.display());
    io::Error::new(io::ErrorKind::PermissionDenied, text)
}
