//! The pieces of one download: which are here, what they must hash to, and the one place where bytes
//! from the network come to disk and begin to count.
//!
//! Bytes of a piece are written before the piece is proven, so three rules keep what is proven safe: a
//! piece that is here is never written again; only one task at a time writes a piece bit by bit, and
//! only while the plan counts on it ([`Ticket`]); and asking for both and writing happen under one lock
//! ([`Content::stripe`]).

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};

use super::files::Files;
use super::known::Known;
use crate::layout::Layout;
use crate::lock;
use crate::plan::{Has, Plan, SourceId, Task};
use crate::store::Store;
use crate::tree::ChainingValue;
use crate::values::compute;

/// A write that takes longer was held up by the disk.
const SLOW_WRITE: Duration = Duration::from_millis(20);
/// Locks over all pieces: few would make strangers wait for each other, more would gain nothing.
const STRIPES: usize = 16;

/// By what right a connection writes: a task that the plan gave it. The right ends with the task, even
/// if the connection has not heard of it yet: somebody else may be bringing the same pieces by then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) source: SourceId,
    pub(super) task: Task,
}

/// What became of a whole piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It counts.
    Good,
    /// Somebody else had brought it, or is to bring it now.
    Late,
    /// It is not what it must be.
    Wrong,
}

/// How far it has come, in bytes of what is wanted, and in files.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) wanted: u64,
    pub(super) here: u64,
    pub(super) verified: u64,
    pub(super) reused: u64,
    pub(super) received: u64,
    pub(super) files: (u64, u64),
}

/// One content on its way into its store.
pub(super) struct Content {
    layout: Arc<Layout>,
    store: Store,
    pieces: Mutex<Pieces>,
    known: OnceLock<Arc<Known>>,
    stripes: [Mutex<()>; STRIPES],
    /// The last write took long: the next may too.
    slow_disk: AtomicBool,
    /// Some piece is on its way twice, or was taken from whoever was to bring it.
    contested: AtomicBool,
    received: AtomicU64,
    reused: AtomicU64,
    /// Something came since the last record.
    unrecorded: AtomicBool,
}

/// What is wrong with what is on disk of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// It was refuted: also what somebody wrote who is writing it still.
    Refuted,
    /// Since then somebody writes it anew from its start, over what was there.
    BegunAnew,
}

struct Pieces {
    plan: Plan,
    /// What the pieces hash to that came before the root.
    loose: HashMap<usize, ChainingValue>,
    /// What is on disk of these, from earlier, is not to be built upon.
    doubted: HashMap<usize, Doubt>,
    files: Files,
    is_folder: bool,
}

impl Content {
    /// Nothing of it here yet.
    pub(super) fn new(layout: Arc<Layout>, store: Store, wanted: Option<Vec<bool>>, seed: u64) -> Self {
        let plan = Plan::new(Arc::clone(&layout), seed);
        let pieces = Pieces {
            plan,
            loose: HashMap::new(),
            doubted: HashMap::new(),
            files: Files::all(&layout),
            is_folder: wanted.is_some(),
        };
        let content = Self {
            layout,
            store,
            pieces: Mutex::new(pieces),
            known: OnceLock::new(),
            stripes: Default::default(),
            slow_disk: AtomicBool::new(false),
            contested: AtomicBool::new(false),
            received: AtomicU64::new(0),
            reused: AtomicU64::new(0),
            unrecorded: AtomicBool::new(false),
        };
        if let Some(wanted) = wanted {
            content.want_only(&wanted);
        }
        content
    }

    pub(super) fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn known(&self) -> Option<&Known> {
        self.known.get().map(Arc::as_ref)
    }

    /// Writes bytes of a piece that is not proven yet. `false`: it is here already, or somebody else's
    /// to write. A duplicate writes nothing before the piece is whole.
    pub(super) fn write(&self, ticket: Ticket, piece: usize, at: usize, bytes: &[u8]) -> io::Result<bool> {
        let _alone = lock(self.stripe(piece));
        if ticket.task.duplicate || !lock(&self.pieces).is_awaited(ticket, piece) {
            return Ok(false);
        }
        self.to_disk(piece, at, bytes)?;
        Ok(true)
    }

