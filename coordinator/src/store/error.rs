//! What can go wrong with the database, sorted by what it means for whoever asked.

use landline_protocol::{ErrorCode, WireError};
use rusqlite::ffi;

/// Why something was not stored or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk is full. Nothing of the request was kept; it works again once there is room.
    #[error("the coordinator's disk is full: free some space there and try again")]
    Full,
    /// The disk did not confirm a write. What it holds is uncertain, so the process must end.
    #[error("the disk failed to confirm a write: {0}")]
    Fsync(String),
    /// The coordinator is going down.
    #[error("the coordinator is shutting down")]
    Closed,
    /// Made by a later release.
    #[error("the database has version {found}, this release knows up to {known}: use the newer release")]
    TooNew {
        /// The version found.
        found: usize,
        /// The newest version that this release knows.
        known: usize,
    },
    /// Anything else.
    #[error("the database failed: {0}")]
    Other(String),
}

impl StoreError {
    /// What a client is told; particulars stay in the log.
    pub fn to_wire(&self) -> WireError {
        match self {
            Self::Full => WireError::new(ErrorCode::StorageFull, self.to_string()).retry_after_ms(5_000),
            Self::Closed => WireError::new(ErrorCode::ShuttingDown, self.to_string()).retry_after_ms(1_000),
            Self::Fsync(_) | Self::TooNew { .. } | Self::Other(_) => WireError::new(
                ErrorCode::Internal,
                "the coordinator could not do that: its log says why. Try again later",
            ),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(cause, _) = &error else {
            return Self::Other(error.to_string());
        };
        match cause.extended_code {
            // SQLite reports ENOSPC from a write as FULL, and from growing the WAL's index as SHMSIZE.
            ffi::SQLITE_FULL | ffi::SQLITE_IOERR_SHMSIZE => Self::Full,
            ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC => Self::Fsync(error.to_string()),
            _ => Self::Other(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_s_faults_are_told_apart() {
        let of = |code: i32| StoreError::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        assert_eq!(of(ffi::SQLITE_FULL), StoreError::Full);
        assert_eq!(of(ffi::SQLITE_IOERR_SHMSIZE), StoreError::Full);
        assert!(matches!(of(ffi::SQLITE_IOERR_FSYNC), StoreError::Fsync(_)));
        assert!(matches!(of(ffi::SQLITE_IOERR_DIR_FSYNC), StoreError::Fsync(_)));
        assert!(matches!(of(ffi::SQLITE_IOERR_WRITE), StoreError::Other(_)));
        assert_eq!(StoreError::Full.to_wire().code, ErrorCode::StorageFull);
        let told = of(ffi::SQLITE_CORRUPT).to_wire();
        assert!(told.code == ErrorCode::Internal && !told.message.contains("malformed"), "{told}");
    }
}
