//! Who took what from this machine, when and how much: the newest [`KEPT`] of them.

use landline_protocol::{DeviceId, MessageId, OfferedName, Timestamp};
use rusqlite::{Result, params};

use super::Database;
use super::columns::{count, id, stored, text};
use crate::api::UploadEntry;

/// How many are kept over all accounts.
const KEPT: i64 = 10_000;

impl Database {
    /// The newest of an account, newest first.
    pub(crate) fn uploads(&mut self, account: i64, limit: u32) -> Result<Vec<UploadEntry>> {
        let mut statement =
            self.0.prepare_cached("SELECT * FROM uploads WHERE account = ?1 ORDER BY id DESC LIMIT ?2")?;
        let rows = statement.query_map(params![account, limit], |row| {
            Ok(UploadEntry {
                user: text(row, "user")?,
                device: id(row, "device", DeviceId::from_slice)?,
                offer: id(row, "offer", MessageId::from_slice)?,
                name: OfferedName::new(row.get::<_, String>("name")?),
                from: Timestamp::from_millis(count(row, "began")?),
                until: Timestamp::from_millis(count(row, "ended")?),
                bytes: count(row, "bytes")?,
            })
        })?;
        rows.collect()
    }

    /// Writes down what was taken.
    pub(crate) fn log_uploads(&mut self, account: i64, entries: &[UploadEntry]) -> Result<()> {
        let transaction = self.0.transaction()?;
        for entry in entries {
            transaction
                .prepare_cached(
                    "INSERT INTO uploads (account, offer, user, device, name, began, ended, bytes)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                )?
                .execute(params![
                    account,
                    entry.offer.as_bytes(),
                    entry.user.as_str(),
                    entry.device.as_bytes(),
                    entry.name.as_raw(),
                    stored(entry.from.as_millis()),
                    stored(entry.until.as_millis()),
                    stored(entry.bytes)
                ])?;
        }
        transaction.execute("DELETE FROM uploads WHERE id <= (SELECT max(id) FROM uploads) - ?1", [KEPT])?;
        transaction.commit()
    }
}
