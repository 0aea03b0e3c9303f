//! Invites: each lets one person in, and is known by the hash of its code.

use landline_protocol::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use super::accounts::AccountId;
use super::messages::signed;

/// Keeps a new invite. One for an admin takes the place of unused earlier ones.
pub(crate) fn add(
    db: &Connection,
    hash: &[u8; 32],
    admin: bool,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    db.prepare_cached("DELETE FROM invites WHERE used_by IS NULL AND (expires_at <= ?1 OR (admin AND ?2))")?
        .execute(params![signed(now.as_millis()), admin])?;
    db.prepare_cached("INSERT INTO invites VALUES (?1, ?2, ?3, NULL)")?.execute(params![
        hash,
        admin,
        signed(expires_at.as_millis())
    ])?;
    Ok(())
}

/// Whether an invite is still good; if so, whether it makes an admin.
pub(crate) fn check(db: &Connection, hash: &[u8; 32], now: Timestamp) -> Result<Option<bool>, StoreError> {
    let mut query = db.prepare_cached(
        "SELECT admin FROM invites WHERE hash = ?1 AND used_by IS NULL AND expires_at > ?2",
    )?;
    Ok(query.query_row(params![hash, signed(now.as_millis())], |row| row.get(0)).optional()?)
}

/// Uses an invite up. In the transaction that makes the account, after [`check`].
pub(crate) fn consume(db: &Connection, hash: &[u8; 32], by: AccountId) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE invites SET used_by = ?2 WHERE hash = ?1")?.execute(params![hash, by.0])?;
    Ok(())
}