    /// Judges a whole piece by what it hashes to. All but its end, `rest`, was written already with the
    /// same ticket. Only then it counts.
    pub(super) fn admit(
        &self,
        ticket: Ticket,
        piece: usize,
        value: ChainingValue,
        rest: &[u8],
    ) -> io::Result<Admission> {
        if self.refutes(piece, &value) {
            return Ok(Admission::Wrong);
        }
        let written = self.layout.len_of(piece).saturating_sub(rest.len());
        let _alone = lock(self.stripe(piece));
        {
            let pieces = lock(&self.pieces);
            // A duplicate that was refuted since has been written over what was written.
            let is_torn = written > 0 && pieces.doubted.get(&piece) == Some(&Doubt::Refuted);
            if is_torn || !pieces.is_awaited(ticket, piece) {
                return Ok(Admission::Late);
            }
        }
        self.to_disk(piece, written, rest)?;
        let mut pieces = lock(&self.pieces);
        if self.refutes(piece, &value) {
            pieces.doubted.insert(piece, Doubt::Refuted);
            return Ok(Admission::Wrong); // the root came in this very moment
        }
        pieces.count(piece, &self.layout, (!self.is_known()).then_some(value));
        self.unrecorded.store(true, Ordering::Relaxed);
        Ok(Admission::Good)
    }

    /// Somebody begins to write a piece from its start, over whatever was there.
    pub(super) fn begin(&self, piece: usize) {
        if let Some(doubt) = lock(&self.pieces).doubted.get_mut(&piece) {
            *doubt = Doubt::BegunAnew;
        }
    }

    /// Hands over, from its start and in steps, what was written of a piece earlier and may be built upon;
    /// tells how much that is. Waits for whoever is writing it still.
    pub(super) fn begun(
        &self,
        piece: usize,
        buffer: &mut [u8],
        each: &mut dyn FnMut(&[u8]),
    ) -> io::Result<usize> {
        let _alone = lock(self.stripe(piece));
        let (there, start) = (self.prefix(piece), self.layout.piece(piece).map_or(0, |piece| piece.start));
        let mut at = 0;
        while at < there {
            let step = buffer.len().min(there - at);
            self.store.read(start + at as u64, &mut buffer[..step])?;
            each(&buffer[..step]);
            at += step;
        }
        Ok(there)
    }

    /// How much of a piece, from its start, was written earlier and may be built upon.
    pub(super) fn prefix(&self, piece: usize) -> usize {
        if lock(&self.pieces).doubted.contains_key(&piece) {
            return 0;
        }
        // All of it on disk, and yet not here: it was judged and is wrong.
        let len = self.layout.len_of(piece);
        self.store.prefix(piece).ok().filter(|prefix| *prefix < len).unwrap_or(0)
    }

    /// What was on disk of a piece is not part of it.
    pub(super) fn distrust(&self, piece: usize) {
        lock(&self.pieces).doubted.insert(piece, Doubt::Refuted);
    }

    /// Looks at what is there already. With the root, gives the pieces that an earlier attempt may have
    /// left: they are not asked for until [`check`](Self::check) has hashed them again. Without it, what
    /// was left whole is kept for when it comes. Ends early once `stop` is set.
    pub(super) fn survey(&self, stop: &AtomicBool) -> io::Result<Vec<usize>> {
        let in_doubt = match self.known() {
            Some(known) => self.store.survey(known.values(), stop, &mut |piece| self.found(piece, None))?,
            None => self.adopt(stop).map(|()| Vec::new())?,
        };
        // Files that the conflict policy keeps others for are not fetched.
        self.want_only(&self.store.wanted());
        let plan = &mut lock(&self.pieces).plan;
        for piece in &in_doubt {
            plan.doubt(*piece);
        }
        Ok(in_doubt)
    }

    /// Hashes pieces that are in doubt, and tells of each whether it is there; what is not is fetched. Ends
    /// early once `stop` is set.
    pub(super) fn check(&self, pieces: &[usize], stop: &AtomicBool, judged: &dyn Fn(bool)) -> io::Result<()> {
        let Some(known) = self.known() else { return Ok(()) };
        self.store.check(known.values(), stop, pieces, &mut |piece, is_there| {
            if is_there {
                self.found(piece, None);
            } else {
                lock(&self.pieces).plan.not_there(piece);
            }
            judged(is_there);
        })
    }

