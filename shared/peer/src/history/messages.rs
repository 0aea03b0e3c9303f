//! Conversations and their messages: the outbox (no place yet) and the log (a place each).

use landline_protocol::log::ChainTip;
use landline_protocol::{
    Author, Body, ConversationId, ConversationKind, DeviceId, Digest, Envelope, MessageId, PublicKey, Seq,
    Signature, Signed, Timestamp,
};
use landline_trust::device::DeviceKey;
use rusqlite::{Connection, OptionalExtension, Result, Row, Transaction, named_params, params};

use super::columns::{count, id, json, optional_id, stored};
use super::offers::apply_body;
use super::{Database, OfferRow};

/// A conversation's place in this machine's memory.
#[derive(Clone, Debug)]
pub(crate) struct ConversationRow {
    /// Row id; messages hang from it.
    pub(crate) conv: i64,
    pub(crate) id: ConversationId,
    pub(crate) kind: ConversationKind,
    /// Everything up to here is here.
    pub(crate) cursor: Seq,
    /// Everything up to here was seen by the person.
    pub(crate) read: Seq,
    pub(crate) unread: u32,
}

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageStatus {
    Pending,
    Sent,
    Failed,
}

/// A message with what is known about it.
#[derive(Clone, Debug)]
pub(crate) struct MessageRow {
    /// Row id: the order in which messages without a place were written.
    pub(crate) row: i64,
    pub(crate) conv: i64,
    pub(crate) seq: Option<Seq>,
    pub(crate) at: Timestamp,
    pub(crate) mine: bool,
    pub(crate) status: MessageStatus,
    pub(crate) failure: Option<String>,
    pub(crate) envelope: Envelope,
    pub(crate) signed: Signed,
}

/// Something to say, not yet an envelope.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) account: i64,
    pub(crate) kind: ConversationKind,
    pub(crate) author: Author,
    pub(crate) id: MessageId,
    pub(crate) at: Timestamp,
    pub(crate) body: Body,
}

/// A message that came from the coordinator. `envelope` is absent when its signature or form is
/// bad: its place is counted, and nothing of it is kept.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) seq: Seq,
    pub(crate) at: Timestamp,
    pub(crate) signed: Signed,
    pub(crate) envelope: Option<Envelope>,
}

/// What a batch of arrivals changed.
#[derive(Debug, Default)]
pub(crate) struct Ingested {
    /// Messages that are new or have got their place, in order.
    pub(crate) messages: Vec<MessageRow>,
    /// Those among them that were not here before.
    pub(crate) fresh: Vec<MessageId>,
    /// Offers that were made, sealed or answered.
    pub(crate) offers: Vec<OfferRow>,
}

