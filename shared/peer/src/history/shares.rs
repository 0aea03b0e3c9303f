//! What this machine serves under offers of its own.

use std::path::PathBuf;

use landline_protocol::MessageId;
use rusqlite::{Result, params};

use super::Database;
use super::columns::{id, path, path_bytes};

/// A file or folder this machine serves under an offer.
#[derive(Clone, Debug)]
pub(crate) struct ShareRow {
    pub(crate) offer: MessageId,
    pub(crate) path: PathBuf,
    /// What it was when it was shared, as JSON.
    pub(crate) version: String,
    /// The piece tree of a file, once hashed. The manifest of a folder is a file of the profile.
    pub(crate) tree: Option<Vec<u8>>,
    /// Whether the person was told that it is not what it was.
    pub(crate) told: bool,
}

impl Database {
    /// What this machine serves.
    pub(crate) fn shares(&mut self, account: i64) -> Result<Vec<ShareRow>> {
        let mut statement = self.0.prepare_cached("SELECT * FROM shares WHERE account = ?1")?;
        let rows = statement.query_map([account], |row| {
            Ok(ShareRow {
                offer: id(row, "offer", MessageId::from_slice)?,
                path: path(row, "path")?,
                version: row.get("version")?,
                tree: row.get("tree")?,
                told: row.get("told")?,
            })
        })?;
        rows.collect()
    }

    /// Records that something is served under an offer.
    pub(crate) fn add_share(&mut self, account: i64, share: &ShareRow) -> Result<()> {
        let insert =
            "INSERT OR REPLACE INTO shares (account, offer, path, version, tree) VALUES (?1, ?2, ?3, ?4, ?5)";
        let (offer, path) = (share.offer.as_bytes(), path_bytes(&share.path));
        self.0.execute(insert, params![account, offer, path, share.version, share.tree]).map(drop)
    }

    /// Keeps the tree of a file that has been hashed.
    pub(crate) fn set_share_tree(&mut self, account: i64, offer: &MessageId, tree: &[u8]) -> Result<()> {
        let update = "UPDATE shares SET tree = ?3 WHERE account = ?1 AND offer = ?2";
        self.0.execute(update, params![account, offer.as_bytes(), tree]).map(drop)
    }

    /// Keeps whether the person was told that what is shared is not what it was.
    pub(crate) fn set_share_told(&mut self, account: i64, offer: &MessageId, told: bool) -> Result<()> {
        let update = "UPDATE shares SET told = ?3 WHERE account = ?1 AND offer = ?2";
        self.0.execute(update, params![account, offer.as_bytes(), told]).map(drop)
    }

    /// Stops serving under an offer from the next start on.
    pub(crate) fn remove_share(&mut self, account: i64, offer: &MessageId) -> Result<()> {
        let delete = "DELETE FROM shares WHERE account = ?1 AND offer = ?2";
        self.0.execute(delete, params![account, offer.as_bytes()]).map(drop)
    }
}
