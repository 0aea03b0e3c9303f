//! A single file: its part beside the place it will end up in.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use super::ahead::Ahead;
use super::blocks::{Blocks, OpenFile};
use super::check::{Checker, in_doubt, read_exactly};
use super::conflict::{Spot, Taken, spot};
use super::names::Listing;
use super::parts::{open_own, remove_file_parts};
use super::record::Record;
use super::settle::{Place, Settled, same_content};
use super::{Destination, PartName, Placed, room};
use crate::beneath::{Directory, What};
use crate::disk::{self, FileVersion};
use crate::layout::Layout;
use crate::values::Values;

/// An open part file.
#[derive(Debug)]
pub(super) struct FileStore {
    folder: Directory,
    to: Destination,
    part: PartName,
    layout: Arc<Layout>,
    data: OpenFile,
    record: Record,
    blocks: Blocks,
    /// What is at the destination and stays, so that nothing is fetched.
    there: OnceLock<There>,
}

#[derive(Debug)]
enum There {
    Identical { name: String, file: File, version: FileVersion },
    Kept(String),
}

impl FileStore {
    pub(super) fn open(
        folder: Directory,
        to: &Destination,
        part: &PartName,
        layout: &Arc<Layout>,
    ) -> io::Result<Self> {
        let kept = glance(&folder, to, layout.size())?;
        let data = open_own(&folder, &part.data())?;
        lock(&data)?;
        let record = Record::open(open_own(&folder, &part.record())?, layout)?;
        let blocks = Blocks::new(layout.pieces(), &record)?;
        blocks.attach(&data, layout, 0..layout.pieces())?;
        // The length is set now: a file that grows with each write makes each write wait while the file
        // system commits its journal for a sync.
        data.set_len(layout.size())?;
        let is_sparse = blocks.any_zeros(0..layout.pieces());
        let ahead = if is_sparse { Ahead::none() } else { Ahead::of(&data, layout.size()) };
        let there = kept.map_or_else(OnceLock::new, |name| OnceLock::from(There::Kept(name)));
        let data = OpenFile { file: data, ahead };
        Ok(Self {
            folder,
            to: to.clone(),
            part: part.clone(),
            layout: layout.clone(),
            data,
            record,
            blocks,
            there,
        })
    }

    pub(super) fn survey(
        &self,
        values: &Values,
        stop: &AtomicBool,
        found: &mut dyn FnMut(usize),
    ) -> io::Result<Vec<usize>> {
        if self.there.get().is_some() {
            return Ok(Vec::new());
        }
        let pieces = 0..self.layout.pieces();
        if self.is_there(&mut Checker::new(values, stop))? {
            if matches!(self.there.get(), Some(There::Identical { .. })) {
                pieces.for_each(found);
            }
            return Ok(Vec::new());
        }
        let in_doubt = in_doubt(pieces, &self.blocks, &self.record.claims()?);
        // What turns out wrong has its place on disk all the same.
        let here = in_doubt.iter().map(|number| self.layout.len_of(*number) as u64).sum();
        let need = room::need(&self.data.file, self.layout.size(), here)?;
        room::check(&self.folder, values, need)?;
        Ok(in_doubt)
    }

    pub(super) fn check(
        &self,
        values: &Values,
        stop: &AtomicBool,
        pieces: &[usize],
        judged: &mut dyn FnMut(usize, bool),
    ) -> io::Result<()> {
        let mut checker = Checker::new(values, stop);
        for number in pieces {
            judged(*number, checker.part(&self.data.file, *number, (&self.blocks, &self.record))?);
        }
        Ok(())
    }

    /// Looks at the destination by content.
    fn is_there(&self, checker: &mut Checker<'_>) -> io::Result<bool> {
        let listing = Listing::of(&self.folder)?;
        let mut same = None;
        let decided = spot(&listing, &self.to.name, self.to.conflict, &mut |name| {
            same = checker.identical(&self.folder, name, 0)?;
            Ok(same.is_some())
        })?;
        let there = match (decided, same) {
            (Spot::There(name), Some(file)) => {
                There::Identical { name, version: FileVersion::of(&file)?, file }
            }
            (Spot::Kept(name), _) => There::Kept(name),
            (Spot::Ask(name), _) => return Err(Taken::error(self.folder.path().join(name))),
            _ => return Ok(false),
        };
        Ok(self.there.set(there).is_ok())
    }

    pub(super) fn wanted(&self) -> Vec<bool> {
        vec![!matches!(self.there.get(), Some(There::Kept(_)))]
    }