impl Database {
    /// Every conversation of an account.
    pub(crate) fn conversations(&mut self, account: i64) -> Result<Vec<ConversationRow>> {
        let mut statement = self.0.prepare_cached(
            "SELECT c.*, (SELECT count(*) FROM messages m WHERE m.conv = c.id AND m.seq > c.read
                          AND m.shown = 1 AND m.mine = 0) AS unread
             FROM conversations c WHERE account = ?1",
        )?;
        let rows = statement.query_map([account], conversation)?;
        rows.collect()
    }

    /// The conversation of some people, made if it is new.
    pub(crate) fn conversation(&mut self, account: i64, kind: &ConversationKind) -> Result<ConversationRow> {
        ensure(&self.0, account, kind)?;
        self.0.query_row(
            "SELECT c.*, (SELECT count(*) FROM messages m WHERE m.conv = c.id AND m.seq > c.read
                          AND m.shown = 1 AND m.mine = 0) AS unread
             FROM conversations c WHERE account = ?1 AND conversation = ?2",
            params![account, kind.id().as_bytes()],
            conversation,
        )
    }

    /// Makes an envelope, signs it and puts it into the outbox, in one transaction with what it
    /// changes.
    pub(crate) fn enqueue(&mut self, draft: Draft, key: &DeviceKey) -> Result<(MessageRow, Vec<OfferRow>)> {
        let transaction = self.0.transaction()?;
        let conv = ensure(&transaction, draft.account, &draft.kind)?;
        let (n, prev, lamport) = tip(&transaction, conv)?.next();
        let envelope = Envelope {
            v: landline_protocol::VERSION,
            id: draft.id,
            conversation: draft.kind.id(),
            author: draft.author,
            n,
            prev,
            lamport,
            epoch: 0,
            sent_at: draft.at,
            body: draft.body,
        };
        let signed = landline_trust::envelope::seal(key, &envelope);
        transaction.execute(
            "UPDATE conversations SET n = ?2, digest = ?3, lamport = ?4 WHERE id = ?1",
            params![conv, stored(n), signed.digest().as_bytes(), stored(lamport)],
        )?;
        let entry = Entry { conv, seq: None, at: draft.at, mine: true, envelope: &envelope, signed: &signed };
        let (row, _) = insert(&transaction, &entry)?;
        let offers = apply_body(&transaction, draft.account, conv, &envelope, true)?;
        transaction.commit()?;
        let status = MessageStatus::Pending;
        let message = MessageRow {
            row,
            conv,
            seq: None,
            at: draft.at,
            mine: true,
            status,
            failure: None,
            envelope,
            signed,
        };
        Ok((message, offers))
    }

    /// The outbox: what has no place yet, in the order in which it was written.
    pub(crate) fn outbox(&mut self, account: i64) -> Result<Vec<(ConversationKind, MessageRow)>> {
        let mut statement = self.0.prepare_cached(
            "SELECT m.*, c.kind FROM messages m JOIN conversations c ON c.id = m.conv
             WHERE m.status = 0 AND c.account = ?1 ORDER BY m.id",
        )?;
        let rows = statement.query_map([account], |row| Ok((json(row, "kind")?, message(row)?)))?;
        rows.collect()
    }

    /// A message of ours will not be taken.
    pub(crate) fn refuse(&mut self, conv: i64, device: &DeviceId, id: &MessageId, why: &str) -> Result<()> {
        self.0
            .execute(
                "UPDATE messages SET status = 2, failure = ?4
                 WHERE conv = ?1 AND device = ?2 AND message = ?3 AND status = 0",
                params![conv, device.as_bytes(), id.as_bytes(), why],
            )
            .map(drop)
    }

    /// Keeps a run of arrivals that begins right after the cursor, and moves the cursor, in one
    /// transaction.
    pub(crate) fn ingest(
        &mut self,
        account: i64,
        conv: i64,
        me: &Author,
        arrivals: Vec<Arrived>,
    ) -> Result<Ingested> {
        let transaction = self.0.transaction()?;
        let (mut result, folded) = (Ingested::default(), me.user.folded());
        let mut cursor = None;
        for Arrived { seq, at, signed, envelope } in arrivals {
            cursor = Some(seq);
            let Some(envelope) = envelope else { continue };
            let mine = envelope.author.user.folded() == folded;
            let here = envelope.author.device == me.device;
            let entry = Entry { conv, seq: Some(seq), at, mine, envelope: &envelope, signed: &signed };
            let (row, fresh) = insert(&transaction, &entry)?;
            if fresh {
                result.offers.extend(apply_body(&transaction, account, conv, &envelope, here)?);
                result.fresh.push(envelope.id);
            }
            transaction.execute(
                "UPDATE conversations SET lamport = max(lamport, ?2) WHERE id = ?1",
                params![conv, stored(envelope.lamport)],
            )?;
            let (status, failure) = (MessageStatus::Sent, None);
            result.messages.push(MessageRow {
                row,
                conv,
                seq: Some(seq),
                at,
                mine,
                status,
                failure,
                envelope,
                signed,
            });
        }
        if let Some(seq) = cursor {
            transaction.execute(
                "UPDATE conversations SET cursor = ?2 WHERE id = ?1",
                params![conv, stored(seq.0)],
            )?;
        }
        transaction.commit()?;
        Ok(result)
    }

    /// The coordinator has forgotten everything after `head`, as when it was restored from an older
    /// copy. What was written here goes out again; what others wrote stays, without a place.
    pub(crate) fn rewind(&mut self, conv: i64, device: &DeviceId, head: Seq) -> Result<()> {
        let transaction = self.0.transaction()?;
        transaction.execute(
            "UPDATE messages SET seq = NULL, status = iif(device = ?3, 0, 1) WHERE conv = ?1 AND seq > ?2",
            params![conv, stored(head.0), device.as_bytes()],
        )?;
        transaction.execute(
            "UPDATE conversations SET cursor = ?2, read = min(read, ?2) WHERE id = ?1",
            params![conv, stored(head.0)],
        )?;
        transaction.commit()
    }

    /// The newest `limit` messages before a place (or all), oldest first, those without a place
    /// last.
    pub(crate) fn messages(&mut self, conv: i64, before: Option<Seq>, limit: u32) -> Result<Vec<MessageRow>> {
        let mut statement = self.0.prepare_cached(
            "SELECT * FROM messages WHERE conv = ?1 AND shown = 1 AND (?2 IS NULL OR seq < ?2)
             ORDER BY seq IS NULL DESC, coalesce(seq, 0) DESC, id DESC LIMIT ?3",
        )?;
        let rows = statement.query_map(params![conv, before.map(|seq| stored(seq.0)), limit], message)?;
        let mut messages = rows.collect::<Result<Vec<_>>>()?;
        messages.reverse();
        Ok(messages)
    }

    /// The person has seen everything up to `seq`; returns how far that is now and what is unread.
    pub(crate) fn mark_read(&mut self, conv: i64, seq: Seq) -> Result<(Seq, u32)> {
        self.0.execute(
            "UPDATE conversations SET read = min(max(read, ?2), cursor) WHERE id = ?1",
            params![conv, stored(seq.0)],
        )?;
        self.0.query_row(
            "SELECT c.read, (SELECT count(*) FROM messages m WHERE m.conv = c.id AND m.seq > c.read
                             AND m.shown = 1 AND m.mine = 0) AS unread FROM conversations c WHERE c.id = ?1",
            [conv],
            |row| Ok((Seq(count(row, "read")?), row.get("unread")?)),
        )
    }
}

