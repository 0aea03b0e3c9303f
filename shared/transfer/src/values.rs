//! What each piece of a content must hash to, and the check that lets it count.

use std::sync::Arc;

use crate::layout::Layout;
use crate::tree::{ChainingValue, PieceHash, PieceTree};

/// The chaining values of a content's pieces, proven by its root.
#[derive(Clone, Debug)]
pub struct Values {
    layout: Arc<Layout>,
    values: Vec<ChainingValue>,
}

impl Values {
    /// Of a single file, whose tree was checked against its root.
    pub fn of_file(tree: &PieceTree) -> Self {
        Self { layout: Arc::new(Layout::single(tree.size())), values: tree.pieces().to_vec() }
    }

    /// Of a folder: those its manifest lists, one for each piece of the layout. `None` when there are
    /// more or fewer.
    pub fn of_folder(layout: Arc<Layout>, values: Vec<ChainingValue>) -> Option<Self> {
        (layout.pieces() == values.len()).then_some(Self { layout, values })
    }

    /// How the content falls into pieces.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The values, one for each piece.
    pub fn all(&self) -> &[ChainingValue] {
        &self.values
    }

    /// Whether these bytes are the piece with this number, whole.
    pub fn verify(&self, number: usize, bytes: &[u8]) -> bool {
        let value = compute(&self.layout, number, bytes);
        value.is_some() && value.as_ref() == self.values.get(number)
    }
}

/// What these bytes hash to as the piece with this number; `None` when they are too many or too few.
/// Needs no root: a piece that came before its root was known is compared later.
pub fn compute(layout: &Layout, number: usize, bytes: &[u8]) -> Option<ChainingValue> {
    let mut hash = (bytes.len() == layout.piece(number)?.len).then(|| begin(layout, number))?;
    hash.add(bytes);
    Some(hash.value())
}

/// The same for a piece that comes bit by bit.
pub(crate) fn begin(layout: &Layout, number: usize) -> PieceHash {
    let place = layout.piece(number).map(|piece| (layout.files()[piece.file].size, piece.index));
    let (size, index) = place.unwrap_or_default();
    PieceHash::begin(size, index)
}

#[cfg(test)]
mod tests {
    use landline_protocol::limits::PIECE_BYTES;

    use super::*;

    /// A folder of an empty file, a small one and one of two pieces; and its pieces' bytes.
    fn folder() -> (Arc<Layout>, Vec<Vec<u8>>) {
        let layout = Arc::new(Layout::of([0, 5, PIECE_BYTES + 1]));
        let bytes = (0..3u8).map(|piece| vec![piece; layout.len_of(piece.into())]).collect();
        (layout, bytes)
    }

    #[test]
    fn a_piece_counts_at_its_own_place_only() {
        let (layout, bytes) = folder();
        let values = (0..3).map(|piece| compute(&layout, piece, &bytes[piece]).unwrap()).collect();
        let values = Values::of_folder(layout, values).unwrap();
        for (piece, bytes) in bytes.iter().enumerate() {
            assert!((0..4).all(|place| values.verify(place, bytes) == (place == piece)));
            let mut wrong = bytes.clone();
            wrong[0] ^= 1;
            assert!(!values.verify(piece, &wrong) && !values.verify(piece, &bytes[1..]));
        }
        // A file of one piece is known by its hash, whatever folder it is in.
        assert_eq!(values.all()[0], *blake3::hash(&bytes[0]).as_bytes());
    }

    #[test]
    fn a_folder_needs_a_value_for_each_piece() {
        let (layout, _) = folder();
        assert!(Values::of_folder(Arc::clone(&layout), vec![[0; 32]; 2]).is_none());
        assert!(Values::of_folder(Arc::clone(&layout), vec![[0; 32]; 4]).is_none());
        assert!(Values::of_folder(layout, vec![[0; 32]; 3]).is_some());
    }
}
