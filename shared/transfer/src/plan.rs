//! Which pieces are still to come and who brings them. Pure: no clock, no disk, no network.

use std::sync::Arc;

use crate::layout::Layout;
pub use crate::layout::Run;

/// One source of a download, for as long as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u32);

/// What a source says it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Has {
    /// Everything.
    All,
    /// One bit for each piece, the lowest first.
    Map(Vec<u8>),
}

/// A run that somebody undertook to bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// The pieces.
    pub run: Run,
    /// Somebody slower is bringing them too: the first to do so counts.
    pub duplicate: bool,
}

/// The pieces of one download.
#[derive(Clone, Debug)]
pub struct Plan {}

impl Plan {
    /// Everything wanted, nothing there. `seed` decides between equals.
    pub fn new(_layout: Arc<Layout>, _seed: u64) -> Self {
        todo!()
    }

    /// Of a folder: only the pieces of these files are wanted, one flag for each file.
    pub fn want_only(&mut self, _files: &[bool]) {
        todo!()
    }

    /// A source appeared. It has nothing until it says so.
    pub fn join(&mut self, _source: SourceId) {
        todo!()
    }

    /// What a source has now, and which of it others get from there already (see
    /// [`landline_protocol::Have::given`]). A map that is too short means nothing beyond its end.
    pub fn has(&mut self, _source: SourceId, _has: Has, _given: Option<&[u8]>) {
        todo!()
    }

    /// A source is gone, or not to be asked again. What it undertook is free again.
    pub fn leave(&mut self, _source: SourceId) {
        todo!()
    }

    /// The next run for one connection to a source, of at most `most_bytes` (one piece at least);
    /// `None` when the source has nothing that is wanted and free. Rarest first, random among equals;
    /// with a single source, in order. When nothing is free but something is still on its way from
    /// others, a piece of theirs, as a duplicate: each piece by two at most.
    pub fn take(&mut self, _source: SourceId, _most_bytes: u64) -> Option<Task> {
        todo!()
    }

    /// Ends a task: what it did not bring is free again.
    pub fn end(&mut self, _source: SourceId, _task: Task) {
        todo!()
    }

    /// A piece is on disk and proven.
    pub fn verified(&mut self, _piece: usize) {
        todo!()
    }

    /// A piece is on disk, and nobody can tell yet whether it is right.
    pub fn provisional(&mut self, _piece: usize) {
        todo!()
    }

    /// A provisional piece is not what it should be: wanted again.
    pub fn refuted(&mut self, _piece: usize) {
        todo!()
    }

    /// Whether a piece is here, verified or provisional.
    pub fn is_here(&self, _piece: usize) -> bool {
        todo!()
    }

    /// Whether every wanted piece is proven.
    pub fn is_complete(&self) -> bool {
        todo!()
    }

    /// Whether every wanted piece is here, proven or not.
    pub fn is_here_all(&self) -> bool {
        todo!()
    }

    /// Wanted pieces that are not here.
    pub fn missing(&self) -> usize {
        todo!()
    }

    /// Sources that have something.
    pub fn sources(&self) -> usize {
        todo!()
    }

    /// Bytes of wanted pieces.
    pub fn wanted_bytes(&self) -> u64 {
        todo!()
    }

    /// Bytes of wanted pieces that are proven.
    pub fn verified_bytes(&self) -> u64 {
        todo!()
    }

    /// Bytes of wanted pieces that are here, proven or not.
    pub fn here_bytes(&self) -> u64 {
        todo!()
    }

    /// One bit for each piece, the lowest first, set where it is proven.
    pub fn bitmap(&self) -> Vec<u8> {
        todo!()
    }

    /// A picture of `cells` cells: for each, how much of its pieces is here, from 0 to 255.
    pub fn picture(&self, _cells: usize) -> Vec<u8> {
        todo!()
    }
}