    pub(super) fn prefix(&self, number: usize) -> io::Result<usize> {
        self.layout.piece(number).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.blocks.prefix(number))
    }

    pub(super) fn trim(&self, number: usize, bytes: &[u8]) -> usize {
        self.blocks.trim(number, bytes)
    }

    pub(super) fn write(&self, number: usize, at: usize, bytes: &[u8]) -> io::Result<()> {
        let piece = self.layout.piece(number).ok_or(io::ErrorKind::InvalidInput)?;
        self.blocks.write(&self.data, &self.record, (number, piece), at, bytes)
    }

    pub(super) fn read(&self, start: u64, buffer: &mut [u8]) -> io::Result<()> {
        match self.there.get() {
            Some(There::Identical { name, file, version }) => {
                read_exactly(file, buffer, start)?;
                if FileVersion::of(file)? == *version {
                    Ok(())
                } else {
                    Err(changed(&self.folder.path().join(name)))
                }
            }
            _ => read_exactly(&self.data.file, buffer, start),
        }
    }

    pub(super) fn checkpoint(&self, bitmap: &[u8]) -> io::Result<()> {
        let data = &self.data.file;
        data.sync_data().inspect_err(|_| disk::forget(data))?;
        self.record.save(bitmap)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        if self.there.get().is_some() {
            return Ok(());
        }
        let data = &self.data.file;
        data.set_len(self.layout.size())?;
        data.sync_all().inspect_err(|_| disk::forget(data))
    }

    pub(super) fn place(&self) -> io::Result<Placed> {
        let placed = match self.there.get() {
            Some(There::Identical { name, version, .. }) => self.identical(name, version)?,
            Some(There::Kept(name)) => Placed { kept: 1, ..Placed::at(self.folder.path().join(name)) },
            None => self.settle()?,
        };
        self.tidy_up();
        Ok(placed)
    }

    fn settle(&self) -> io::Result<Placed> {
        let mut placed = Placed::at(self.folder.path().to_owned());
        let data = self.part.data();
        let mut place = Place::new(&self.folder, self.to.conflict)?;
        let mut serves = |folder: &Directory, name: &str| same_content(&self.data.file, folder, name);
        let settled =
            place.settle((&self.folder, &data), &self.to.name, &mut serves, &mut placed.moved_aside)?;
        match settled {
            Settled::At(name) => {
                // Its name changes nothing of that.
                placed.version = FileVersion::of(&self.data.file).ok();
                if name != self.to.name {
                    placed.respell(self.to.name.to_string(), name.to_string());
                }
                placed.path.push(name.as_str());
            }
            Settled::There(name) => {
                placed.identical = 1;
                placed.path.push(name);
            }
            Settled::Kept(name) => {
                placed.kept = 1;
                placed.path.push(name);
            }
        }
        Ok(placed)
    }

    fn identical(&self, name: &str, version: &FileVersion) -> io::Result<Placed> {
        let path = self.folder.path().join(name);
        match self.folder.open_file(name) {
            Ok(file) if FileVersion::of(&file)? == *version => {
                Ok(Placed { identical: 1, version: Some(*version), ..Placed::at(path) })
            }
            _ => Err(changed(&path)),
        }
    }

    /// What remains once the file has its name. It is there and complete: a fault now, or a file
    /// system that cannot sync a folder, is no reason to fetch it again.
    fn tidy_up(&self) {
        let synced = self.folder.sync();
        let removed = remove_file_parts(&self.folder, &self.part);
        if let Err(error) = synced.and(removed) {
            tracing::warn!(%error, "after a download, its folder could not be brought to disk");
        }
    }
}

/// Looks at the destination by sizes alone, before anything is known about the content: what has
/// another size is something else. Names what is kept.
fn glance(folder: &Directory, to: &Destination, size: u64) -> io::Result<Option<String>> {
    let mut serves = |name: &str| {
        let found = folder.look(name.as_ref())?;
        Ok(found.is_some_and(|found| found.what == What::File && found.version.size == size))
    };
    match spot(&Listing::of(folder)?, &to.name, to.conflict, &mut serves)? {
        Spot::Ask(name) => Err(Taken::error(folder.path().join(name))),
        Spot::Kept(name) => Ok(Some(name)),
        _ => Ok(None),
    }
}

/// One attempt at a time. A file system without locks is no reason to refuse.
pub(super) fn lock(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::ResourceBusy.into()),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

/// What was found identical is not any more.
pub(super) fn changed(path: &Path) -> io::Error {
    io::Error::other(format!("{} was changed or removed meanwhile; get it again", path.display()))
}
