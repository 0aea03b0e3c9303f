//! Which pieces somebody else got from here or is getting now, so that others take the rest first.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use crate::layout::Layout;
use crate::lock;
use crate::range::Slice;

/// What went out of one content.
#[derive(Default)]
pub(crate) struct Given(Mutex<State>);

#[derive(Default)]
struct State {
    /// One bit for each piece that went out whole; empty until one has.
    done: Vec<u8>,
    /// Those on their way now.
    going: Vec<Range<usize>>,
}

/// One response: its pieces are on their way until it ends, and stay given if it was read to its end.
pub(crate) struct Giving {
    given: Arc<Given>,
    pieces: Range<usize>,
    is_done: bool,
}

impl Given {
    /// A response with this slice of the content begins.
    pub(crate) fn begin(self: &Arc<Self>, layout: &Layout, slice: Slice) -> Giving {
        let pieces = touched(layout, slice);
        lock(&self.0).going.push(pieces.clone());
        Giving { given: Arc::clone(self), pieces, is_done: false }
    }

    /// One bit for each piece, the lowest first; `None` when nothing was given.
    pub(crate) fn map(&self, pieces: usize) -> Option<Vec<u8>> {
        let state = lock(&self.0);
        if state.done.is_empty() && state.going.is_empty() {
            return None;
        }
        let mut map = state.done.clone();
        map.resize(pieces.div_ceil(8), 0);
        for pieces in &state.going {
            set(&mut map, pieces.clone());
        }
        Some(map)
    }
}

impl Giving {
    /// All of it went out.
    pub(crate) fn done(&mut self) {
        self.is_done = true;
    }
}

impl Drop for Giving {
    fn drop(&mut self) {
        let mut state = lock(&self.given.0);
        if let Some(place) = state.going.iter().position(|pieces| *pieces == self.pieces) {
            state.going.swap_remove(place);
        }
        if self.is_done {
            let bytes = self.pieces.end.div_ceil(8).max(state.done.len());
            state.done.resize(bytes, 0);
            set(&mut state.done, self.pieces.clone());
        }
    }
}

fn set(map: &mut [u8], pieces: Range<usize>) {
    for piece in pieces {
        if let Some(byte) = map.get_mut(piece / 8) {
            *byte |= 1 << (piece % 8);
        }
    }
}

/// The pieces that a slice has bytes of.
fn touched(layout: &Layout, slice: Slice) -> Range<usize> {
    if slice.is_empty() { 0..0 } else { layout.piece_at(slice.start)..layout.piece_at(slice.end - 1) + 1 }
}

#[cfg(test)]
mod tests {
    use landline_protocol::limits::PIECE_BYTES;

    use super::*;

    #[test]
    fn what_is_under_way_or_done_is_given_and_what_failed_is_not() {
        let layout = Layout::of([0, 10, 0, 3 * PIECE_BYTES, 5, 0, 6]);
        let given = Arc::new(Given::default());
        assert_eq!(given.map(layout.pieces()), None);
        let part = Slice { start: 5, end: 10 + PIECE_BYTES + 1 };
        let mut one = given.begin(&layout, part);
        assert_eq!(given.map(layout.pieces()), Some(vec![0b111]));
        let other = given.begin(&layout, Slice { start: layout.size() - 6, end: layout.size() });
        assert_eq!(given.map(layout.pieces()), Some(vec![0b10_0111]));
        drop(other);
        one.done();
        drop(one);
        assert_eq!(given.map(layout.pieces()), Some(vec![0b111]));
        drop(given.begin(&layout, Slice { start: 0, end: layout.size() }));
        assert_eq!(given.map(layout.pieces()), Some(vec![0b111]));
    }

    #[test]
    fn every_piece_is_touched_by_its_own_bytes() {
        let layout = Layout::of([0, 3, PIECE_BYTES + 1, 0, 0, 7]);
        for number in 0..layout.pieces() {
            let piece = layout.piece(number).unwrap();
            let slice = Slice { start: piece.start, end: piece.start + piece.len as u64 };
            assert_eq!(touched(&layout, slice), number..number + 1);
        }
    }
}
