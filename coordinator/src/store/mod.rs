//! What the coordinator remembers: one SQLite database, one writer that commits in groups,
//! readers apart.
//!
//! Whatever [`Store::write`] returns and whatever comes out of the [`Committed`] channel is on
//! disk (WAL, `synchronous=FULL`); nobody hears of anything before that.

pub(crate) mod accounts;
mod error;
pub(crate) mod invites;
pub(crate) mod messages;
mod migrations;
pub(crate) mod purge;
mod readers;
pub(crate) mod revocations;
pub(crate) mod sessions;
#[cfg(test)]
mod tests;
mod writer;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use landline_protocol::{
    ConversationId, ConversationKind, DeviceId, MessageId, Seq, Signed, Timestamp, limits,
};
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

pub use error::StoreError;

use landline_net::Clock;
use readers::Readers;
use writer::{Job, Reply, Writer};

/// The database's file in the data directory.
pub(crate) const FILE: &str = "coordinator.db";
/// Jobs waiting for the writer before those who bring more have to wait.
const QUEUE: usize = 8_192;
/// Bytes of messages between socket and fan-out, of all connections together.
const ROOM: usize = 64 * 1024 * 1024;
/// Groups that are committed and not yet handed out.
const COMMITTED_QUEUE: usize = 4;

/// Names whoever waits for the outcome of an [`Append`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// A verified message on its way into a conversation.
#[derive(Debug)]
pub(crate) struct Append {
    /// Who is to hear what became of it.
    pub(crate) origin: ConnectionId,
    /// Who is in the conversation, in the accounts' own spelling.
    pub(crate) kind: ConversationKind,
    /// `kind.id()`.
    pub(crate) conversation: ConversationId,
    /// The envelope's id.
    pub(crate) id: MessageId,
    /// The author's device.
    pub(crate) device: DeviceId,
    /// The envelope as it came.
    pub(crate) message: Signed,
    /// Its share of [`ROOM`], until everybody was told of it.
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

/// Where a message lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Its place in the conversation.
    pub(crate) seq: Seq,
    /// When it was committed.
    pub(crate) at: Timestamp,
    /// Whether this append put it there; false for a repetition.
    pub(crate) fresh: bool,
}

/// Why a message was not appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unplaced {
    /// The device used this id for something else.
    Conflict,
    /// The database did not take it.
    Storage(StoreError),
}

/// An append and what became of it, after the commit (or its failure).
#[derive(Debug)]
pub(crate) struct Committed {
    /// What was asked for.
    pub(crate) append: Append,
    /// What became of it.
    pub(crate) outcome: Result<Placed, Unplaced>,
}

/// A handle on the database; cheap to clone. The writer ends when the last one is gone.
#[derive(Clone)]
pub(crate) struct Store {
    jobs: mpsc::Sender<Job>,
    readers: Arc<Readers>,
    full: Arc<AtomicBool>,
    /// The writer is gone by a fault.
    failed: Arc<AtomicBool>,
    room: Arc<Semaphore>,
}

/// Ends the process with an exit status; brought in from outside, so that tests live on.
pub(crate) type Fatal = Arc<dyn Fn(i32) + Send + Sync>;

/// The exit status after a disk that did not confirm a write (`EX_IOERR` of sysexits).
const DISK_FAULT: i32 = 74;
/// The exit status after a fault of the program's own (`EX_SOFTWARE`).
pub(crate) const FAULT: i32 = 70;

/// What [`Fatal`] is outside of tests.
pub(crate) fn end_process() -> Fatal {
    Arc::new(|status| std::process::exit(status))
}

/// The writer's thread, to be waited for after [`Store::stop`].
pub(crate) struct WriterThread(JoinHandle<()>);