    /// How many pieces may be there, and nobody knows yet.
    pub(super) fn in_doubt(&self) -> usize {
        lock(&self.pieces).plan.in_doubt()
    }

    fn want_only(&self, flags: &[bool]) {
        if flags.iter().all(|flag| *flag) {
            return;
        }
        let mut pieces = lock(&self.pieces);
        let Pieces { plan, files, .. } = &mut *pieces;
        files.narrow(flags, &self.layout, |piece| plan.is_here(piece));
        plan.want_only(files.wanted());
    }

    fn adopt(&self, stop: &AtomicBool) -> io::Result<()> {
        let mut buffer = Vec::new();
        for number in (0..self.layout.pieces()).take_while(|_| !stop.load(Ordering::Relaxed)) {
            let Some(piece) = self.layout.piece(number) else { break };
            if self.store.prefix(number)? == 0 {
                continue;
            }
            buffer.resize(piece.len, 0);
            self.store.read(piece.start, &mut buffer)?;
            if self.store.trim(number, &buffer) < piece.len {
                continue;
            }
            if let Some(value) = compute(&self.layout, number, &buffer) {
                self.found(number, Some(value));
            }
        }
        Ok(())
    }

    fn found(&self, piece: usize, loose: Option<ChainingValue>) {
        let mut pieces = lock(&self.pieces);
        if !pieces.plan.is_here(piece) {
            pieces.count(piece, &self.layout, loose);
            let len = self.layout.piece(piece).map_or(0, |piece| piece.len as u64);
            self.reused.fetch_add(len, Ordering::Relaxed);
        }
    }

    /// The root has come, and with it what each piece must be. What came before is judged now.
    pub(super) fn settle(&self, known: Arc<Known>) {
        let mut pieces = lock(&self.pieces);
        let known = self.known.get_or_init(|| known);
        for (piece, value) in std::mem::take(&mut pieces.loose) {
            if known.values().all().get(piece) == Some(&value) {
                pieces.plan.verified(piece);
            } else {
                pieces.plan.refuted(piece);
                pieces.doubted.insert(piece, Doubt::Refuted);
            }
        }
    }

    /// Something for one connection to do.
    pub(super) fn take(&self, source: SourceId, most_bytes: u64) -> Option<Task> {
        let task = lock(&self.pieces).plan.take(source, most_bytes)?;
        if task.duplicate {
            self.contested.store(true, Ordering::Relaxed);
        }
        Some(task)
    }

    /// What a task did not bring is free again; tells whether there is such.
    pub(super) fn end(&self, source: SourceId, task: Task) -> bool {
        let mut pieces = lock(&self.pieces);
        pieces.plan.end(source, task);
        task.run.range().any(|piece| !pieces.plan.is_here(piece))
    }

    /// A source can be asked, and has so much.
    pub(super) fn has(&self, source: SourceId, has: Has, given: Option<&[u8]>) {
        let plan = &mut lock(&self.pieces).plan;
        plan.join(source);
        plan.has(source, has, given);
    }

    /// A source cannot be asked any more.
    pub(super) fn leave(&self, source: SourceId) {
        let mut pieces = lock(&self.pieces);
        pieces.plan.leave(source);
        self.contested.store(true, Ordering::Relaxed);
    }

    /// Whether somebody else was faster, or is to bring it now.
    pub(super) fn is_beaten(&self, ticket: Ticket, piece: usize) -> bool {
        self.contested.load(Ordering::Relaxed) && !lock(&self.pieces).is_awaited(ticket, piece)
    }

    /// Whether every wanted piece is proven.
    pub(super) fn is_complete(&self) -> bool {
        self.is_known() && lock(&self.pieces).plan.is_complete()
    }

    /// Wanted pieces that are not here.
    pub(super) fn missing(&self) -> usize {
        lock(&self.pieces).plan.missing()
    }

    /// Sources that have something.
    pub(super) fn sources(&self) -> usize {
        lock(&self.pieces).plan.sources()
    }

    /// Whether what is missing is all in one of these.
    pub(super) fn is_covered_by(&self, maps: &[Has]) -> bool {
        let has = |piece: usize, has: &Has| match has {
            Has::All => true,
            Has::Map(map) => is_set(map, piece),
        };
        let pieces = lock(&self.pieces);
        let wanted = pieces.files.wanted().iter().enumerate().filter(|(_, wanted)| **wanted);
        let mut missing = wanted
            .flat_map(|(file, _)| self.layout.pieces_of(file))
            .filter(|piece| !pieces.plan.is_here(*piece));
        missing.all(|piece| maps.iter().any(|map| has(piece, map)))
    }

