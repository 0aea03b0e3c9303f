//! The record beside the parts: what was proven when the data last reached the disk, and which blocks
//! were left out because they are zeros. A hint: everything it claims is hashed again.
//!
//! A head names the layout it is about; then a bitmap of pieces with its checksum, so that a torn one
//! counts for nothing; then two bytes for each piece, written as zeros arrive, which need none.

use std::fs::File;
use std::io;

use crate::disk;
use crate::layout::Layout;

const MAGIC: &[u8; 8] = b"LANPART2";
const HEAD: usize = 40;
const SUM: usize = 32;

/// An open record.
#[derive(Debug)]
pub(super) struct Record {
    file: File,
    head: [u8; HEAD],
    pieces: usize,
}

impl Record {
    /// Of a content that falls into pieces like this. One about another content is emptied.
    pub(super) fn open(file: File, layout: &Layout) -> io::Result<Self> {
        let record = Self { file, head: head(layout), pieces: layout.pieces() };
        let mut there = [0; HEAD];
        if disk::read_at(&record.file, &mut there, 0)? < HEAD || there != record.head {
            record.file.set_len(0)?;
            disk::write_at(&record.file, &record.head, 0)?;
        }
        Ok(record)
    }

    /// Records what is proven, one bit for each piece, the lowest first.
    pub(super) fn save(&self, bitmap: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(HEAD + self.bitmap_len() + SUM);
        bytes.extend_from_slice(&self.head);
        bytes.extend_from_slice(bitmap);
        bytes.resize(HEAD + self.bitmap_len(), 0);
        let sum = blake3::hash(&bytes);
        bytes.extend_from_slice(sum.as_bytes());
        disk::write_at(&self.file, &bytes[HEAD..], HEAD as u64)
    }

    /// What it says is proven: one flag for each piece, or nothing at all if it is torn.
    pub(super) fn claims(&self) -> io::Result<Vec<bool>> {
        let mut bytes = vec![0; HEAD + self.bitmap_len() + SUM];
        let got = disk::read_at(&self.file, &mut bytes, 0)?;
        let (body, sum) = bytes.split_at(HEAD + self.bitmap_len());
        if got < bytes.len() || blake3::hash(body).as_bytes()[..] != *sum || body[..HEAD] != self.head {
            return Ok(Vec::new());
        }
        let bits = body[HEAD..].iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
        Ok(bits.take(self.pieces).collect())
    }

    /// Notes which blocks of a piece are left out as zeros. Reaches the disk whenever it does.
    pub(super) fn note_zeros(&self, piece: usize, blocks: u16) -> io::Result<()> {
        disk::write_at(&self.file, &blocks.to_le_bytes(), self.zeros_at() + 2 * piece as u64)
    }

    /// What was noted; fewer than there are pieces when the rest has none.
    pub(super) fn zeros(&self) -> io::Result<Vec<u16>> {
        let len = self.file.metadata()?.len().saturating_sub(self.zeros_at());
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(self.pieces * 2);
        let mut bytes = vec![0; len];
        disk::read_at(&self.file, &mut bytes, self.zeros_at())?;
        Ok(bytes.as_chunks().0.iter().map(|two| u16::from_le_bytes(*two)).collect())
    }

    fn bitmap_len(&self) -> usize {
        self.pieces.div_ceil(8)
    }

    fn zeros_at(&self) -> u64 {
        (HEAD + self.bitmap_len() + SUM) as u64
    }
}

fn head(layout: &Layout) -> [u8; HEAD] {
    let mut hasher = blake3::Hasher::new_derive_key("landline 2026 part layout");
    for file in layout.files() {
        hasher.update(&file.size.to_le_bytes());
    }
    let mut head = [0; HEAD];
    head[..MAGIC.len()].copy_from_slice(MAGIC);
    head[MAGIC.len()..].copy_from_slice(hasher.finalize().as_bytes());
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_believed_whole_or_not_at_all() {
        let file = tempfile::tempfile().unwrap();
        let layout = Layout::of([5 << 20, 7, 1 << 20]);
        let record = Record::open(file.try_clone().unwrap(), &layout).unwrap();
        assert_eq!(record.claims().unwrap(), [false; 0]);
        record.note_zeros(3, 0x8001).unwrap();
        record.save(&[0b101]).unwrap();
        let again = Record::open(file.try_clone().unwrap(), &layout).unwrap();
        assert_eq!(again.claims().unwrap(), [true, false, true, false, false, false, false]);
        assert_eq!(again.zeros().unwrap(), [0, 0, 0, 0x8001]);
        disk::write_at(&file, &[0xff], HEAD as u64).unwrap();
        assert_eq!(again.claims().unwrap(), [false; 0], "torn");
        let other = Record::open(file, &Layout::of([5 << 20, 8, 1 << 20])).unwrap();
        assert_eq!((other.claims().unwrap().len(), other.zeros().unwrap().len()), (0, 0));
    }
}
