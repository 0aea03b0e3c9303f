//! Writing pieces so that zeros stay holes, and telling afterwards how far a piece was written.
//!
//! A block of 64 KiB of zeros is not written; the record notes it, so that a hole that is content can
//! be told from one where nothing came yet.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use landline_protocol::limits::PIECE_BYTES;

use super::ahead::Ahead;
use super::record::Record;
use crate::disk;
use crate::layout::{Layout, Piece};

/// What is written of an unfinished piece, so that a killed process has it, and what becomes a hole when
/// it is all zeros; in bytes.
pub(crate) const BLOCK: usize = 64 * 1024;
/// The coarsest step in which every file system counts what was written.
const PAGE: usize = 4096;
const _: () = assert!(PIECE_BYTES == 16 * BLOCK as u64, "a piece's blocks fit a u16");

/// What is known of each piece.
#[derive(Debug)]
pub(super) struct Blocks {
    /// The low half says which of its blocks may hold data on disk, the high half which are zeros that
    /// were left out.
    bits: Vec<AtomicU32>,
    /// How many bytes from its start were written, one after the other. Noted before anything is read:
    /// space that was only set aside looks written once it was.
    prefixes: Vec<AtomicU32>,
}

/// An open file of the store, and what was set aside for it.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) file: File,
    pub(super) ahead: Ahead,
}

impl Blocks {
    /// As an earlier attempt left them: its zeros noted, its data not looked at yet.
    pub(super) fn new(pieces: usize, record: &Record) -> io::Result<Self> {
        let zeros = record.zeros()?;
        let high = |piece| u32::from(zeros.get(piece).copied().unwrap_or(0)) << 16;
        Ok(Self {
            bits: (0..pieces).map(|piece| AtomicU32::new(high(piece))).collect(),
            prefixes: (0..pieces).map(|_| AtomicU32::new(0)).collect(),
        })
    }

    /// Whether anything of a piece may be there.
    pub(super) fn any(&self, number: usize) -> bool {
        self.bits[number].load(Ordering::Relaxed) != 0
    }

    /// Whether any of these pieces has zeros left out.
    pub(super) fn any_zeros(&self, pieces: Range<usize>) -> bool {
        self.bits[pieces].iter().any(|bits| bits.load(Ordering::Relaxed) >> 16 != 0)
    }

