//! Which pieces are still to come and who brings them. Pure: no clock, no disk, no network, and the
//! same for the same seed and calls.
//!
//! From a source that is the only one and serves nobody else, pieces are asked for in order and in long runs. Else,
//! the rarest go first, so that none depends on one source for long. When nothing is left to ask for,
//! what slower sources were asked for is asked for again elsewhere, so that none holds the end.

mod bits;
mod book;
mod choice;
#[cfg(test)]
mod model;
mod source;
mod stock;
#[cfg(test)]
mod swarm;
mod tasks;
#[cfg(test)]
mod tests;
mod totals;

use std::sync::Arc;

use self::bits::Bits;
use self::book::Book;
pub use self::source::SourceId;
pub use self::tasks::Task;
use self::totals::State;
use crate::layout::Layout;
pub use crate::layout::Run;

/// What a source says it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Has {
    /// Everything.
    All,
    /// One bit for each piece, the lowest first.
    Map(Vec<u8>),
}

/// The pieces of one download: about ten bytes each, and two bits more for each source.
#[derive(Clone, Debug)]
pub struct Plan {
    book: Book,
    proven: Bits,
}

impl Plan {
    /// Everything wanted, nothing there. `seed` decides between equals.
    pub fn new(layout: Arc<Layout>, seed: u64) -> Self {
        Self { proven: Bits::none(layout.pieces()), book: Book::new(layout, seed) }
    }

    /// The next run for one connection to a source, of at most `most_bytes` (one piece at least);
    /// `None` when the source has nothing that is wanted and free. Rarest first, random among equals,
    /// and what it gave to others only when it has nothing else; with a single source, in order. When
    /// nothing that any source has is free, but something is still on its way from others, pieces of
    /// theirs, as a duplicate: each by two sources at most.
    ///
    /// `most_bytes` also tells how fast the source is beside others: what it brings in a fixed time.
    pub fn take(&mut self, source: SourceId, most_bytes: u64) -> Option<Task> {
        let book = &mut self.book;
        let who = book.position(source)?;
        book.sources[who].pace = most_bytes;
        let free = choice::free(book, who, most_bytes);
        let duplicate = free.is_none();
        let run = free.or_else(|| choice::duplicate(book, who, most_bytes))?;
        for piece in run.range() {
            book.put(piece, book.states[piece].begun());
        }
        Some(book.tasks.begin(source, run, duplicate))
    }

    /// Ends a task: what it did not bring is free again. One that has ended already, as when its
    /// source left, changes nothing.
    pub fn end(&mut self, source: SourceId, task: Task) {
        if self.book.tasks.end(source, task) {
            for piece in task.run.range() {
                self.book.put(piece, self.book.states[piece].given_up());
            }
        }
    }

    /// A source appeared. It has nothing until it says so; but from the second on, none is asked in
    /// order any more. So join as soon as somebody else is known: several who begin at once should
    /// not all ask for the same first pieces.
    pub fn join(&mut self, source: SourceId) {
        self.book.join(source);
    }

    /// What a source has now, and which of it others get from there already (see
    /// [`landline_protocol::Have::given`]). A map that is too short means nothing beyond its end.
    /// Of a source that did not join, nothing is noted.
    pub fn has(&mut self, source: SourceId, has: Has, given: Option<&[u8]>) {
        let Some(who) = self.book.position(source) else { return };
        let pieces = self.book.pieces();
        self.book.now_has(
            who,
            &match has {
                Has::All => Bits::all(pieces),
                Has::Map(map) => Bits::from_bytes(&map, pieces),
            },
        );
        self.book.now_given(who, &Bits::from_bytes(given.unwrap_or_default(), pieces));
    }

    /// A source is gone, or not to be asked again. What it undertook is free again.
    pub fn leave(&mut self, source: SourceId) {
        let Some(who) = self.book.position(source) else { return };
        for task in self.book.tasks.of(source) {
            self.end(source, task);
        }
        self.book.now_has(who, &Bits::none(self.book.pieces()));
        self.book.sources.remove(who);
    }

    /// A piece that nobody brings yet may be on disk from earlier: not to be asked for until that is
    /// known, by [`verified`](Self::verified) or [`not_there`](Self::not_there).
    pub fn doubt(&mut self, piece: usize) {
        if self.book.states.get(piece) == Some(&State::Missing) {
            self.book.put(piece, State::InDoubt);
        }
    }

    /// A piece that was in doubt is not on disk, or wrong.
    pub fn not_there(&mut self, piece: usize) {
        if self.is_in_doubt(piece) {
            self.book.put(piece, State::Missing);
        }
    }

