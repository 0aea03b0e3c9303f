//! Receives a run of pieces: from the network into one buffer, from there to disk in steps, and each
//! piece judged by itself.

use std::sync::Arc;

use bytes::Bytes;
use landline_protocol::limits::PIECE_BYTES;
use tokio::time::Instant;

use super::FetchError;
use super::coding::Coding;
use super::content::{Admission, Content, Ticket};
use super::trouble::Trouble;
use super::worker::{Worker, changed};
use crate::plan::{Run, Task};
use crate::range::Slice;
use crate::store::BLOCK;

/// Where in a run the next byte goes.
struct Cursor {
    piece: usize,
    end: usize,
    /// Bytes of the piece.
    len: usize,
    /// Of these, how many are in the buffer.
    filled: usize,
    /// Of these, how many are on disk.
    written: usize,
    /// Some of these were there before, from whomever.
    from_disk: bool,
    /// What allows to write it.
    ticket: Ticket,
}

impl Worker {
    /// Brings the pieces of a task, or the first of them.
    pub(super) async fn bring(&mut self, content: &Content, task: Task) -> Result<(), Trouble> {
        let run = until_half_piece(content, task.run);
        let mut cursor = self.begin(content, run, Ticket { source: self.peer.id, task });
        let whole = content.layout().slice(run);
        let slice = Slice { start: whole.start + cursor.filled as u64, end: whole.end };
        let (began, size) = (Instant::now(), content.layout().size());
        let mut answer = self.wire()?.content(slice, size).await?;
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
                    if content.is_beaten(cursor.ticket, cursor.piece) {
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
            if content.is_beaten(cursor.ticket, cursor.piece) {
                return Err(Trouble::Beaten);
            }
            self.pour(content, &mut cursor, &mut coding, &mut data)?;
        }
        if cursor.piece < cursor.end {
            return Err(Trouble::broken("it stopped in the middle"));
        }
        self.pace.measured(slice.len(), began);
        self.wire()?.done();
        Ok(())
    }

    /// What an interrupted attempt left of the first piece need not come again.
    fn begin(&mut self, content: &Content, run: Run, ticket: Ticket) -> Cursor {
        let (first, len) = (run.first, content.layout().len_of(run.first));
        self.buffer.resize(usize::try_from(PIECE_BYTES).unwrap_or(usize::MAX), 0);
        let is_whole = ticket.task.duplicate || len <= BLOCK;
        let there = if is_whole { 0 } else { content.begun(first, &mut self.buffer) };
        Cursor {
            piece: first,
            end: run.range().end,
            len,
            filled: there,
            written: there,
            from_disk: there > 0,
            ticket,
        }
    }

    /// Puts what came where it belongs.
    fn pour(
        &mut self,
        content: &Content,
        cursor: &mut Cursor,
        coding: &mut Coding,
        data: &mut Bytes,
    ) -> Result<(), Trouble> {
        while cursor.piece < cursor.end {
            let got = coding.fill(data, &mut self.buffer[cursor.filled..cursor.len])?;
            content.received(got);
            cursor.filled += got;
            if cursor.filled == cursor.len {
                self.judge(content, cursor)?;
            } else if got == 0 && data.is_empty() {
                return self.step(content, cursor);
            }
        }
        coding.end(data)
    }

    /// Writes what has come of a piece so far, once it is worth it. Whole blocks only: whether one is
    /// all zeros cannot be seen from a part of it.
    fn step(&self, content: &Content, cursor: &mut Cursor) -> Result<(), Trouble> {
        let filled = cursor.filled / BLOCK * BLOCK;
        if cursor.ticket.task.duplicate || filled <= cursor.written {
            return Ok(());
        }
        let bytes = &self.buffer[cursor.written..filled];
        let written = content.write(cursor.ticket, cursor.piece, cursor.written, bytes);
        if !written.map_err(|error| self.disk(error))? {
            return Err(Trouble::Beaten);
        }
        cursor.written = filled;
        Ok(())
    }

    /// A whole piece: only a good one counts.
    fn judge(&mut self, content: &Content, cursor: &mut Cursor) -> Result<(), Trouble> {
        let piece = &self.buffer[..cursor.len];
        let admitted = content.admit(cursor.ticket, cursor.piece, piece, cursor.written);
        match admitted.map_err(|error| self.disk(error))? {
            Admission::Good => {
                self.succeeded(cursor.len as u64);
                if content.missing() == 0 {
                    self.download.ring();
                }
            }
            Admission::Late => {}
            Admission::Wrong => {
                content.distrust(cursor.piece);
                return Err(if cursor.from_disk {
                    Trouble::Stale
                } else {
                    Trouble::Lied("sent something else than was offered")
                });
            }
        }
        if self.peer.is_dropped() {
            return Err(Trouble::Beaten); // its other connection lied
        }
        cursor.piece += 1;
        (cursor.filled, cursor.written, cursor.from_disk) = (0, 0, false);
        cursor.len = content.layout().len_of(cursor.piece);
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
