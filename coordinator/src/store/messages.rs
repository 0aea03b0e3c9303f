//! Conversations and what is said in them.

use std::collections::HashMap;

use landline_protocol::frame::Range;
use landline_protocol::{
    ConversationId, ConversationKind, DeviceId, OfferRef, PublicKey, Seq, Sequenced, Signature, Signed,
    Timestamp,
};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};

use super::{Append, Placed, StoreError, Unplaced};

/// Places of one conversation; `place / PLACES` is the conversation's row.
const PLACES: i64 = 1 << 32;

/// What the writer remembers of a conversation.
#[derive(Clone, Copy)]
pub(super) struct ConversationRow {
    id: i64,
    head: Seq,
}

/// Rows seen before. Emptied whenever a transaction is undone.
#[derive(Default)]
pub(super) struct Known {
    pub(super) conversations: HashMap<ConversationId, ConversationRow>,
    pub(super) devices: HashMap<DeviceId, i64>,
}

/// A conversation as the hub wants it at the start.
pub(crate) struct StoredConversation {
    /// Its id on the wire.
    pub(crate) id: ConversationId,
    /// The names of its two members, absent for the lobby.
    pub(crate) users: Option<[String; 2]>,
    /// The place of its newest message.
    pub(crate) head: Seq,
}

/// Puts a message at the end of its conversation, once. Within the writer's transaction.
pub(super) fn append(
    db: &Connection,
    known: &mut Known,
    append: &Append,
    at: Timestamp,
) -> Result<Placed, Unplaced> {
    let device = device_row(db, known, append)?;
    let conversation = match conversation_row(db, known, &append.conversation)? {
        Some(row) => row,
        // What was said elsewhere under this id begins no conversation here.
        None => match earlier(db, device, append)? {
            Some(placed) => return Ok(placed),
            None => create(db, known, append)?,
        },
    };
    let seq = conversation.head.next();
    let place = place(conversation.id, seq)?;
    let inserted =
        db.prepare_cached("INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(params![
            place,
            device,
            append.id.as_bytes(),
            signed(at.as_millis()),
            append.message.envelope,
            append.message.signature.as_bytes(),
        ]);
    match inserted {
        Ok(_) => {
            known.conversations.insert(append.conversation, ConversationRow { head: seq, ..conversation });
            Ok(Placed { seq, at, fresh: true })
        }
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            let refused = || Unplaced::Storage(StoreError::Other("the database refuses this row".into()));
            earlier(db, device, append)?.ok_or_else(refused)
        }
        Err(error) => Err(error.into()),
    }
}

/// The first arrival of a message that comes again.
fn earlier(db: &Connection, device: i64, append: &Append) -> Result<Option<Placed>, Unplaced> {
    let found = db
        .prepare_cached("SELECT place, at, envelope FROM messages WHERE device = ?1 AND id = ?2")?
        .query_row(params![device, append.id.as_bytes()], |row| {
            Ok((row.get::<_, i64>(0)?, time(row, 1)?, row.get::<_, String>(2)?))
        })
        .optional()?;
    match found {
        Some((place, at, envelope)) if envelope == append.message.envelope => {
            Ok(Some(Placed { seq: seq_of(place), at, fresh: false }))
        }
        Some(_) => Err(Unplaced::Conflict),
        None => Ok(None),
    }
}

/// The row of a device, made if need be, which knows its public key from now on.
fn device_row(db: &Connection, known: &mut Known, append: &Append) -> Result<i64, Unplaced> {
    if let Some(id) = known.devices.get(&append.device) {
        return Ok(*id);
    }
    let id = db
        .prepare_cached(
            "INSERT INTO devices (hash, public_key) VALUES (?1, ?2)
             ON CONFLICT (hash) DO UPDATE SET public_key = ?2 RETURNING id",
        )?
        .query_row(params![append.device.as_bytes(), append.message.key.as_bytes()], |row| row.get(0))?;
    known.devices.insert(append.device, id);
    Ok(id)
}

/// The row of a conversation and its head, if something was said in it.
fn conversation_row(
    db: &Connection,
    known: &mut Known,
    conversation: &ConversationId,
) -> Result<Option<ConversationRow>, StoreError> {
    if let Some(row) = known.conversations.get(conversation) {
        return Ok(Some(*row));
    }
    let found = db
        .prepare_cached("SELECT id FROM conversations WHERE hash = ?1")?
        .query_row([conversation.as_bytes()], |row| row.get(0))
        .optional()?;
    let Some(id) = found else { return Ok(None) };
    let row = ConversationRow { id, head: head(db, id)? };
    known.conversations.insert(*conversation, row);
    Ok(Some(row))
}

fn create(db: &Connection, known: &mut Known, append: &Append) -> Result<ConversationRow, StoreError> {
    let [one, other] = match &append.kind {
        ConversationKind::Lobby => [None, None],
        ConversationKind::Direct { users } => users.clone().map(|user| Some(user.folded())),
    };
    let mut insert = db.prepare_cached(
        "INSERT INTO conversations (hash, one, other) VALUES
         (?1, (SELECT id FROM accounts WHERE folded = ?2), (SELECT id FROM accounts WHERE folded = ?3))
         RETURNING id",
    )?;
    let id = insert.query_row(params![append.conversation.as_bytes(), one, other], |row| row.get(0))?;
    let row = ConversationRow { id, head: Seq::ZERO };
    known.conversations.insert(append.conversation, row);
    Ok(row)
}

