//! The hash tree: one BLAKE3 chaining value for each 1 MiB piece, and the root they prove.
//!
//! The root is plain BLAKE3 of the whole file, so anyone can check a file with `b3sum`. The
//! chaining values of its 1 MiB subtrees (BLAKE3 paper, 2.1 and 6.4) let a receiver check each
//! piece as it arrives, from any source, in any order.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use blake3::Hasher;
pub use blake3::hazmat::ChainingValue;
use blake3::hazmat::{HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use bytes::Bytes;
use landline_protocol::Root;
use landline_protocol::limits::PIECE_BYTES;

use crate::disk;
use crate::holes::Holes;

/// Bytes of one chaining value as it travels.
pub const VALUE_BYTES: usize = 32;

/// The chaining values of a file's pieces.
///
/// A file of at most one piece has no subtrees below its root: its one value is the root itself,
/// and an empty file has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PieceTree {
    size: u64,
    pieces: Vec<ChainingValue>,
}

/// Why bytes from the network are not the tree that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Not 32 bytes for each piece of a file of this size.
    #[error("the list of hashes is {got} bytes long instead of {expected}")]
    Length {
        /// What the size asks for.
        expected: u64,
        /// What there was.
        got: u64,
    },
    /// The values do not add up to the root.
    #[error("the list of hashes does not belong to the file that was offered")]
    Root,
}

/// Why a file could not be hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The caller asked to stop.
    #[error("hashing was stopped")]
    Stopped,
    /// The file became shorter or longer meanwhile.
    #[error("the file was changed while it was being read; share it again when it is complete")]
    Changed,
    /// It could not be read.
    #[error("the file could not be read: {0}")]
    Io(#[from] io::Error),
    /// Of a folder: which file, and what about it.
    #[error("{}: {why}", path.display())]
    At {
        /// The file.
        path: PathBuf,
        /// What happened.
        why: Box<HashError>,
    },
}