struct Entry<'a> {
    conv: i64,
    seq: Option<Seq>,
    at: Timestamp,
    mine: bool,
    envelope: &'a Envelope,
    signed: &'a Signed,
}

/// Inserts a message or gives one that is here its place. Says whether it is new.
fn insert(transaction: &Transaction<'_>, entry: &Entry<'_>) -> Result<(i64, bool)> {
    let Entry { conv, seq, at, mine, envelope, signed } = entry;
    let known: Option<i64> = transaction
        .query_row(
            "SELECT id FROM messages WHERE conv = ?1 AND device = ?2 AND message = ?3",
            params![conv, envelope.author.device.as_bytes(), envelope.id.as_bytes()],
            |row| row.get(0),
        )
        .optional()?;
    let place = seq.map(|seq| stored(seq.0));
    let at = stored(at.as_millis());
    if let Some(row) = known {
        let update = "UPDATE messages SET seq = ?2, at = ?3, status = 1, failure = NULL WHERE id = ?1";
        transaction.prepare_cached(update)?.execute(params![row, place, at])?;
        return Ok((row, false));
    }
    transaction
        .prepare_cached(
            "INSERT INTO messages (conv, seq, message, device, at, shown, mine, status, envelope, key, signature)
             VALUES (:conv, :seq, :message, :device, :at, :shown, :mine, :status, :envelope, :key, :signature)",
        )?
        .execute(named_params! {
            ":conv": conv,
            ":seq": place,
            ":message": envelope.id.as_bytes(),
            ":device": envelope.author.device.as_bytes(),
            ":at": at,
            ":shown": matches!(envelope.body, Body::Text { .. } | Body::Offer(_)),
            ":mine": mine,
            ":status": i64::from(seq.is_some()),
            ":envelope": signed.envelope,
            ":key": signed.key.as_bytes(),
            ":signature": signed.signature.as_bytes(),
        })?;
    Ok((transaction.last_insert_rowid(), true))
}

fn ensure(connection: &Connection, account: i64, kind: &ConversationKind) -> Result<i64> {
    let text = serde_json::to_string(kind).unwrap_or_else(|_| unreachable!("names are strings"));
    connection.execute(
        "INSERT INTO conversations (account, conversation, kind) VALUES (?1, ?2, ?3)
         ON CONFLICT (account, conversation) DO NOTHING",
        params![account, kind.id().as_bytes(), text],
    )?;
    connection.query_row(
        "SELECT id FROM conversations WHERE account = ?1 AND conversation = ?2",
        params![account, kind.id().as_bytes()],
        |row| row.get(0),
    )
}

fn tip(connection: &Connection, conv: i64) -> Result<ChainTip> {
    connection.query_row("SELECT n, digest, lamport FROM conversations WHERE id = ?1", [conv], |row| {
        let digest = optional_id(row, "digest", Digest::from_slice)?;
        Ok(ChainTip { n: count(row, "n")?, digest, lamport: count(row, "lamport")? })
    })
}

fn conversation(row: &Row<'_>) -> Result<ConversationRow> {
    Ok(ConversationRow {
        conv: row.get("id")?,
        id: id(row, "conversation", ConversationId::from_slice)?,
        kind: json(row, "kind")?,
        cursor: Seq(count(row, "cursor")?),
        read: Seq(count(row, "read")?),
        unread: row.get("unread")?,
    })
}

fn message(row: &Row<'_>) -> Result<MessageRow> {
    let status = match row.get::<_, i64>("status")? {
        0 => MessageStatus::Pending,
        1 => MessageStatus::Sent,
        _ => MessageStatus::Failed,
    };
    Ok(MessageRow {
        row: row.get("id")?,
        conv: row.get("conv")?,
        seq: row.get::<_, Option<i64>>("seq")?.and_then(|seq| u64::try_from(seq).ok()).map(Seq),
        at: Timestamp::from_millis(count(row, "at")?),
        mine: row.get("mine")?,
        status,
        failure: row.get("failure")?,
        envelope: json(row, "envelope")?,
        signed: Signed {
            envelope: row.get("envelope")?,
            key: id(row, "key", PublicKey::from_slice)?,
            signature: id(row, "signature", Signature::from_slice)?,
        },
    })
}
