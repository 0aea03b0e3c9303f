//! Receives a run of pieces: from the network into one small buffer, from there hashed and to disk in
//! steps, and each piece judged by itself.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::FetchError;
use super::coding::Coding;
use super::content::{Admission, Content, Ticket};
use super::trouble::Trouble;
use super::worker::{Worker, changed};
use crate::plan::{Run, Task};
use crate::range::Slice;
use crate::store::BLOCK;
use crate::tree::PieceHash;
use crate::values;

/// Bytes that are hashed and written at a time: few enough to be in the processor's cache still, and to
/// lose with a killed process; more than one block because each write has its price.
const STEP: usize = 2 * BLOCK;

/// A piece on its way.
struct Arriving {
    number: usize,
    /// Bytes of the piece.
    len: usize,
    /// Of these, how many from its start are hashed and on disk.
    done: usize,
    /// And how many more wait in the buffer.
    waiting: usize,
    hash: PieceHash,
    /// It comes to disk only when all of it is here and right.
    is_whole: bool,
    /// Some of it was there before, from whomever.
    from_disk: bool,
}

impl Arriving {
    fn new(content: &Content, number: usize, task: Task) -> Self {
        let len = content.layout().len_of(number);
        let is_whole = task.duplicate || len <= BLOCK;
        if !is_whole {
            content.begin(number);
        }
        let hash = values::begin(content.layout(), number);
        Self { number, len, done: 0, waiting: 0, hash, is_whole, from_disk: false }
    }

    /// What an interrupted attempt left of it need not come again.
    fn go_on(mut self, content: &Content, buffer: &mut [u8]) -> Self {
        if self.is_whole {
            return self;
        }
        let hash = &mut self.hash;
        match content.begun(self.number, buffer, &mut |bytes| hash.add(bytes)) {
            Ok(there) => (self.done, self.from_disk) = (there, there > 0),
            // Not to be read any more: it comes again.
            Err(_) => self.hash = values::begin(content.layout(), self.number),
        }
        self
    }

    /// The piece after it, if that is part of the run.
    fn next(&mut self, content: &Content, (ticket, run): (Ticket, Run)) {
        self.number += 1;
        if run.range().contains(&self.number) {
            *self = Self::new(content, self.number, ticket.task);
        }
    }

    /// Where in the piece a step ends. Steps end at whole blocks: whether one is all zeros cannot be
    /// seen from a part of it.
    fn end_of_step(&self) -> usize {
        if self.is_whole { self.len } else { self.len.min((self.done / STEP + 1) * STEP) }
    }

    fn here(&self) -> usize {
        self.done + self.waiting
    }
}

impl Worker {
    /// Brings the pieces of a task, or the first of them.
    pub(super) async fn bring(&mut self, content: &Content, task: Task) -> Result<(), Trouble> {
        let run = until_half_piece(content, task.run);
        let ticket = Ticket { source: self.peer.id, task };
        self.buffer.resize(self.buffer.len().max(STEP), 0);
        let mut piece = Arriving::new(content, run.first, task).go_on(content, &mut self.buffer);
        let whole = content.layout().slice(run);
        let slice = Slice { start: whole.start + piece.done as u64, end: whole.end };
        let (began, size) = (Instant::now(), content.layout().size());
        let pace = self.pace;
        let mut answer = self.wire()?.content(slice, size, pace).await?;
        let peer = Arc::clone(&self.peer);
        let _moving = peer.moving();
        let mut coding = Coding::new(answer.compressed)?;
        loop {
            let data = tokio::select! {
                biased;
                data = answer.next() => data?,
                () = changed(&mut self.source) => {
                    answer.hurry();
                    continue;
                }
                // Its other connection may have given the source up: then this one waits for nothing.
                () = changed(&mut self.bell) => {
                    if content.is_beaten(ticket, piece.number) {
                        return Err(Trouble::Beaten);
                    }
                    continue;
                }
            };
            let Some(mut data) = data else { break };
            if self.peer.throttle.is_limited() {
                self.peer.throttle.take(data.len()).await;
                answer.waited();
            }
            if content.is_beaten(ticket, piece.number) {
                return Err(Trouble::Beaten);
            }
            self.pour(content, (ticket, run), &mut piece, &mut coding, &mut data)?;
        }
        if piece.number < run.range().end {
            return Err(Trouble::broken("it stopped in the middle"));
        }
        self.pace.measured(slice.len(), began);
        self.wire()?.done();
        Ok(())
    }

    /// Puts what came where it belongs.
    fn pour(
        &mut self,
        content: &Content,
        (ticket, run): (Ticket, Run),
        piece: &mut Arriving,
        coding: &mut Coding,
        data: &mut Bytes,
    ) -> Result<(), Trouble> {
        while piece.number < run.range().end {
            let room = piece.end_of_step() - piece.done;
            if self.buffer.len() < room {
                self.buffer.resize(room, 0);
            }
            let got = coding.fill(data, &mut self.buffer[piece.waiting..room])?;
            content.received(got);
            piece.waiting += got;
            if piece.here() == piece.len {
                self.judge(content, ticket, piece)?;
                piece.next(content, (ticket, run));
            } else if piece.waiting == room {
                self.step(content, ticket, piece)?;
            } else if got == 0 && data.is_empty() {
                return Ok(());
            }
        }
        coding.end(data)
    }

    /// Hashes and writes what has come of a piece, so that a killed process has it.
    fn step(&self, content: &Content, ticket: Ticket, piece: &mut Arriving) -> Result<(), Trouble> {
        let bytes = &self.buffer[..piece.waiting];
        piece.hash.add(bytes);
        let written = content.write(ticket, piece.number, piece.done, bytes);
        if !written.map_err(|error| self.disk(error))? {
            return Err(Trouble::Beaten);
        }
        (piece.done, piece.waiting) = (piece.here(), 0);
        Ok(())
    }

    /// A whole piece: only a good one counts.
    fn judge(&mut self, content: &Content, ticket: Ticket, piece: &mut Arriving) -> Result<(), Trouble> {
        let rest = &self.buffer[..piece.waiting];
        piece.hash.add(rest);
        let admitted = content.admit(ticket, piece.number, piece.hash.value(), rest);
        match admitted.map_err(|error| self.disk(error))? {
            Admission::Good => {
                self.succeeded(piece.len as u64);
                if content.missing() == 0 {
                    self.download.ring();
                }
            }
            Admission::Late => {}
            Admission::Wrong => {
                content.distrust(piece.number);
                return Err(if piece.from_disk {
                    Trouble::Stale
                } else {
                    Trouble::Lied("sent something else than was offered")
                });
            }
        }
        if self.peer.is_dropped() {
            return Err(Trouble::Beaten); // its other connection lied
        }
        Ok(())
    }

    fn disk(&self, error: std::io::Error) -> Trouble {
        let job = &self.download.job;
        Trouble::Local(FetchError::disk(error, &job.to.folder, job.size))
    }
}

/// A run up to the next piece of which an interrupted attempt left something: only what begins a
/// request can be gone on from, so that piece begins the next.
fn until_half_piece(content: &Content, run: Run) -> Run {
    let layout = content.layout();
    let is_half = |piece: &usize| layout.len_of(*piece) > BLOCK && content.prefix(*piece) > 0;
    let end = run.range().skip(1).find(is_half).unwrap_or(run.range().end);
    Run { first: run.first, count: end - run.first }
}
