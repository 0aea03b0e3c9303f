//! Which pieces are still to come and who fetches them. Pure: no clock, no disk, no network.

use landline_protocol::limits::PIECE_BYTES;

use crate::range::Slice;
use crate::tree::{piece_count, piece_len};

/// The most pieces asked for in one request: large enough that the pause between requests does
/// not show, small enough that two connections end together.
const RUN_PIECES: usize = 64;
/// A connection takes this share of what is missing, so that the last runs are short.
const SHARES_OF_REST: usize = 4;
/// The shortest run worth a request of its own while others are missing too.
const SHORT_RUN: usize = 4;

/// Consecutive pieces that one connection has undertaken to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first piece.
    pub first: usize,
    /// How many.
    pub count: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Missing,
    Taken,
    Verified,
}

/// The pieces of one download.
#[derive(Clone, Debug)]
pub struct Plan {
    size: u64,
    pieces: Vec<Piece>,
    missing: usize,
    verified: usize,
    /// No piece before this one is missing.
    from: usize,
}

impl Plan {
    /// Everything missing.
    pub fn new(size: u64) -> Self {
        let count = usize::try_from(piece_count(size)).unwrap_or(usize::MAX);
        Self { size, pieces: vec![Piece::Missing; count], missing: count, verified: 0, from: 0 }
    }

    /// The next run for a connection; `None` when nothing is left that nobody has taken.
    pub fn take(&mut self) -> Option<Run> {
        let first = (self.from..self.pieces.len()).find(|&i| self.pieces[i] == Piece::Missing)?;
        let most = (self.missing / SHARES_OF_REST).clamp(SHORT_RUN, RUN_PIECES);
        let run = self.pieces[first..].iter().take(most);
        let count = run.take_while(|piece| **piece == Piece::Missing).count();
        self.pieces[first..first + count].fill(Piece::Taken);
        self.missing -= count;
        self.from = first + count;
        Some(Run { first, count })
    }

    /// Gives back what a run did not bring.
    pub fn release(&mut self, run: Run) {
        let end = (run.first + run.count).min(self.pieces.len());
        for piece in &mut self.pieces[run.first.min(end)..end] {
            if *piece == Piece::Taken {
                *piece = Piece::Missing;
                self.missing += 1;
            }
        }
        self.from = self.from.min(run.first);
    }

    /// A piece is on disk and proven.
    pub fn verified(&mut self, index: usize) {
        match self.pieces.get(index) {
            None | Some(Piece::Verified) => return,
            Some(Piece::Missing) => self.missing -= 1,
            Some(Piece::Taken) => {}
        }
        self.pieces[index] = Piece::Verified;
        self.verified += 1;
    }

    /// Whether every piece is proven.
    pub fn is_complete(&self) -> bool {
        self.verified == self.pieces.len()
    }

    /// Pieces that nobody has taken yet.
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// Bytes that are proven.
    pub fn verified_bytes(&self) -> u64 {
        let short = match self.pieces.last() {
            Some(Piece::Verified) => PIECE_BYTES - piece_len(self.size, self.pieces.len() as u64 - 1) as u64,
            _ => 0,
        };
        self.verified as u64 * PIECE_BYTES - short
    }

    /// The bytes of a run.
    pub fn slice(&self, run: Run) -> Slice {
        let start = run.first as u64 * PIECE_BYTES;
        let end = (run.first + run.count) as u64 * PIECE_BYTES;
        Slice { start, end: end.min(self.size) }
    }

    /// One bit for each piece, the lowest first, set where it is proven.
    pub fn bitmap(&self) -> Vec<u8> {
        let byte = |eight: &[Piece]| {
            let bits = eight.iter().enumerate();
            bits.fold(0, |all, (bit, piece)| all | (u8::from(*piece == Piece::Verified) << bit))
        };
        self.pieces.chunks(8).map(byte).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_dropped_connection_gives_its_pieces_back() {
        let mut plan = Plan::new(10 * PIECE_BYTES + 1);
        let one = plan.take().unwrap();
        let two = plan.take().unwrap();
        assert_eq!((one, two), (Run { first: 0, count: 4 }, Run { first: 4, count: 4 }));
        plan.verified(0);
        plan.verified(1);
        plan.release(one);
        assert_eq!(plan.take(), Some(Run { first: 2, count: 2 }));
        assert_eq!(plan.take(), Some(Run { first: 8, count: 3 }));
        assert_eq!(plan.slice(Run { first: 8, count: 3 }).end, 10 * PIECE_BYTES + 1);
        assert_eq!(plan.take(), None);
    }

    #[test]
    fn the_bitmap_and_bytes_tell_what_is_proven() {
        let mut plan = Plan::new(9 * PIECE_BYTES + 5);
        for index in [0, 8, 9, 9, 12345] {
            plan.verified(index);
        }
        assert_eq!(plan.bitmap(), [0b1, 0b11]);
        assert_eq!(plan.verified_bytes(), 2 * PIECE_BYTES + 5);
        assert!(Plan::new(0).is_complete());
        assert_eq!(Plan::new(0).verified_bytes(), 0);
    }

    proptest! {
        /// Whatever fails and in whatever order, every piece is fetched, none twice at once.
        #[test]
        fn every_piece_comes_exactly_once(
            pieces in 0usize..600,
            known in prop::collection::vec(0usize..600, 0..40),
            fates in prop::collection::vec((any::<bool>(), 0usize..70), 0..400),
        ) {
            let size = (pieces as u64 * PIECE_BYTES).saturating_sub(3);
            let mut plan = Plan::new(size);
            let mut brought = vec![0; pieces];
            for index in known {
                plan.verified(index);
            }
            let before = plan.clone();
            let mut fates = fates.into_iter();
            let mut open: Vec<Run> = Vec::new();
            loop {
                match plan.take() {
                    Some(run) => open.push(run),
                    None if open.is_empty() => break,
                    None => {}
                }
                prop_assert!(open.len() <= pieces);
                let (fails, done) = fates.next().unwrap_or((false, usize::MAX));
                if open.len() > 2 || plan.missing() == 0 || fails {
                    let run = open.remove(0);
                    let done = if fails { done.min(run.count) } else { run.count };
                    for (index, times) in brought.iter_mut().enumerate().skip(run.first).take(done) {
                        prop_assert!(before.pieces[index] != Piece::Verified);
                        *times += 1;
                        plan.verified(index);
                    }
                    plan.release(run);
                }
            }
            prop_assert!(plan.is_complete());
            prop_assert_eq!(plan.verified_bytes(), size);
            let expected = before.pieces.iter().map(|p| u32::from(*p == Piece::Missing));
            prop_assert!(brought.into_iter().eq(expected));
        }
    }
}
