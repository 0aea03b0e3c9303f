//! Offers, what became of them, and what this machine does about them: downloads and shares.

use std::path::PathBuf;

use landline_protocol::{
    Body, DeviceId, Envelope, FileName, MessageId, OfferedName, Root, ShareId, UserName, Verdict,
};
use landline_transfer::FileVersion;
use rusqlite::{Connection, OptionalExtension, Result, Row, Transaction, named_params, params};

use super::Database;
use super::columns::{count, id, json, optional_id, path, path_bytes, stored, text};
use crate::api::Failure;

/// An offer with everything that was said about it.
#[derive(Clone, Debug)]
pub(crate) struct OfferRow {
    pub(crate) offer: MessageId,
    /// Row id of its conversation.
    pub(crate) conv: i64,
    pub(crate) author: UserName,
    pub(crate) device: DeviceId,
    pub(crate) share: ShareId,
    pub(crate) name: OfferedName,
    pub(crate) size: u64,
    /// Absent until sealed.
    pub(crate) root: Option<Root>,
    /// Made on this machine.
    pub(crate) mine: bool,
    /// The latest answer of each device.
    pub(crate) answers: Vec<AnswerRow>,
}

/// What one device did with an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AnswerRow {
    pub(crate) user: UserName,
    pub(crate) device: DeviceId,
    pub(crate) verdict: Verdict,
}

impl OfferRow {
    /// Whether it was taken back. Only the device that made it can do that: another device of the
    /// same person is a receiver like any other.
    pub(crate) fn is_withdrawn(&self) -> bool {
        self.answer_of(&self.device) == Some(Verdict::Cancelled)
    }

    /// The latest answer of a device.
    pub(crate) fn answer_of(&self, device: &DeviceId) -> Option<Verdict> {
        self.answers.iter().find(|answer| answer.device == *device).map(|answer| answer.verdict)
    }
}

/// What this machine does about somebody's offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Download {
    pub(crate) folder: PathBuf,
    pub(crate) name: FileName,
    pub(crate) status: DownloadStatus,
}

/// How far a download has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DownloadStatus {
    /// Accepted; goes on at every start until it ends.
    Active,
    /// In place.
    Done(PathBuf),
    /// Given up.
    Cancelled,
    /// Ended for a reason that trying again would not change.
    Failed(Failure),
}

/// A file this machine serves under an offer.
#[derive(Clone, Debug)]
pub(crate) struct ShareRow {
    pub(crate) offer: MessageId,
    pub(crate) path: PathBuf,
    /// What the file was when it was shared.
    pub(crate) version: FileVersion,
    /// The piece tree's bytes, once hashed.
    pub(crate) tree: Option<Vec<u8>>,
}

impl Database {
    /// The newest `limit` offers of an account, and older ones with which something is going on.
    pub(crate) fn offers(&mut self, account: i64, limit: u32) -> Result<Vec<OfferRow>> {
        let ids: Vec<MessageId> = {
            let mut statement = self.0.prepare_cached(
                "SELECT offer FROM (SELECT offer FROM offers WHERE account = ?1 ORDER BY offer DESC LIMIT ?2)
             UNION SELECT offer FROM downloads WHERE account = ?1 AND status = 'active'
             UNION SELECT offer FROM shares WHERE account = ?1",
            )?;
            let rows = statement
                .query_map(params![account, limit], |row| id(row, "offer", MessageId::from_slice))?;
            rows.collect::<Result<_>>()?
        };
        ids.iter().filter_map(|offer| load(&self.0, account, offer).transpose()).collect()
    }

    /// Every download of an account.
    pub(crate) fn downloads(&mut self, account: i64) -> Result<Vec<(MessageId, Download)>> {
        let mut statement = self.0.prepare_cached("SELECT * FROM downloads WHERE account = ?1")?;
        let rows = statement
            .query_map([account], |row| Ok((id(row, "offer", MessageId::from_slice)?, download(row)?)))?;
        rows.collect()
    }

    /// Records how far a download has come.
    pub(crate) fn set_download(
        &mut self,
        account: i64,
        offer: &MessageId,
        download: &Download,
    ) -> Result<()> {
        let (status, done, failure) = match &download.status {
            DownloadStatus::Active => ("active", None, None),
            DownloadStatus::Done(path) => ("done", Some(path_bytes(path)), None),
            DownloadStatus::Cancelled => ("cancelled", None, None),
            DownloadStatus::Failed(failure) => ("failed", None, serde_json::to_string(failure).ok()),
        };
        self.0
            .execute(
                "INSERT OR REPLACE INTO downloads (account, offer, folder, name, status, path, failure)
                 VALUES (:account, :offer, :folder, :name, :status, :path, :failure)",
                named_params! {
                    ":account": account,
                    ":offer": offer.as_bytes(),
                    ":folder": path_bytes(&download.folder),
                    ":name": download.name.as_str(),
                    ":status": status,
                    ":path": done,
                    ":failure": failure,
                },
            )
            .map(drop)
    }

    /// The files this machine serves.
    pub(crate) fn shares(&mut self, account: i64) -> Result<Vec<ShareRow>> {
        let mut statement = self.0.prepare_cached("SELECT * FROM shares WHERE account = ?1")?;
        let rows = statement.query_map([account], |row| {
            Ok(ShareRow {
                offer: id(row, "offer", MessageId::from_slice)?,
                path: path(row, "path")?,
                version: json(row, "version")?,
                tree: row.get("tree")?,
            })
        })?;
        rows.collect()
    }

