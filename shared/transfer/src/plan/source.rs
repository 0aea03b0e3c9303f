//! What one source has, and how much of it is still of use.

use super::bits::Bits;

/// One source of a download, for as long as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u32);

/// A source as the plan knows it.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) id: SourceId,
    pub(super) has: Bits,
    /// What others got or get from it: left to them to pass on, while it has anything else.
    pub(super) given: Bits,
    /// The bytes it was last thought good for, which says how fast it is beside others.
    pub(super) pace: u64,
    /// Free pieces it has, by how many sources have them, and apart from those that are given.
    fresh: Vec<usize>,
    again: Vec<usize>,
}

/// Pieces of one source that are as good as each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) given: bool,
    pub(super) holders: usize,
}

impl Source {
    pub(super) fn new(id: SourceId, pieces: usize) -> Self {
        let none = Bits::none(pieces);
        let given = none.clone();
        Self { id, has: none, given, pace: 0, fresh: Vec::new(), again: Vec::new() }
    }

    /// A piece it has, that so many sources have, became free or is so no longer.
    pub(super) fn count(&mut self, piece: usize, holders: usize, free: bool) {
        let given = self.given.get(piece);
        let counts = if given { &mut self.again } else { &mut self.fresh };
        if holders >= counts.len() {
            counts.resize(holders + 1, 0);
        }
        counts[holders] = if free { counts[holders] + 1 } else { counts[holders].saturating_sub(1) };
    }

    /// Whether it gave to others some of what is free here, and not all: they fetch too, and would ask for
    /// the same in order.
    pub(super) fn gives_to_others(&self) -> bool {
        let any = |counts: &[usize]| counts.iter().any(|count| *count > 0);
        any(&self.again) && any(&self.fresh)
    }

    /// The best of what is free here: what it gave to nobody yet, the rarest first.
    pub(super) fn best(&self) -> Option<Class> {
        let rarest = |counts: &[usize]| counts.iter().position(|count| *count > 0);
        let fresh = rarest(&self.fresh).map(|holders| Class { given: false, holders });
        fresh.or_else(|| rarest(&self.again).map(|holders| Class { given: true, holders }))
    }
}
