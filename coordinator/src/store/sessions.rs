//! Refresh families: what one sign-in grew into, one token after the other.
//!
//! A family has unused tokens (normally one), the predecessor they came from, and spent ones.
//! Showing an unused token makes it the predecessor of a fresh one. Showing the predecessor again,
//! while no successor was used, means that the answer was lost: it gets another successor.
//! Whatever else comes twice, or from another device, is theft or a copy: the family ends.

use landline_protocol::{DeviceId, Timestamp, UserName};
use rusqlite::{Connection, params};

use super::StoreError;
use super::accounts::{AccountId, parse};
use super::messages::{signed, time};
use super::revocations;

const UNUSED: u8 = 0;
const PREDECESSOR: u8 = 1;
pub(super) const SPENT: u8 = 2;

/// Unused successors of one predecessor: more lost answers than this spend the eldest.
const SUCCESSORS: u32 = 4;
/// A family that nobody refreshes ends by itself.
pub(super) const IDLE_MILLIS: u64 = 90 * 24 * 60 * 60 * 1000;
/// How long a spent token is remembered, to notice that it comes again.
pub(super) const SPENT_MILLIS: u64 = 30 * 24 * 60 * 60 * 1000;

/// What became of a refresh token that was shown.
pub(crate) enum Refreshed {
    /// The successor given is good now.
    Renewed(SessionOf),
    /// The family is over, since before or as of now; its id, if the token was ever one of ours.
    Over(Option<String>),
}

/// Whose session it is.
pub(crate) struct SessionOf {
    /// The family.
    pub(crate) session: String,
    /// The account's name.
    pub(crate) user: UserName,
    /// Whether it may invite people.
    pub(crate) admin: bool,
}

/// Starts a family with its first token.
pub(crate) fn start(
    db: &Connection,
    session: &str,
    account: AccountId,
    device: i64,
    first: &[u8; 32],
    now: Timestamp,
) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO sessions (id, account, device, used_at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![session, account.0, device, signed(now.as_millis())])?;
    add_token(db, session, first, now)
}

/// Takes a token and, if all is well, makes `successor` the family's next.
pub(crate) fn refresh(
    db: &Connection,
    shown: &[u8; 32],
    by: &DeviceId,
    successor: &[u8; 32],
    now: Timestamp,
) -> Result<Refreshed, StoreError> {
    let Some(found) = lookup(db, shown)? else {
        return Ok(Refreshed::Over(None));
    };
    let session = found.of.session.clone();
    let idle = now.as_millis().saturating_sub(found.used_at.as_millis()) > IDLE_MILLIS;
    if found.revoked || idle || found.state == SPENT || found.device != *by {
        revoke(db, &session, now)?;
        return Ok(Refreshed::Over(Some(session)));
    }
    if found.state == UNUSED {
        advance(db, &session, shown)?;
    }
    add_token(db, &session, successor, now)?;
    tidy(db, &session, successor, now)?;
    Ok(Refreshed::Renewed(found.of))
}

/// Ends the family of a token shown by its device; gives the family's id.
pub(crate) fn sign_out(
    db: &Connection,
    shown: &[u8; 32],
    by: &DeviceId,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    match lookup(db, shown)? {
        Some(found) if found.device == *by => {
            revoke(db, &found.of.session, now)?;
            Ok(Some(found.of.session))
        }
        _ => Ok(None),
    }
}

/// The account of a live family; `None` when it is over.
pub(crate) fn alive(db: &Connection, session: &str) -> Result<Option<SessionOf>, StoreError> {
    let mut query = db.prepare_cached(
        "SELECT a.name, a.admin FROM sessions s JOIN accounts a ON a.id = s.account
         WHERE s.id = ?1 AND NOT s.revoked",
    )?;
    let mut rows = query.query([session])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let user = parse(&row.get::<_, String>(0)?)?;
    Ok(Some(SessionOf { session: session.to_owned(), user, admin: row.get(1)? }))
}

struct Found {
    of: SessionOf,
    device: DeviceId,
    state: u8,
    revoked: bool,
    used_at: Timestamp,
}

fn lookup(db: &Connection, shown: &[u8; 32]) -> Result<Option<Found>, StoreError> {
    let mut query = db.prepare_cached(
        "SELECT s.id, a.name, a.admin, d.hash, t.state, s.revoked, s.used_at
         FROM refresh_tokens t JOIN sessions s ON s.id = t.session
         JOIN accounts a ON a.id = s.account JOIN devices d ON d.id = s.device
         WHERE t.hash = ?1",
    )?;
    let mut rows = query.query([shown])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let user = parse(&row.get::<_, String>(1)?)?;
    Ok(Some(Found {
        of: SessionOf { session: row.get(0)?, user, admin: row.get(2)? },
        device: DeviceId::from_bytes(row.get(3)?),
        state: row.get(4)?,
        revoked: row.get(5)?,
        used_at: time(row, 6)?,
    }))
}

/// An unused token was shown: it is the predecessor from now on, all others are spent.
fn advance(db: &Connection, session: &str, shown: &[u8; 32]) -> Result<(), StoreError> {
    db.prepare_cached(
        "UPDATE refresh_tokens SET state = CASE WHEN hash = ?2 THEN ?3 ELSE ?4 END
         WHERE session = ?1 AND state <> ?4",
    )?
    .execute(params![session, shown, PREDECESSOR, SPENT])?;
    Ok(())
}

fn add_token(db: &Connection, session: &str, hash: &[u8; 32], now: Timestamp) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO refresh_tokens VALUES (?1, ?2, ?3, ?4)")?.execute(params![
        hash,
        session,
        UNUSED,
        signed(now.as_millis())
    ])?;
    Ok(())
}

/// Keeps a family from growing without end.
fn tidy(db: &Connection, session: &str, newest: &[u8; 32], now: Timestamp) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE sessions SET used_at = ?2 WHERE id = ?1")?
        .execute(params![session, signed(now.as_millis())])?;
    db.prepare_cached(
        "UPDATE refresh_tokens SET state = ?3 WHERE hash IN
         (SELECT hash FROM refresh_tokens WHERE session = ?1 AND state = ?2 AND hash <> ?5
          ORDER BY issued_at DESC LIMIT -1 OFFSET ?4)",
    )?
    .execute(params![session, UNUSED, SPENT, SUCCESSORS - 1, newest])?;
    let forget = now.as_millis().saturating_sub(SPENT_MILLIS);
    db.prepare_cached("DELETE FROM refresh_tokens WHERE session = ?1 AND state = ?2 AND issued_at < ?3")?
        .execute(params![session, SPENT, signed(forget)])?;
    Ok(())
}

/// Ends a family, and with it what its device was issued. Once: a dead token that comes again must
/// not void what the device got by signing in anew.
fn revoke(db: &Connection, session: &str, now: Timestamp) -> Result<(), StoreError> {
    let ended = db
        .prepare_cached("UPDATE sessions SET revoked = 1 WHERE id = ?1 AND NOT revoked")?
        .execute([session])?;
    if ended > 0 { revocations::revoke(db, session, now) } else { Ok(()) }
}