fn head(db: &Connection, conversation: i64) -> Result<Seq, StoreError> {
    let newest: Option<i64> = db
        .prepare_cached("SELECT max(place) FROM messages WHERE place > ?1 AND place < ?2")?
        .query_row([conversation * PLACES, (conversation + 1) * PLACES], |row| row.get(0))?;
    Ok(newest.map_or(Seq::ZERO, seq_of))
}

/// Whether a device has sent such a message there.
pub(crate) fn exists(db: &Connection, message: &OfferRef) -> Result<bool, StoreError> {
    let mut query = db.prepare_cached(
        "SELECT 1 FROM messages m JOIN devices d ON d.id = m.device
         JOIN conversations c ON c.id = m.place / ?4
         WHERE d.hash = ?1 AND m.id = ?2 AND c.hash = ?3",
    )?;
    let OfferRef { conversation, device, id } = message;
    Ok(query.exists(params![device.as_bytes(), id.as_bytes(), conversation.as_bytes(), PLACES])?)
}

/// Every conversation there is.
pub(crate) fn conversations(db: &Connection) -> Result<Vec<StoredConversation>, StoreError> {
    let mut query = db.prepare(
        "SELECT c.id, c.hash, a.name, b.name FROM conversations c
         LEFT JOIN accounts a ON a.id = c.one LEFT JOIN accounts b ON b.id = c.other",
    )?;
    let mut rows = query.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let users = row.get::<_, Option<String>>(2)?.zip(row.get::<_, Option<String>>(3)?);
        found.push(StoredConversation {
            id: ConversationId::from_bytes(row.get(1)?),
            users: users.map(|(one, other)| [one, other]),
            head: head(db, row.get(0)?)?,
        });
    }
    Ok(found)
}

/// Walks a part of a conversation outwards from the cursor, for as long as `visit` says `true`.
pub(crate) fn walk(
    db: &Connection,
    conversation: &ConversationId,
    range: Range,
    mut visit: impl FnMut(Sequenced) -> bool,
) -> Result<(), StoreError> {
    let id: Option<i64> = db
        .prepare_cached("SELECT id FROM conversations WHERE hash = ?1")?
        .query_row([conversation.as_bytes()], |row| row.get(0))
        .optional()?;
    let Some(id) = id else { return Ok(()) };
    let (order, low, high) = match range {
        Range::After(seq) => ("ASC", seq.0, u64::MAX),
        Range::Before(seq) => ("DESC", 0, seq.0),
    };
    // Cursors are the client's: those beyond any place are taken for the last one.
    let bound = |seq: u64| id * PLACES + i64::try_from(seq).unwrap_or(PLACES).min(PLACES);
    let mut query = db.prepare_cached(&format!(
        "SELECT m.place, m.at, m.envelope, m.signature, d.public_key
         FROM messages m JOIN devices d ON d.id = m.device
         WHERE m.place > ?1 AND m.place < ?2 ORDER BY m.place {order}",
    ))?;
    let mut rows = query.query([bound(low), bound(high)])?;
    while let Some(row) = rows.next()? {
        if !visit(sequenced(row)?) {
            break;
        }
    }
    Ok(())
}

fn sequenced(row: &Row<'_>) -> Result<Sequenced, rusqlite::Error> {
    Ok(Sequenced {
        seq: seq_of(row.get(0)?),
        at: time(row, 1)?,
        message: Signed {
            envelope: row.get(2)?,
            signature: Signature::from_bytes(row.get(3)?),
            key: PublicKey::from_bytes(row.get(4)?),
        },
    })
}

/// The row of a device, made if need be.
pub(crate) fn device(db: &Connection, device: &DeviceId) -> Result<i64, StoreError> {
    let mut insert = db.prepare_cached(
        "INSERT INTO devices (hash) VALUES (?1) ON CONFLICT (hash) DO UPDATE SET hash = ?1 RETURNING id",
    )?;
    Ok(insert.query_row([device.as_bytes()], |row| row.get(0))?)
}

fn place(conversation: i64, seq: Seq) -> Result<i64, Unplaced> {
    i64::try_from(seq.0)
        .ok()
        .filter(|seq| *seq < PLACES)
        .and_then(|seq| conversation.checked_mul(PLACES)?.checked_add(seq))
        .ok_or_else(|| Unplaced::Storage(StoreError::Other("the conversation has no places left".into())))
}

fn seq_of(place: i64) -> Seq {
    Seq(place.rem_euclid(PLACES).unsigned_abs())
}

/// `SQLite` has no unsigned integers; times stay far below the limit.
pub(crate) fn signed(millis: u64) -> i64 {
    i64::try_from(millis).unwrap_or(i64::MAX)
}

/// Reads a time in milliseconds.
pub(crate) fn time(row: &Row<'_>, column: usize) -> Result<Timestamp, rusqlite::Error> {
    Ok(Timestamp::from_millis(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0)))
}

impl From<rusqlite::Error> for Unplaced {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(error.into())
    }
}

impl From<StoreError> for Unplaced {
    fn from(error: StoreError) -> Self {
        Self::Storage(error)
    }
}
