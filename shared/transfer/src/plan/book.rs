//! The books of one download: what is here, free or under way, and counts that follow every change.

use std::sync::Arc;

use super::bits::Bits;
use super::source::{Source, SourceId};
use super::stock::Stock;
use super::tasks::Tasks;
use super::totals::{Mark, State, Totals};
use crate::layout::Layout;

/// Sources known at a time; whoever comes when there are so many is not heeded.
const SOURCES: usize = 255;

/// The pieces of one download: about ten bytes each, and two bits more for each source.
#[derive(Clone, Debug)]
pub(super) struct Book {
    pub(super) layout: Arc<Layout>,
    pub(super) states: Vec<State>,
    pub(super) wanted: Bits,
    pub(super) totals: Totals,
    pub(super) stock: Stock,
    pub(super) sources: Vec<Source>,
    pub(super) tasks: Tasks,
    /// No piece before this one is free.
    pub(super) from: usize,
}

impl Book {
    /// Everything wanted, nothing there.
    pub(super) fn new(layout: Arc<Layout>, seed: u64) -> Self {
        let pieces = layout.pieces();
        let mut book = Self {
            states: vec![State::Missing; pieces],
            wanted: Bits::none(pieces),
            totals: Totals::default(),
            stock: Stock::new(pieces, seed),
            sources: Vec::new(),
            tasks: Tasks::default(),
            from: 0,
            layout,
        };
        book.want(&Bits::all(pieces));
        book
    }

    pub(super) fn pieces(&self) -> usize {
        self.states.len()
    }

    pub(super) fn is_here(&self, piece: usize) -> bool {
        self.states.get(piece).is_some_and(|state| state.is_here())
    }

    pub(super) fn position(&self, source: SourceId) -> Option<usize> {
        self.sources.iter().position(|known| known.id == source)
    }

    pub(super) fn join(&mut self, source: SourceId) {
        if self.position(source).is_none() && self.sources.len() < SOURCES {
            self.sources.push(Source::new(source, self.pieces()));
        }
    }

    fn mark(&self, piece: usize) -> Mark {
        Mark { wanted: self.wanted.get(piece), state: self.states[piece] }
    }

    pub(super) fn put(&mut self, piece: usize, state: State) {
        let was = self.mark(piece);
        self.change(piece, was, Mark { state, ..was });
    }

    pub(super) fn want(&mut self, wanted: &Bits) {
        for piece in 0..self.pieces() {
            let was = self.mark(piece);
            self.change(piece, was, Mark { wanted: wanted.get(piece), ..was });
        }
    }

    fn change(&mut self, piece: usize, was: Mark, is: Mark) {
        if was == is {
            return;
        }
        self.states[piece] = is.state;
        self.wanted.set(piece, is.wanted);
        self.totals.change(was, is, self.layout.len_of(piece) as u64);
        if was.is_free() != is.is_free() {
            self.change_free(piece, is.is_free());
        }
    }

    fn change_free(&mut self, piece: usize, free: bool) {
        if free {
            self.from = self.from.min(piece);
            self.stock.put_in(piece);
        } else {
            self.stock.take_out(piece);
        }
        self.count_at_holders(piece, free);
    }

    fn count_at_holders(&mut self, piece: usize, free: bool) {
        let holders = self.stock.holders(piece);
        for source in self.sources.iter_mut().filter(|source| source.has.get(piece)) {
            source.count(piece, holders, free);
        }
    }

    pub(super) fn now_has(&mut self, who: usize, has: &Bits) {
        for word in 0..has.words() {
            for piece in self.sources[who].has.differing(has, word) {
                self.flip(who, piece, has.get(piece));
            }
        }
    }

    /// A source has a piece that it had not, or the other way round.
    fn flip(&mut self, who: usize, piece: usize, has: bool) {
        let mark = self.mark(piece);
        if mark.is_free() {
            self.count_at_holders(piece, false);
        }
        self.stock.held_by_one(has, piece);
        self.sources[who].has.set(piece, has);
        if mark.is_free() {
            self.count_at_holders(piece, true);
        }
    }

    pub(super) fn now_given(&mut self, who: usize, given: &Bits) {
        let (stock, source) = (&self.stock, &mut self.sources[who]);
        for word in 0..given.words() {
            for piece in source.given.differing(given, word) {
                let counts = stock.is_free(piece) && source.has.get(piece);
                if counts {
                    source.count(piece, stock.holders(piece), false);
                }
                source.given.set(piece, given.get(piece));
                if counts {
                    source.count(piece, stock.holders(piece), true);
                }
            }
        }
    }
}