    /// Takes note of data that is in a file whose pieces have these numbers, before it is read.
    pub(super) fn attach(&self, file: &File, layout: &Layout, pieces: Range<usize>) -> io::Result<()> {
        let written = disk::written(file)?;
        for range in &written {
            let (mut at, end) = (range.start / BLOCK as u64, range.end.div_ceil(BLOCK as u64));
            while at < end {
                let index = usize::try_from(at / 16).unwrap_or(usize::MAX);
                let Some(number) = pieces.start.checked_add(index).filter(|n| pieces.contains(n)) else {
                    break;
                };
                let blocks = span(at % 16, (end - at / 16 * 16).min(16));
                self.bits[number].fetch_or(blocks, Ordering::Relaxed);
                at = (at / 16 + 1) * 16;
            }
        }
        for number in pieces.filter(|number| self.any(*number)) {
            if let Some(piece) = layout.piece(number) {
                let prefix = self.scan(&written, number, piece);
                self.prefixes[number].fetch_max(index32(prefix), Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Writes bytes of a piece, beginning `at` bytes into it; whole blocks of zeros become holes.
    pub(super) fn write(
        &self,
        to: &OpenFile,
        record: &Record,
        (number, piece): (usize, Piece),
        at: usize,
        bytes: &[u8],
    ) -> io::Result<()> {
        if at + bytes.len() > piece.len {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let before = zeros(self.bits[number].load(Ordering::Relaxed));
        let (mut from, mut pos) = (0, 0);
        while pos < bytes.len() {
            let step = (BLOCK - (at + pos) % BLOCK).min(bytes.len() - pos);
            if step == BLOCK && is_zero(&bytes[pos..pos + step]) {
                self.fill(to, (number, piece), at + from, &bytes[from..pos])?;
                self.leave_out(to, (number, piece), at + pos)?;
                from = pos + step;
            }
            pos += step;
        }
        self.fill(to, (number, piece), at + from, &bytes[from..])?;
        let prefix = &self.prefixes[number];
        if at <= prefix.load(Ordering::Relaxed) as usize {
            prefix.fetch_max(index32(at + bytes.len()), Ordering::Relaxed);
        }
        let after = zeros(self.bits[number].load(Ordering::Relaxed));
        if after == before { Ok(()) } else { record.note_zeros(number, after) }
    }

    fn fill(
        &self,
        to: &OpenFile,
        (number, piece): (usize, Piece),
        at: usize,
        bytes: &[u8],
    ) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let blocks = span((at / BLOCK) as u64, (at + bytes.len()).div_ceil(BLOCK) as u64);
        let before = self.bits[number].fetch_or(blocks, Ordering::Relaxed);
        if before >> 16 & blocks != 0 {
            self.bits[number].fetch_and(!(blocks << 16), Ordering::Relaxed);
        }
        let offset = piece.offset + at as u64;
        to.ahead.reserve(&to.file, offset);
        disk::write_at(&to.file, bytes, offset)
    }

    fn leave_out(&self, to: &OpenFile, (number, piece): (usize, Piece), at: usize) -> io::Result<()> {
        let block = span((at / BLOCK) as u64, (at / BLOCK + 1) as u64);
        let offset = piece.offset + at as u64;
        to.ahead.stop();
        if self.bits[number].load(Ordering::Relaxed) & block != 0 || to.ahead.has(offset) {
            disk::zero(&to.file, offset, BLOCK as u64)?;
        }
        self.bits[number].fetch_or(block << 16, Ordering::Relaxed);
        Ok(())
    }

    /// Forgets and gives back a piece that is whole and wrong.
    pub(super) fn clear(&self, file: &File, record: &Record, number: usize, piece: Piece) -> io::Result<()> {
        disk::zero(file, piece.offset, piece.len as u64)?;
        self.bits[number].store(0, Ordering::Relaxed);
        self.prefixes[number].store(0, Ordering::Relaxed);
        record.note_zeros(number, 0)
    }

    /// How many bytes from a piece's start were written, one after the other.
    pub(super) fn prefix(&self, number: usize) -> usize {
        self.prefixes[number].load(Ordering::Relaxed) as usize
    }

    /// The same of a piece that is not whole, with these bytes on disk: space that was only set aside
    /// looks written once anybody has read it, and holds zeros to the piece's end.
    pub(super) fn trim(&self, number: usize, bytes: &[u8]) -> usize {
        let (before, zeros) = (self.prefix(number), zeros(self.bits[number].load(Ordering::Relaxed)));
        let mut end = before;
        while end > 0 && zeros >> ((end - 1) / BLOCK) & 1 == 0 {
            let block = (end - 1) / BLOCK * BLOCK;
            let Some(last) = bytes[block..end].iter().rposition(|byte| *byte != 0) else {
                end = block;
                continue;
            };
            end = block + last + 1;
            break;
        }
        if end < before {
            // Nobody knows where in its page writing ended.
            end = end / PAGE * PAGE;
            self.prefixes[number].store(index32(end), Ordering::Relaxed);
        }
        end
    }

    /// The same, from what is on disk. Where writing ended within a page the whole page is left out,
    /// because nobody knows where in it.
    fn scan(&self, written: &[Range<u64>], number: usize, piece: Piece) -> usize {
        let zeros = zeros(self.bits[number].load(Ordering::Relaxed));
        let mut at = 0;
        while at < piece.len {
            if at % BLOCK == 0 && zeros >> (at / BLOCK) & 1 == 1 {
                at += BLOCK;
                continue;
            }
            let end = data_until(written, piece.offset + at as u64);
            let end = end.saturating_sub(piece.offset).min(piece.len as u64);
            let end = usize::try_from(end).unwrap_or(0);
            if end <= at {
                break;
            }
            at = end;
        }
        if at >= piece.len { piece.len } else { at.saturating_sub(1) / PAGE * PAGE }
    }
}

/// Where the data that begins at `offset` ends; `offset` itself when there is a hole. The ranges are in
/// order. Asking the file system for each piece would take the square of their number on some.
fn data_until(written: &[Range<u64>], offset: u64) -> u64 {
    let next = written.partition_point(|range| range.end <= offset);
    written.get(next).filter(|range| range.start <= offset).map_or(offset, |range| range.end)
}

/// An index within a piece.
fn index32(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// The bits of these blocks, in the low half.
fn span(first: u64, end: u64) -> u32 {
    (first..end).fold(0, |bits, block| bits | 1 << block)
}

/// The zeros among a piece's bits.
fn zeros(bits: u32) -> u16 {
    u16::try_from(bits >> 16).unwrap_or(0)
}

/// Whether all of it is zeros: it begins with one and equals itself one byte on, which is a memcmp
/// (80 GB/s where this was measured), and ends at the first byte of most data.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    bytes.first().is_none_or(|first| *first == 0)
        && bytes.get(1..).is_none_or(|rest| *rest == bytes[..rest.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_ends_where_its_range_does() {
        let written = [10..20, 30..40];
        let ends = [0, 10, 19, 20, 29, 30, 39, 40].map(|offset| data_until(&written, offset));
        assert_eq!(ends, [0, 20, 20, 20, 29, 40, 40, 40]);
        assert_eq!(data_until(&[], 5), 5);
    }
}
