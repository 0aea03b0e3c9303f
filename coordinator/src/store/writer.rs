//! The one thread that writes: takes whatever has queued up, commits it in one transaction, then
//! tells everybody at once. Under load groups grow by themselves; nobody waits for a timer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use tokio::sync::mpsc;

use super::messages::{self, Known};
use super::{Append, Committed, DISK_FAULT, Fatal, StoreError, Unplaced};
use landline_net::Clock;

/// The most jobs in one transaction.
const GROUP: usize = 4_096;

/// What the writer is asked for.
#[expect(clippy::large_enum_variant, reason = "nearly all jobs are the large variant")]
pub(super) enum Job {
    /// A message; answered through the channel of committed groups.
    Append(Append),
    /// Anything else; answered through its own [`Reply`].
    Write(Work),
    /// The end: what came before is committed, what comes later is not.
    Stop,
}

/// Runs within the transaction, or without one when that has failed already; returns how to
/// answer, and whether its own part must be undone.
type Work = Box<dyn FnOnce(Option<&Connection>) -> (Reply, bool) + Send>;

/// Called once, after the commit or its failure.
pub(super) type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

impl Job {
    pub(super) fn write(work: impl FnOnce(Option<&Connection>) -> (Reply, bool) + Send + 'static) -> Self {
        Self::Write(Box::new(work))
    }
}

/// The writer's state: the connection, and what it need not look up again.
pub(super) struct Writer {
    db: Connection,
    clock: Clock,
    events: mpsc::Sender<Vec<Committed>>,
    full: Arc<AtomicBool>,
    fatal: Fatal,
    known: Known,
}

/// A group on its way through one transaction.
#[derive(Default)]
struct Group {
    appends: Vec<Committed>,
    replies: Vec<Reply>,
}

impl Writer {
    pub(super) fn new(
        db: Connection,
        clock: Clock,
        events: mpsc::Sender<Vec<Committed>>,
        full: Arc<AtomicBool>,
        fatal: Fatal,
    ) -> Self {
        Self { db, clock, events, full, fatal, known: Known::default() }
    }

    /// Works until it is told to stop, or every [`super::Store`] is gone and the queue is empty.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut jobs = Vec::new();
        let mut stopping = false;
        while !stopping && queue.blocking_recv_many(&mut jobs, GROUP) > 0 {
            if let Some(end) = jobs.iter().position(|job| matches!(job, Job::Stop)) {
                jobs.truncate(end);
                stopping = true;
            }
            let mut group = Group::default();
            let committed = self.commit(&mut jobs, &mut group);
            self.note_failure(&committed, !group.appends.is_empty());
            self.publish(group, &committed);
        }
    }

    /// One transaction over all `jobs`. Even when it fails, every job is in `group`, to be
    /// answered.
    fn commit(&mut self, jobs: &mut Vec<Job>, group: &mut Group) -> Result<(), StoreError> {
        let begun = self.db.execute_batch("BEGIN IMMEDIATE").map_err(StoreError::from);
        let at = self.clock.now();
        let mut state = begun;
        for job in jobs.drain(..) {
            let alive = state.is_ok();
            match job {
                Job::Append(append) if alive => {
                    let outcome = messages::append(&self.db, &mut self.known, &append, at);
                    state = whole_or_part(&self.db, outcome.as_ref().err());
                    group.appends.push(Committed { append, outcome });
                }
                Job::Append(append) => group.appends.push(unplaced(append)),
                Job::Write(work) if alive => {
                    let (reply, result) = in_savepoint(&self.db, work);
                    state = result;
                    group.replies.push(reply);
                }
                Job::Write(work) => group.replies.push(work(None).0),
                Job::Stop => {}
            }
        }
        let done = state.and_then(|()| Ok(self.db.execute_batch("COMMIT")?));
        if done.is_err() {
            self.undo();
        }
        done
    }

    fn undo(&mut self) {
        self.known = Known::default();
        if !self.db.is_autocommit()
            && let Err(error) = self.db.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "the transaction could not be undone");
        }
    }

    /// Remembers a full disk for the health route, and ends the process when the disk no longer
    /// says what it holds: going on could acknowledge what is not there.
    fn note_failure(&self, committed: &Result<(), StoreError>, messages: bool) {
        match committed {
            // Something small may find room where a message did not.
            Ok(()) => {
                if messages && self.full.swap(false, Ordering::Relaxed) {
                    tracing::info!("the disk has room again");
                }
            }
            Err(StoreError::Full) => {
                if !self.full.swap(true, Ordering::Relaxed) {
                    tracing::error!("the disk is full: messages are refused until there is room");
                }
            }
            Err(StoreError::Fsync(error)) => {
                tracing::error!(%error, "the disk did not confirm a write: ending");
                (self.fatal)(DISK_FAULT);
            }
            Err(error) => tracing::error!(%error, "a group of writes failed"),
        }
    }

    fn publish(&self, mut group: Group, committed: &Result<(), StoreError>) {
        if let Err(error) = committed {
            for one in &mut group.appends {
                one.outcome = Err(Unplaced::Storage(error.clone()));
            }
        }
        if !group.appends.is_empty() && self.events.blocking_send(group.appends).is_err() {
            tracing::debug!("nobody is left to hear of a commit");
        }
        for reply in group.replies {
            reply(committed.clone());
        }
    }
}

/// Runs work so that its failure undoes it alone.
fn in_savepoint(db: &Connection, work: Work) -> (Reply, Result<(), StoreError>) {
    if let Err(error) = db.execute_batch("SAVEPOINT job") {
        return (work(None).0, Err(error.into()));
    }
    let (reply, failed) = work(Some(db));
    if db.is_autocommit() {
        return (reply, Err(StoreError::Full));
    }
    let close = if failed { "ROLLBACK TO job; RELEASE job" } else { "RELEASE job" };
    (reply, db.execute_batch(close).map_err(StoreError::from))
}

/// Whether a failed append leaves the rest of its transaction intact.
fn whole_or_part(db: &Connection, failure: Option<&Unplaced>) -> Result<(), StoreError> {
    match failure {
        // SQLite may or may not have undone the transaction by now: undo it in either case.
        Some(Unplaced::Storage(fatal @ (StoreError::Full | StoreError::Fsync(_)))) => Err(fatal.clone()),
        _ if db.is_autocommit() => Err(StoreError::Other("the transaction was undone".into())),
        _ => Ok(()),
    }
}

/// A job that comes after its transaction has failed; publishing says how.
fn unplaced(append: Append) -> Committed {
    Committed { append, outcome: Err(Unplaced::Storage(StoreError::Closed)) }
}