    /// A piece is on disk and proven.
    pub fn verified(&mut self, piece: usize) {
        if piece < self.book.pieces() {
            self.proven.set(piece, true);
            self.book.put(piece, State::Verified);
        }
    }

    /// A piece is on disk, and nobody can tell yet whether it is right.
    pub fn provisional(&mut self, piece: usize) {
        if piece < self.book.pieces() && !self.is_here(piece) {
            self.book.put(piece, State::Provisional);
        }
    }

    /// A piece that is here is not what it should be: wanted again.
    pub fn refuted(&mut self, piece: usize) {
        if self.is_here(piece) {
            self.proven.set(piece, false);
            let bringing = self.book.tasks.lost(piece);
            self.book.put(piece, State::under_way(bringing));
        }
    }

    /// Of a folder: only the pieces of these files are wanted, one flag for each file.
    pub fn want_only(&mut self, files: &[bool]) {
        let mut wanted = Bits::none(self.book.pieces());
        for file in (0..files.len()).filter(|file| files[*file]) {
            for piece in self.book.layout.pieces_of(file) {
                wanted.set(piece, true);
            }
        }
        self.book.want(&wanted);
    }
}

/// What is known of it.
impl Plan {
    /// How the content falls into pieces.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.book.layout
    }

    /// Whether a piece is here, verified or provisional.
    pub fn is_here(&self, piece: usize) -> bool {
        self.book.is_here(piece)
    }

    /// Whether a piece may be on disk, and nobody knows yet.
    pub fn is_in_doubt(&self, piece: usize) -> bool {
        self.book.states.get(piece) == Some(&State::InDoubt)
    }

    /// Wanted pieces that are in doubt.
    pub fn in_doubt(&self) -> usize {
        self.book.totals.in_doubt.pieces
    }

    /// Whether a source is still to bring a piece by this task: the piece is one of it, and the task
    /// has not ended, as it does when its source leaves.
    pub fn is_bringing(&self, source: SourceId, task: Task, piece: usize) -> bool {
        self.book.tasks.is_open(source, task, piece)
    }

    /// Whether every wanted piece is proven.
    pub fn is_complete(&self) -> bool {
        self.book.totals.verified == self.book.totals.wanted
    }

    /// Wanted pieces that are not here.
    pub fn missing(&self) -> usize {
        self.book.totals.wanted.pieces - self.book.totals.here.pieces
    }

    /// Sources that have something.
    pub fn sources(&self) -> usize {
        self.book.sources.iter().filter(|source| !source.has.is_empty()).count()
    }

    /// Bytes of wanted pieces.
    pub fn wanted_bytes(&self) -> u64 {
        self.book.totals.wanted.bytes
    }

    /// Bytes of wanted pieces that are proven.
    pub fn verified_bytes(&self) -> u64 {
        self.book.totals.verified.bytes
    }

    /// Bytes of wanted pieces that are here, proven or not.
    pub fn here_bytes(&self) -> u64 {
        self.book.totals.here.bytes
    }

    /// One bit for each piece, the lowest first, set where it is proven.
    pub fn bitmap(&self) -> Vec<u8> {
        self.proven.to_bytes()
    }

    /// A picture of `cells` cells: for each, how much of its pieces is here, from 0 to 255. Pieces
    /// that are not wanted are left out.
    pub fn picture(&self, cells: usize) -> Vec<u8> {
        let wanted: Vec<usize> =
            (0..self.book.pieces()).filter(|piece| self.book.wanted.get(*piece)).collect();
        let cell = |number: usize| {
            let begin = number * wanted.len() / cells;
            let end = ((number + 1) * wanted.len() / cells).max(begin + 1).min(wanted.len());
            let here = wanted[begin..end].iter().filter(|piece| self.is_here(**piece)).count();
            u8::try_from((here * 255).checked_div(end - begin).unwrap_or(255)).unwrap_or(255)
        };
        (0..cells).map(cell).collect()
    }
}

/// What only those ask who check it.
#[cfg(test)]
impl Plan {
    /// Whether every piece of a run is here: whoever still brings it may stop.
    fn is_run_here(&self, run: Run) -> bool {
        run.range().all(|piece| self.is_here(piece))
    }

    /// Whether every wanted piece is here, proven or not.
    fn is_here_all(&self) -> bool {
        self.book.totals.here == self.book.totals.wanted
    }

    /// Wanted pieces that are not here and that nobody undertook to bring.
    fn free(&self) -> usize {
        self.book.totals.free.pieces
    }

    /// Whether a source has something that is free: then [`take`](Self::take) gives it.
    fn has_free(&self, source: SourceId) -> bool {
        self.book.position(source).is_some_and(|who| self.book.sources[who].best().is_some())
    }
}