    /// Whether all of these pieces are here.
    pub(super) fn are_here(&self, mut numbers: std::ops::RangeInclusive<usize>) -> bool {
        let pieces = lock(&self.pieces);
        numbers.all(|piece| pieces.plan.is_here(piece))
    }

    /// Bytes of content came over the network.
    pub(super) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn tally(&self) -> Tally {
        let pieces = lock(&self.pieces);
        Tally {
            wanted: pieces.plan.wanted_bytes(),
            here: pieces.plan.here_bytes(),
            verified: pieces.plan.verified_bytes(),
            reused: self.reused.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
            files: if pieces.is_folder { pieces.files.tally() } else { (0, 0) },
        }
    }

    pub(super) fn picture(&self, cells: usize) -> Vec<u8> {
        lock(&self.pieces).plan.picture(cells)
    }

    /// Brings everything to disk that came since the last time, and records it. Blocks for as long as
    /// the disk takes.
    pub(super) fn record(&self) -> io::Result<()> {
        if !self.unrecorded.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let here = {
            let pieces = lock(&self.pieces);
            // Also what is not looked at yet: the record is a hint, and this one may be the last.
            let may_be_here = |piece| pieces.plan.is_here(piece) || pieces.plan.is_in_doubt(piece);
            bits(self.layout.pieces(), may_be_here)
        };
        self.store.checkpoint(&here)
    }

    /// One bit for each piece, set where it is proven; `None` when all are.
    pub(super) fn proven(&self) -> Option<Vec<u8>> {
        let map = lock(&self.pieces).plan.bitmap();
        let set: usize = map.iter().map(|byte| byte.count_ones() as usize).sum();
        (set < self.layout.pieces()).then_some(map)
    }

    pub(super) fn is_known(&self) -> bool {
        self.known.get().is_some()
    }

    fn refutes(&self, piece: usize, value: &ChainingValue) -> bool {
        #[cfg(feature = "plant")]
        if crate::planted::has(crate::planted::Bug::Unverified) {
            return false;
        }
        self.known().is_some_and(|known| known.values().all().get(piece) != Some(value))
    }

    fn stripe(&self, piece: usize) -> &Mutex<()> {
        &self.stripes[piece % STRIPES]
    }

    /// Inline on purpose: a megabyte goes to the page cache in less time than another thread needs
    /// to take it over. A disk that makes writers wait is waited for elsewhere.
    fn to_disk(&self, piece: usize, at: usize, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        let can_step_aside = || Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
        let written = if self.slow_disk.load(Ordering::Relaxed) && can_step_aside() {
            tokio::task::block_in_place(|| self.store.write(piece, at, bytes))
        } else {
            self.store.write(piece, at, bytes)
        };
        self.slow_disk.store(began.elapsed() > SLOW_WRITE, Ordering::Relaxed);
        written
    }
}

impl Pieces {
    /// Whether a piece is not here and still to come with this ticket.
    fn is_awaited(&self, ticket: Ticket, piece: usize) -> bool {
        !self.plan.is_here(piece) && self.plan.is_bringing(ticket.source, ticket.task, piece)
    }

    /// A piece is on disk: proven, or with a value that is compared later.
    fn count(&mut self, piece: usize, layout: &Layout, loose: Option<ChainingValue>) {
        match loose {
            None => self.plan.verified(piece),
            Some(value) => {
                self.loose.insert(piece, value);
                self.plan.provisional(piece);
            }
        }
        if let Some(piece) = layout.piece(piece) {
            self.files.came(piece.file);
        }
    }
}

fn is_set(map: &[u8], piece: usize) -> bool {
    map.get(piece / 8).is_some_and(|byte| byte >> (piece % 8) & 1 == 1)
}

fn bits(count: usize, is_set: impl Fn(usize) -> bool) -> Vec<u8> {
    let mut map = vec![0; count.div_ceil(8)];
    (0..count).filter(|piece| is_set(*piece)).for_each(|piece| map[piece / 8] |= 1 << (piece % 8));
    map
}
