//! The participant's own memory: conversations, outbox, offers, downloads and known keys, in a
//! SQLite database of the profile.
//!
//! One thread owns the connection; the engine sends it closures and awaits their results, so
//! everything happens in the order in which the engine decided it, and nothing is half done.

mod accounts;
mod columns;
mod downloads;
mod messages;
mod offers;
mod schema;
mod shares;
#[cfg(test)]
mod tests;
mod uploads;

use std::path::Path;

use landline_trust::private_file::{PrivateFileError, create_private};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

pub(crate) use accounts::{Account, KnownDevice, Pin};
pub(crate) use downloads::{Download, DownloadStatus, HeldRow};
pub(crate) use messages::{Arrived, ConversationRow, Draft, Ingested, MessageRow, MessageStatus};
pub(crate) use offers::OfferRow;
pub(crate) use shares::ShareRow;

use crate::api::{Failure, FailureKind};

/// A failure of the local database.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The disk is full.
    #[error("the disk that holds the profile is full: free some space, nothing was lost")]
    Full,
    /// Written by a later release.
    #[error("this profile was written by a newer version of Landline (schema {0}): update this one")]
    Newer(i64),
    /// Anything else SQLite said.
    #[error("the history database failed: {0}")]
    Sqlite(rusqlite::Error),
    /// The file cannot be made.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// The thread that owns the database has ended.
    #[error("the history database is closed")]
    Closed,
}

impl From<rusqlite::Error> for HistoryError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full,
            _ => Self::Sqlite(error),
        }
    }
}

impl From<HistoryError> for Failure {
    fn from(error: HistoryError) -> Self {
        let kind = if matches!(error, HistoryError::Full) { FailureKind::DiskFull } else { FailureKind::Io };
        Self::new(kind, error.to_string())
    }
}

/// The database, as closures see it.
pub(crate) struct Database(Connection);

type Job = Box<dyn FnOnce(&mut Database) + Send>;

/// The way to the thread that owns the database.
#[derive(Clone)]
pub(crate) struct History {
    jobs: mpsc::Sender<Job>,
}

impl History {
    /// Opens or makes `history.db` in a profile, bringing an older one up to date.
    pub(crate) fn open(profile: &Path) -> Result<Self, HistoryError> {
        let file = profile.join("history.db");
        // SQLite takes an empty file for a new database, and gives its journals the same mode.
        create_private(&file, b"")?;
        let mut connection = Connection::open(&file)?;
        schema::prepare(&mut connection)?;
        let (jobs, mut inbox) = mpsc::channel::<Job>(64);
        let mut database = Database(connection);
        std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || {
                while let Some(job) = inbox.blocking_recv() {
                    job(&mut database);
                }
            })
            .map_err(|_| HistoryError::Closed)?;
        Ok(Self { jobs })
    }

    /// Runs `work` on the database and returns what it returned, on disk if it wrote.
    pub(crate) async fn call<T, F>(&self, work: F) -> Result<T, HistoryError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Database) -> rusqlite::Result<T> + Send + 'static,
    {
        let (reply, result) = oneshot::channel();
        let job: Job = Box::new(move |database| {
            // Nobody waiting means that the engine is ending; the work is done all the same.
            let _ = reply.send(work(database));
        });
        self.jobs.send(job).await.map_err(|_| HistoryError::Closed)?;
        Ok(result.await.map_err(|_| HistoryError::Closed)??)
    }
}