impl PieceTree {
    /// Reads `size` bytes of `file` from its start and hashes them, telling `progress` the bytes
    /// done after each piece; `Break` stops it.
    pub fn hash_file(
        file: &File,
        size: u64,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Self, HashError> {
        let mut pieces = Vec::new();
        hash_pieces(file, size, &mut Vec::new(), &mut pieces, progress)?;
        Ok(Self { size, pieces })
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote elsewhere and checks it against the root and
    /// size that were offered.
    pub fn from_bytes(bytes: &[u8], size: u64, root: &Root) -> Result<Self, TreeError> {
        let expected = encoded_len(size);
        let got = bytes.len() as u64;
        if got != expected {
            return Err(TreeError::Length { expected, got });
        }
        let (values, _) = bytes.as_chunks::<VALUE_BYTES>();
        let tree = Self { size, pieces: values.to_vec() };
        if tree.root() == *root { Ok(tree) } else { Err(TreeError::Root) }
    }

    /// The tree of a file of at most one piece, known from its root alone; `None` for larger ones.
    pub fn of_small(size: u64, root: &Root) -> Option<Self> {
        match piece_count(size) {
            0 => Self::from_bytes(&[], 0, root).ok(),
            1 => Some(Self { size, pieces: vec![*root.as_bytes()] }),
            _ => None,
        }
    }

    /// BLAKE3 of the whole file.
    pub fn root(&self) -> Root {
        let hash = match self.pieces.as_slice() {
            [] => *blake3::hash(b"").as_bytes(),
            [only] => *only,
            many => {
                let (left, right) = many.split_at(left_count(many.len()));
                *merge_subtrees_root(&merged(left), &merged(right), Mode::Hash).as_bytes()
            }
        };
        Root::from_bytes(hash)
    }

    /// The values in order, as the tree route sends them.
    pub fn to_bytes(&self) -> Bytes {
        self.pieces.as_flattened().to_vec().into()
    }

    /// The value of each piece, in order.
    pub fn pieces(&self) -> &[ChainingValue] {
        &self.pieces
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether these bytes are the piece with this index, whole.
    pub fn verify(&self, index: u64, piece: &[u8]) -> bool {
        let value = usize::try_from(index).ok().and_then(|i| self.pieces.get(i));
        value.is_some_and(|value| {
            piece.len() == piece_len(self.size, index) && value_of(self.size, index, piece) == *value
        })
    }
}

/// Appends the values of a file's pieces; as [`PieceTree::hash_file`]. The buffer is for use again:
/// it becomes as large as a piece.
pub(crate) fn hash_pieces(
    file: &File,
    size: u64,
    buffer: &mut Vec<u8>,
    into: &mut Vec<ChainingValue>,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<(), HashError> {
    let first = piece_len(size, 0);
    if buffer.len() < first {
        buffer.resize(first, 0);
    }
    let mut holes = Holes::of(file, size);
    for index in 0..piece_count(size) {
        let (offset, buffer) = (index * PIECE_BYTES, &mut buffer[..piece_len(size, index)]);
        if !holes.fill(buffer, offset)? && disk::read_at(file, buffer, offset)? < buffer.len() {
            return Err(HashError::Changed);
        }
        into.push(value_of(size, index, buffer));
        if progress(offset + buffer.len() as u64).is_break() {
            return Err(HashError::Stopped);
        }
    }
    Ok(())
}

/// Pieces of a file of `size` bytes; the last may be short, and an empty file has none.
pub const fn piece_count(size: u64) -> u64 {
    size.div_ceil(PIECE_BYTES)
}

/// Bytes of the piece with this index; 0 beyond the end.
pub fn piece_len(size: u64, index: u64) -> usize {
    let left = size.saturating_sub(index.saturating_mul(PIECE_BYTES));
    usize::try_from(left.min(PIECE_BYTES)).unwrap_or(0)
}

/// Bytes of the tree of a file of `size` bytes, as it travels.
pub const fn encoded_len(size: u64) -> u64 {
    piece_count(size) * VALUE_BYTES as u64
}

/// The value that stands for one piece: a subtree's, or the root when it is the only piece.
pub(crate) fn value_of(size: u64, index: u64, piece: &[u8]) -> ChainingValue {
    let mut hash = PieceHash::begin(size, index);
    hash.add(piece);
    hash.value()
}

/// The same while the piece is on its way: each part is hashed while it is still in the processor's cache.
pub(crate) struct PieceHash {
    hasher: Hasher,
    is_only: bool,
}

impl PieceHash {
    /// Of the piece with this index of a file of `size` bytes.
    pub(crate) fn begin(size: u64, index: u64) -> Self {
        let (mut hasher, is_only) = (Hasher::new(), piece_count(size) <= 1);
        if !is_only {
            hasher.set_input_offset(index * PIECE_BYTES);
        }
        Self { hasher, is_only }
    }

    /// Its next bytes; no more than it has.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// Of what was added.
    pub(crate) fn value(&self) -> ChainingValue {
        if self.is_only { *self.hasher.finalize().as_bytes() } else { self.hasher.finalize_non_root() }
    }
}

/// The value of the subtree above these pieces.
fn merged(pieces: &[ChainingValue]) -> ChainingValue {
    match pieces {
        [] => [0; VALUE_BYTES], // not reached: both halves of a split have at least one
        [only] => *only,
        many => {
            let (left, right) = many.split_at(left_count(many.len()));
            merge_subtrees_non_root(&merged(left), &merged(right), Mode::Hash)
        }
    }
}

/// How many of `count` (at least two) belong to the left: the largest power of two below `count`.
fn left_count(count: usize) -> usize {
    count.div_ceil(2).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn bytes_of(size: u64, seed: u64) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(size).unwrap()];
        Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
        bytes
    }

    fn hashed(bytes: &[u8]) -> PieceTree {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        PieceTree::hash_file(&file, bytes.len() as u64, &mut |_| ControlFlow::Continue(())).unwrap()
    }

    fn agrees_with_blake3(size: u64, seed: u64) {
        let bytes = bytes_of(size, seed);
        let tree = hashed(&bytes);
        let root = Root::from_bytes(*blake3::hash(&bytes).as_bytes());
        assert_eq!(tree.root(), root, "{size}");
        assert_eq!(tree.to_bytes().len() as u64, encoded_len(size));
        assert_eq!(PieceTree::from_bytes(&tree.to_bytes(), size, &root), Ok(tree.clone()));
        let small = PieceTree::of_small(size, &root);
        assert_eq!(small, (size <= PIECE_BYTES).then(|| tree.clone()));
        for (index, piece) in bytes.chunks(usize::try_from(PIECE_BYTES).unwrap()).enumerate() {
            assert!(tree.verify(index as u64, piece));
            assert!(!tree.verify(index as u64 + 1, piece), "a piece only fits its own place");
        }
    }

    #[test]
    fn the_root_is_blake3_at_every_edge() {
        let m = PIECE_BYTES;
        for size in [0, 1, 1024, 1025, m - 1, m, m + 1, 2 * m, 2 * m + 1, 3 * m, 5 * m + 7, 8 * m, 11 * m - 1]
        {
            agrees_with_blake3(size, size);
        }
    }

    #[test]
    fn a_flipped_bit_a_short_piece_and_a_foreign_tree_are_refused() {
        let bytes = bytes_of(3 * PIECE_BYTES + 5, 9);
        let tree = hashed(&bytes);
        let mut piece = bytes[..usize::try_from(PIECE_BYTES).unwrap()].to_vec();
        assert!(!tree.verify(0, &piece[1..]));
        piece[77] ^= 1;
        assert!(!tree.verify(0, &piece));
        assert!(!tree.verify(u64::MAX, &piece));

        let mut encoded = tree.to_bytes().to_vec();
        encoded[40] ^= 1;
        let (size, root) = (tree.size(), tree.root());
        assert_eq!(PieceTree::from_bytes(&encoded, size, &root), Err(TreeError::Root));
        let short = PieceTree::from_bytes(&encoded[1..], size, &root);
        assert_eq!(short, Err(TreeError::Length { expected: 128, got: 127 }));
        let other = Root::from_bytes([1; 32]);
        assert_eq!(PieceTree::from_bytes(&[], 0, &other), Err(TreeError::Root));
        assert_eq!(PieceTree::of_small(0, &other), None);
    }

    #[test]
    fn hashing_stops_when_told_and_notices_a_shorter_file() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes_of(2 * PIECE_BYTES, 1)).unwrap();
        let mut seen = 0;
        let stopped = PieceTree::hash_file(&file, 2 * PIECE_BYTES, &mut |done| {
            seen = done;
            ControlFlow::Break(())
        });
        assert!(matches!(stopped, Err(HashError::Stopped)));
        assert_eq!(seen, PIECE_BYTES);
        let longer = PieceTree::hash_file(&file, 3 * PIECE_BYTES, &mut |_| ControlFlow::Continue(()));
        assert!(matches!(longer, Err(HashError::Changed)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn any_size_agrees_with_blake3(size in 0u64..9 * PIECE_BYTES, seed: u64) {
            agrees_with_blake3(size, seed);
        }
    }
}
