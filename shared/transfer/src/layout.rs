//! How a content falls into pieces: a file is cut every 1 MiB, a folder is its files one after the
//! other, each cut by itself. So a small file is one piece, a piece never spans two files, and any
//! run of pieces is one range of the bytes as they are served.

use std::ops::Range;

use landline_protocol::limits::PIECE_BYTES;

use crate::range::Slice;
use crate::tree::{piece_count, piece_len};

/// Consecutive pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first piece.
    pub first: usize,
    /// How many.
    pub count: usize,
}

impl Run {
    /// The pieces' numbers.
    pub fn range(self) -> Range<usize> {
        self.first..self.first + self.count
    }
}

/// The pieces of one content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    files: Vec<FileSpan>,
    size: u64,
    pieces: usize,
}

/// One file of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSpan {
    /// Bytes.
    pub size: u64,
    /// Where it begins among the bytes of the content.
    pub start: u64,
    /// The number of its first piece; an empty file has none, and this is the next file's.
    pub first: usize,
}

/// One piece of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The file it is of.
    pub file: usize,
    /// Its number within that file.
    pub index: u64,
    /// Where it begins in the file.
    pub offset: u64,
    /// Where it begins among the bytes of the content.
    pub start: u64,
    /// Bytes; never 0.
    pub len: usize,
}

impl Layout {
    /// A single file.
    pub fn single(size: u64) -> Self {
        Self::of([size])
    }

    /// Files of these sizes, in this order.
    pub fn of(sizes: impl IntoIterator<Item = u64>) -> Self {
        let (mut start, mut first) = (0u64, 0usize);
        let span = |size| {
            let span = FileSpan { size, start, first };
            start = start.saturating_add(size);
            first = first.saturating_add(usize::try_from(piece_count(size)).unwrap_or(usize::MAX));
            span
        };
        let files = sizes.into_iter().map(span).collect();
        Self { files, size: start, pieces: first }
    }

    /// Bytes of all files together.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many pieces there are.
    pub fn pieces(&self) -> usize {
        self.pieces
    }

    /// The files, in order.
    pub fn files(&self) -> &[FileSpan] {
        &self.files
    }

    /// The piece with this number; `None` beyond the end.
    pub fn piece(&self, number: usize) -> Option<Piece> {
        if number >= self.pieces {
            return None;
        }
        Some(self.piece_of(self.file_of(number), number))
    }

    /// Bytes of the piece with this number; 0 beyond the end.
    pub fn len_of(&self, number: usize) -> usize {
        self.piece(number).map_or(0, |piece| piece.len)
    }

    /// The pieces of a run, one after the other: for many, cheaper than asking for each.
    pub fn pieces_in(&self, run: Run) -> impl Iterator<Item = Piece> {
        let mut file = self.file_of(run.first);
        let numbers = run.first..run.range().end.min(self.pieces);
        numbers.map(move |number| {
            while self.files.get(file + 1).is_some_and(|next| next.first <= number) {
                file += 1;
            }
            self.piece_of(file, number)
        })
    }

    /// The numbers of a file's pieces.
    pub fn pieces_of(&self, file: usize) -> Range<usize> {
        let first = self.files.get(file).map_or(self.pieces, |span| span.first);
        let end = self.files.get(file + 1).map_or(self.pieces, |span| span.first);
        first..end
    }

    /// The file that a byte of the content is in: the last that begins there or before, for empty ones
    /// begin where the next does.
    pub(crate) fn file_at(&self, byte: u64) -> usize {
        self.files.partition_point(|span| span.start <= byte).saturating_sub(1)
    }

    /// The piece that a byte of the content is in; 0 when there is no file at all.
    pub(crate) fn piece_at(&self, byte: u64) -> usize {
        self.files.get(self.file_at(byte)).map_or(0, |span| {
            let within = byte.saturating_sub(span.start) / PIECE_BYTES;
            span.first.saturating_add(usize::try_from(within).unwrap_or(usize::MAX))
        })
    }

    /// The bytes of a run, as a range of the content.
    pub fn slice(&self, run: Run) -> Slice {
        let begin = |number| self.piece(number).map_or(self.size, |piece| piece.start);
        Slice { start: begin(run.first), end: begin(run.first + run.count) }
    }

    /// Bytes of a run.
    pub fn bytes(&self, run: Run) -> u64 {
        self.slice(run).len()
    }

    /// Whether the content is one file of more than one piece, whose values need a tree.
    pub fn needs_tree(&self) -> bool {
        self.files.len() == 1 && self.pieces > 1
    }

    /// The file that a piece is of: the last that begins there or before, for empty ones share the
    /// number of the next.
    fn file_of(&self, number: usize) -> usize {
        self.files.partition_point(|span| span.first <= number).saturating_sub(1)
    }

    fn piece_of(&self, file: usize, number: usize) -> Piece {
        let span = self.files[file];
        let index = (number - span.first) as u64;
        let offset = index * PIECE_BYTES;
        let len = piece_len(span.size, index);
        Piece { file, index, offset, start: span.start + offset, len }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn empty_files_have_no_piece_and_hide_none() {
        let layout = Layout::of([0, 0, 5, 0, 2 * PIECE_BYTES + 1, 0]);
        assert_eq!((layout.pieces(), layout.size()), (4, 2 * PIECE_BYTES + 6));
        assert_eq!(layout.piece(0), Some(Piece { file: 2, index: 0, offset: 0, start: 0, len: 5 }));
        let last = Piece { file: 4, index: 2, offset: 2 * PIECE_BYTES, start: 5 + 2 * PIECE_BYTES, len: 1 };
        assert_eq!(layout.piece(3), Some(last));
        assert_eq!(layout.piece(4), None);
        assert_eq!(layout.pieces_of(3), 1..1);
        assert_eq!(layout.pieces_of(4), 1..4);
        assert_eq!(Layout::single(0).pieces(), 0);
    }

    proptest! {
        #[test]
        fn pieces_cover_the_content_in_order(sizes in prop::collection::vec(0u64..3 * PIECE_BYTES, 0..20)) {
            let layout = Layout::of(sizes.iter().copied());
            let mut at = 0;
            for number in 0..layout.pieces() {
                let piece = layout.piece(number).unwrap();
                prop_assert_eq!(piece.start, at);
                prop_assert!(piece.len > 0);
                prop_assert!(layout.pieces_of(piece.file).contains(&number));
                prop_assert_eq!(layout.slice(Run { first: number, count: 1 }), Slice { start: at, end: at + piece.len as u64 });
                prop_assert_eq!(layout.len_of(number), piece.len);
                for byte in [at, at + piece.len as u64 - 1] {
                    prop_assert_eq!((layout.file_at(byte), layout.piece_at(byte)), (piece.file, number));
                }
                let rest = Run { first: number, count: layout.pieces() };
                prop_assert_eq!(layout.pieces_in(rest).next(), Some(piece));
                at += piece.len as u64;
            }
            let all = Run { first: 0, count: layout.pieces() };
            let one_by_one = (0..layout.pieces()).filter_map(|number| layout.piece(number));
            prop_assert!(layout.pieces_in(all).eq(one_by_one));
            prop_assert_eq!(layout.bytes(all), layout.size());
            prop_assert_eq!(at, sizes.iter().sum::<u64>());
        }
    }
}