impl Store {
    /// Opens or makes the database in `data_dir` and starts its writer.
    pub(crate) fn open(data_dir: &Path, clock: Clock, fatal: Fatal) -> Result<Opened, StoreError> {
        let path = data_dir.join(FILE);
        let db = open_writable(&path)?;
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (events, committed) = mpsc::channel(COMMITTED_QUEUE);
        let full = Arc::new(AtomicBool::new(false));
        let failed = Arc::new(AtomicBool::new(false));
        let writer = Writer::new(db, clock, events, full.clone(), fatal.clone());
        let fault = failed.clone();
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                // Without its writer a coordinator takes messages and never answers: better none.
                if catch_unwind(AssertUnwindSafe(|| writer.run(queue))).is_err() {
                    fault.store(true, Ordering::Relaxed);
                    tracing::error!("the database's writer failed: ending");
                    fatal(FAULT);
                }
            })
            .map_err(|e| StoreError::Other(e.to_string()))?;
        let store = Self {
            jobs,
            readers: Arc::new(Readers::new(path)),
            full,
            failed,
            room: Arc::new(Semaphore::new(ROOM)),
        };
        Ok(Opened { store, committed, writer: WriterThread(thread) })
    }

    /// Hands a message to the writer; what becomes of it comes out of the [`Committed`] channel,
    /// in the order of the conversations. Waits while too much is under way.
    pub(crate) async fn append(&self, mut append: Append) -> Result<(), StoreError> {
        let bytes = u32::try_from(append.message.envelope.len()).unwrap_or(u32::MAX);
        let room = self.room.clone().acquire_many_owned(bytes).await;
        append.room = Some(room.map_err(|_| StoreError::Closed)?);
        self.jobs.send(Job::Append(append)).await.map_err(|_| StoreError::Closed)
    }

    /// Runs `work` in the writer's next transaction, by itself undone if it fails, and returns
    /// once that is committed.
    pub(crate) async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        let job = Job::write(move |db| {
            let outcome = db.map(work);
            let failed = !matches!(outcome, Some(Ok(_)));
            let reply: Reply = Box::new(move |committed: Result<(), StoreError>| {
                let result = match committed {
                    Ok(()) => outcome.unwrap_or_else(|| Err(StoreError::Closed.into())),
                    Err(error) => Err(error.into()),
                };
                // The asker may have gone away; the commit stands all the same.
                let _ = answer.send(result);
            });
            (reply, failed)
        });
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        result.await.map_err(|_| StoreError::Closed)?
    }

    /// Runs `query` on a connection that only reads, off the async threads.
    pub(crate) async fn read<T, E, F>(&self, query: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.readers.run(query).await
    }

    /// Commits what was handed in before and ends the writer.
    pub(crate) async fn stop(&self) {
        // A writer that is gone has stopped.
        let _ = self.jobs.send(Job::Stop).await;
    }

    /// Whether the last attempt to commit found the disk full.
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Whether the writer is gone by a fault: nothing can be stored any more.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Tries to write as much as the largest message takes, after which
    /// [`is_full`](Self::is_full) is up to date.
    pub(crate) async fn probe(&self) {
        let tried = async {
            self.note("probe", &"-".repeat(limits::ENVELOPE_BYTES)).await?;
            self.note("probe", "").await
        };
        match tried.await {
            Ok(()) => self.full.store(false, Ordering::Relaxed),
            Err(error) => tracing::debug!(%error, "the probe was not written"),
        }
    }

    /// Leaves a fact for another process, in place of an earlier one of that name.
    pub(crate) async fn note(&self, name: &'static str, value: &str) -> Result<(), StoreError> {
        let value = value.to_owned();
        self.write(move |db| {
            db.prepare_cached("INSERT INTO notes VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2")?
                .execute((name, value))?;
            Ok(())
        })
        .await
    }
}

/// What [`Store::open`] gives.
pub(crate) struct Opened {
    /// The handle.
    pub(crate) store: Store,
    /// What became of every [`Append`], one group after the other.
    pub(crate) committed: mpsc::Receiver<Vec<Committed>>,
    /// To be waited for at the end.
    pub(crate) writer: WriterThread,
}

impl WriterThread {
    /// Waits until the writer has committed everything it was given and closed the database.
    pub(crate) async fn join(self) {
        let joined = tokio::task::spawn_blocking(move || self.0.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("the database's writer ended by a fault");
        }
    }
}

/// Reads a fact that a process of the coordinator left.
pub(crate) fn noted(db: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    use rusqlite::OptionalExtension;
    let mut query = db.prepare_cached("SELECT value FROM notes WHERE name = ?1")?;
    Ok(query.query_row([name], |row| row.get(0)).optional()?)
}

/// Opens the database for writing and brings it to the newest version.
pub(crate) fn open_writable(path: &PathBuf) -> Result<Connection, StoreError> {
    // Readable by its owner alone; SQLite gives the file's companions the same mode.
    crate::platform::open_private(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::StorageFull => StoreError::Full,
        _ => StoreError::Other(format!("{}: {e}", path.display())),
    })?;
    let mut db = Connection::open(path)?;
    db.busy_timeout(Duration::from_secs(10))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    // A checkpoint syncs twice: rarely, then, and over more pages (measured: a quarter faster).
    db.pragma_update(None, "wal_autocheckpoint", 10_000)?;
    db.set_prepared_statement_cache_capacity(64);
    migrations::migrate(&mut db)?;
    Ok(db)
}
