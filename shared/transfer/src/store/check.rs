//! Hashing what is on disk, to find out what of it is good.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use super::blocks::Blocks;
use super::record::Record;
use crate::beneath::Directory;
use crate::disk;
use crate::values::Values;

/// Hashes pieces into one buffer until it is told to stop, which is
/// [`io::ErrorKind::Interrupted`].
pub(super) struct Checker<'a> {
    pub(super) values: &'a Values,
    stop: &'a AtomicBool,
    buffer: Vec<u8>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(values: &'a Values, stop: &'a AtomicBool) -> Self {
        Self { values, stop, buffer: Vec::new() }
    }

    /// Whether a piece is in a file, whole and right.
    pub(super) fn piece(&mut self, file: &File, number: usize) -> io::Result<bool> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let Some(piece) = self.values.layout().piece(number) else {
            return Ok(false);
        };
        if self.buffer.len() < piece.len {
            self.buffer.resize(piece.len, 0);
        }
        let buffer = &mut self.buffer[..piece.len];
        let got = disk::read_at(file, buffer, piece.offset)?;
        buffer[got..].fill(0);
        Ok(got == piece.len && self.values.verify(number, buffer))
    }

    /// Opens what has this name, if it is a file of the content, whole.
    pub(super) fn identical(
        &mut self,
        folder: &Directory,
        name: &str,
        file: usize,
    ) -> io::Result<Option<File>> {
        let size = self.values.layout().files().get(file).map(|span| span.size);
        // What cannot be opened or read, for whatever reason, is not known to be the same.
        let Ok(there) = folder.open_file(name) else {
            return Ok(None);
        };
        if there.metadata().ok().map(|meta| meta.len()) != size {
            return Ok(None);
        }
        for number in self.values.layout().pieces_of(file) {
            match self.piece(&there, number) {
                Ok(true) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
                _ => return Ok(None),
            }
        }
        Ok(Some(there))
    }

    /// Whether a piece of a part that may be there is. One that is whole and wrong is given back to the
    /// disk; of one that was interrupted, what is there stays, to be gone on from.
    pub(super) fn part(
        &mut self,
        file: &File,
        number: usize,
        (blocks, record): (&Blocks, &Record),
    ) -> io::Result<bool> {
        let Some(piece) = self.values.layout().piece(number) else {
            return Ok(false);
        };
        #[cfg(feature = "plant")]
        if crate::planted::has(crate::planted::Bug::PrefixCounts) {
            return Ok(true);
        }
        let is_good = match self.piece(file, number) {
            Ok(is_good) => is_good,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            // What cannot be read comes again; the disk may have a better place for it.
            Err(_) => {
                blocks.clear(file, record, number, piece)?;
                return Ok(false);
            }
        };
        if !is_good && blocks.trim(number, &self.buffer[..piece.len]) == piece.len {
            blocks.clear(file, record, number, piece)?;
        }
        Ok(is_good)
    }
}

/// Those of a part's pieces that may be there: with data or zeros noted, or claimed by the record (a file
/// system may keep what was written as a hole).
pub(super) fn in_doubt(pieces: Range<usize>, blocks: &Blocks, claims: &[bool]) -> Vec<usize> {
    let is_claimed = |number: usize| claims.get(number).copied().unwrap_or(false);
    pieces.filter(|number| is_claimed(*number) || blocks.any(*number)).collect()
}

/// Fills the buffer, or fails.
pub(super) fn read_exactly(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let got = disk::read_at(file, buffer, offset)?;
    if got == buffer.len() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