    /// Records that a file is served under an offer.
    pub(crate) fn add_share(&mut self, account: i64, share: &ShareRow) -> Result<()> {
        self.0
            .execute(
                "INSERT OR REPLACE INTO shares (account, offer, path, version, tree) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    account,
                    share.offer.as_bytes(),
                    path_bytes(&share.path),
                    serde_json::to_string(&share.version).unwrap_or_default(),
                    share.tree
                ],
            )
            .map(drop)
    }

    /// Keeps the tree of a file that has been hashed.
    pub(crate) fn set_share_tree(&mut self, account: i64, offer: &MessageId, tree: &[u8]) -> Result<()> {
        self.0
            .execute(
                "UPDATE shares SET tree = ?3 WHERE account = ?1 AND offer = ?2",
                params![account, offer.as_bytes(), tree],
            )
            .map(drop)
    }

    /// Stops serving the file of an offer from the next start on.
    pub(crate) fn remove_share(&mut self, account: i64, offer: &MessageId) -> Result<()> {
        self.0
            .execute(
                "DELETE FROM shares WHERE account = ?1 AND offer = ?2",
                params![account, offer.as_bytes()],
            )
            .map(drop)
    }
}

/// Carries a body's meaning into the tables; returns the offers it touched, as they are now.
pub(super) fn apply_body(
    transaction: &Transaction<'_>,
    account: i64,
    conv: i64,
    envelope: &Envelope,
    mine: bool,
) -> Result<Vec<OfferRow>> {
    let device = envelope.author.device;
    let touched = match &envelope.body {
        Body::Offer(offer) => {
            transaction.execute(
                "INSERT INTO offers (account, offer, conv, author, device, share, name, size, root, mine)
                 VALUES (:account, :offer, :conv, :author, :device, :share, :name, :size, :root, :mine)
                 ON CONFLICT (account, offer) DO NOTHING",
                named_params! {
                    ":account": account,
                    ":offer": envelope.id.as_bytes(),
                    ":conv": conv,
                    ":author": envelope.author.user.as_str(),
                    ":device": device.as_bytes(),
                    ":share": offer.share.as_bytes(),
                    ":name": offer.name.as_raw(),
                    ":size": stored(offer.size),
                    ":root": offer.root.as_ref().map(Root::as_bytes),
                    ":mine": mine,
                },
            )?;
            envelope.id
        }
        Body::Sealed(sealed) => {
            // Only the device that made the offer may seal it, once, and only in the same conversation.
            transaction.execute(
                "UPDATE offers SET root = ?5 WHERE account = ?1 AND offer = ?2 AND device = ?3 AND conv = ?4
                 AND size = ?6 AND root IS NULL",
                params![
                    account,
                    sealed.offer.as_bytes(),
                    device.as_bytes(),
                    conv,
                    sealed.root.as_bytes(),
                    stored(sealed.size)
                ],
            )?;
            sealed.offer
        }
        Body::Answer(answer) if answer.verdict != Verdict::Unknown => {
            record_answer(transaction, account, conv, envelope, answer)?;
            answer.offer
        }
        _ => return Ok(Vec::new()),
    };
    Ok(load(transaction, account, &touched)?.into_iter().collect())
}

fn record_answer(
    transaction: &Transaction<'_>,
    account: i64,
    conv: i64,
    envelope: &Envelope,
    answer: &landline_protocol::Answer,
) -> Result<()> {
    let verdict = serde_json::to_string(&answer.verdict).unwrap_or_default();
    transaction
        .execute(
            "INSERT INTO answers (account, offer, device, user, verdict)
             SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS
                 (SELECT 1 FROM offers WHERE account = ?1 AND offer = ?2 AND conv = ?6)
             ON CONFLICT (account, offer, device) DO UPDATE SET verdict = excluded.verdict",
            params![
                account,
                answer.offer.as_bytes(),
                envelope.author.device.as_bytes(),
                envelope.author.user.as_str(),
                verdict,
                conv
            ],
        )
        .map(drop)
}

fn load(connection: &Connection, account: i64, offer: &MessageId) -> Result<Option<OfferRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT user, device, verdict FROM answers WHERE account = ?1 AND offer = ?2 ORDER BY rowid",
    )?;
    let answers = statement
        .query_map(params![account, offer.as_bytes()], |row| {
            Ok(AnswerRow {
                user: text(row, "user")?,
                device: id(row, "device", DeviceId::from_slice)?,
                verdict: json(row, "verdict")?,
            })
        })?
        .collect::<Result<Vec<_>>>()?;
    connection
        .query_row(
            "SELECT * FROM offers WHERE account = ?1 AND offer = ?2",
            params![account, offer.as_bytes()],
            |row| {
                Ok(OfferRow {
                    offer: *offer,
                    conv: row.get("conv")?,
                    author: text(row, "author")?,
                    device: id(row, "device", DeviceId::from_slice)?,
                    share: id(row, "share", ShareId::from_slice)?,
                    name: OfferedName::new(row.get::<_, String>("name")?),
                    size: count(row, "size")?,
                    root: optional_id(row, "root", Root::from_slice)?,
                    mine: row.get("mine")?,
                    answers: answers.clone(),
                })
            },
        )
        .optional()
}

fn download(row: &Row<'_>) -> Result<Download> {
    let status = match row.get_ref("status")?.as_str()? {
        "active" => DownloadStatus::Active,
        "done" => DownloadStatus::Done(path(row, "path")?),
        "cancelled" => DownloadStatus::Cancelled,
        _ => DownloadStatus::Failed(json(row, "failure")?),
    };
    let name = FileName::sanitized(row.get_ref("name")?.as_str()?);
    Ok(Download { folder: path(row, "folder")?, name, status })
}
