//! What this machine does about others' offers: how each is fetched, how far it has come, and what of
//! it is passed on.

use std::path::PathBuf;
use std::sync::Arc;

use landline_protocol::{FileName, MessageId};
use landline_transfer::Conflict;
use rusqlite::{Result, Row, named_params, params};

use super::Database;
use super::columns::{count, id, json, path, path_bytes, stored};
use crate::api::{Failure, Priority};

/// What this machine does about somebody's offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Download {
    pub(crate) folder: PathBuf,
    pub(crate) name: FileName,
    pub(crate) conflict: Conflict,
    /// Of a folder: only these files.
    pub(crate) picks: Option<Arc<[u32]>>,
    pub(crate) priority: Priority,
    pub(crate) paused: bool,
    /// Bytes of the picked files, once known.
    pub(crate) wanted: Option<u64>,
    /// Bytes that were here when it last stopped: shown until that is looked at again.
    pub(crate) here: u64,
    pub(crate) status: DownloadStatus,
}

/// How far a download has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DownloadStatus {
    /// Accepted; goes on at every start until it ends.
    Active,
    /// In place.
    Done(PathBuf),
    /// Given up, and what was brought of it is still being removed: by the next start, if not in this run.
    Clearing,
    /// Given up, with nothing left of it.
    Cancelled,
    /// The name is taken there; a person must say what to do.
    Conflict(PathBuf),
    /// Ended for a reason that trying again would not change.
    Failed(Failure),
}

/// A complete download that others may fetch from here.
#[derive(Clone, Debug)]
pub(crate) struct HeldRow {
    pub(crate) offer: MessageId,
    pub(crate) path: PathBuf,
    /// What it was when it was complete, as JSON; absent when the program ended before that was known.
    pub(crate) version: Option<String>,
}

/// In place of a version that is not known yet.
const NOT_LOOKED_AT: &str = "";

impl Database {
    /// Every download of an account.
    pub(crate) fn downloads(&mut self, account: i64) -> Result<Vec<(MessageId, Download)>> {
        let mut statement = self.0.prepare_cached("SELECT * FROM downloads WHERE account = ?1")?;
        let rows = statement
            .query_map([account], |row| Ok((id(row, "offer", MessageId::from_slice)?, download(row)?)))?;
        rows.collect()
    }

    /// Records how far a download has come. What was held of it before is not any more; what is complete
    /// may be, once it was looked at.
    pub(crate) fn set_download(
        &mut self,
        account: i64,
        offer: &MessageId,
        download: &Download,
    ) -> Result<()> {
        let whole = matches!(download.status, DownloadStatus::Done(_)) && download.picks.is_none();
        let (status, place, failure) = match &download.status {
            DownloadStatus::Active => ("active", None, None),
            DownloadStatus::Done(path) => ("done", Some(path_bytes(path)), None),
            DownloadStatus::Clearing => ("clearing", None, None),
            DownloadStatus::Cancelled => ("cancelled", None, None),
            DownloadStatus::Conflict(path) => ("conflict", Some(path_bytes(path)), None),
            DownloadStatus::Failed(failure) => ("failed", None, serde_json::to_string(failure).ok()),
        };
        self.0
            .prepare_cached(
                "INSERT OR REPLACE INTO downloads
                     (account, offer, folder, name, conflict, priority, paused, picks, wanted, here, status, path,
                      failure, held)
                 VALUES (:account, :offer, :folder, :name, :conflict, :priority, :paused, :picks, :wanted, :here,
                     :status, :path, :failure, :held)",
            )?
            .execute(named_params! {
                ":account": account,
                ":offer": offer.as_bytes(),
                ":folder": path_bytes(&download.folder),
                ":name": download.name.as_str(),
                ":conflict": serde_json::to_string(&download.conflict).unwrap_or_default(),
                ":priority": serde_json::to_string(&download.priority).unwrap_or_default(),
                ":paused": download.paused,
                ":picks": download.picks.as_deref().map(picks_to_bytes),
                ":wanted": download.wanted.map(stored),
                ":here": stored(download.here),
                ":status": status,
                ":path": place,
                ":failure": failure,
                ":held": whole.then_some(NOT_LOOKED_AT),
            })
            .map(drop)
    }

    /// Forgets a download that came to nothing.
    pub(crate) fn remove_download(&mut self, account: i64, offer: &MessageId) -> Result<()> {
        let delete = "DELETE FROM downloads WHERE account = ?1 AND offer = ?2";
        self.0.execute(delete, params![account, offer.as_bytes()]).map(drop)
    }

    /// Records how much was here of downloads when they stopped for now.
    pub(crate) fn set_here(&mut self, account: i64, here: &[(MessageId, u64)]) -> Result<()> {
        let transaction = self.0.transaction()?;
        for (offer, bytes) in here {
            let update = "UPDATE downloads SET here = ?3 WHERE account = ?1 AND offer = ?2";
            transaction.execute(update, params![account, offer.as_bytes(), stored(*bytes)])?;
        }
        transaction.commit()
    }

    /// Records what a complete download was when it was complete; `None`: it is not that any more.
    pub(crate) fn set_held(&mut self, account: i64, offer: &MessageId, version: Option<&str>) -> Result<()> {
        let update = "UPDATE downloads SET held = ?3 WHERE account = ?1 AND offer = ?2";
        self.0.execute(update, params![account, offer.as_bytes(), version]).map(drop)
    }

    /// The complete downloads that others may fetch from here, the newest offers first.
    pub(crate) fn held(&mut self, account: i64, limit: u32) -> Result<Vec<HeldRow>> {
        let mut statement = self.0.prepare_cached(
            "SELECT offer, path, held FROM downloads WHERE account = ?1 AND status = 'done' AND held IS NOT NULL
             ORDER BY offer DESC LIMIT ?2",
        )?;
        let rows = statement.query_map(params![account, limit], |row| {
            let offer = id(row, "offer", MessageId::from_slice)?;
            let version = Some(row.get::<_, String>("held")?).filter(|version| version != NOT_LOOKED_AT);
            Ok(HeldRow { offer, path: path(row, "path")?, version })
        })?;
        rows.collect()
    }
}

fn download(row: &Row<'_>) -> Result<Download> {
    let status = match row.get_ref("status")?.as_str()? {
        "active" => DownloadStatus::Active,
        "done" => DownloadStatus::Done(path(row, "path")?),
        "clearing" => DownloadStatus::Clearing,
        "cancelled" => DownloadStatus::Cancelled,
        "conflict" => DownloadStatus::Conflict(path(row, "path")?),
        _ => DownloadStatus::Failed(json(row, "failure")?),
    };
    let picks = row.get_ref("picks")?.as_blob_or_null()?.map(picks_from_bytes);
    let wanted: Option<i64> = row.get("wanted")?;
    Ok(Download {
        folder: path(row, "folder")?,
        name: FileName::sanitized(row.get_ref("name")?.as_str()?),
        conflict: json(row, "conflict")?,
        picks,
        priority: json(row, "priority")?,
        paused: row.get("paused")?,
        wanted: wanted.map(|_| count(row, "wanted")).transpose()?,
        here: count(row, "here")?,
        status,
    })
}

fn picks_to_bytes(picks: &[u32]) -> Vec<u8> {
    picks.iter().flat_map(|pick| pick.to_le_bytes()).collect()
}

fn picks_from_bytes(bytes: &[u8]) -> Arc<[u32]> {
    bytes.as_chunks().0.iter().map(|chunk| u32::from_le_bytes(*chunk)).collect()
}
