//! Offers, and what became of them.

use landline_protocol::{
    Body, ConversationId, DeviceId, Envelope, FolderSummary, HeldKey, MessageId, Offer, OfferRef,
    OfferedName, Root, ShareId, UserName, Verdict,
};
use rusqlite::{Connection, OptionalExtension, Result, Row, Transaction, named_params, params};

use super::Database;
use super::columns::{count, id, json, optional_id, stored, text};

/// An offer with everything that was said about it.
#[derive(Clone, Debug)]
pub(crate) struct OfferRow {
    pub(crate) offer: MessageId,
    /// Row id of its conversation.
    pub(crate) conv: i64,
    pub(crate) conversation: ConversationId,
    pub(crate) author: UserName,
    pub(crate) device: DeviceId,
    pub(crate) share: ShareId,
    pub(crate) name: OfferedName,
    pub(crate) size: u64,
    /// Absent until sealed.
    pub(crate) root: Option<Root>,
    /// How much there is in it, if it is a folder.
    pub(crate) folder: Option<FolderSummary>,
    /// The earlier offer that it says to take the place of.
    pub(crate) replaces: Option<MessageId>,
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
    /// Names it beyond doubt.
    pub(crate) fn reference(&self) -> OfferRef {
        OfferRef { conversation: self.conversation, device: self.device, id: self.offer }
    }

    /// What its holders call it.
    pub(crate) fn key(&self) -> HeldKey {
        self.reference().key()
    }

    /// Whether it takes the place of that one: only the device that made an offer can replace it.
    pub(crate) fn takes_place_of(&self, earlier: &Self) -> bool {
        self.replaces == Some(earlier.offer) && self.device == earlier.device && self.conv == earlier.conv
    }

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

impl Database {
    /// The newest `limit` offers of an account, and older ones with which something is going on.
    pub(crate) fn offers(&mut self, account: i64, limit: u32) -> Result<Vec<OfferRow>> {
        let ids: Vec<MessageId> = {
            let mut statement = self.0.prepare_cached(
                "SELECT offer FROM (SELECT offer FROM offers WHERE account = ?1 ORDER BY offer DESC LIMIT ?2)
             UNION SELECT offer FROM downloads WHERE account = ?1 AND status IN ('active', 'conflict')
             UNION SELECT offer FROM shares WHERE account = ?1",
            )?;
            let rows = statement
                .query_map(params![account, limit], |row| id(row, "offer", MessageId::from_slice))?;
            rows.collect::<Result<_>>()?
        };
        ids.iter().filter_map(|offer| load(&self.0, account, offer).transpose()).collect()
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
            record_offer(transaction, account, conv, envelope, offer, mine)?;
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

fn record_offer(
    transaction: &Transaction<'_>,
    account: i64,
    conv: i64,
    envelope: &Envelope,
    offer: &Offer,
    mine: bool,
) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO offers (account, offer, conv, author, device, share, name, size, root, mine, files, folders,
                                 replaces)
             VALUES (:account, :offer, :conv, :author, :device, :share, :name, :size, :root, :mine, :files, :folders,
                     :replaces)
             ON CONFLICT (account, offer) DO NOTHING",
        )?
        .execute(named_params! {
            ":account": account,
            ":offer": envelope.id.as_bytes(),
            ":conv": conv,
            ":author": envelope.author.user.as_str(),
            ":device": envelope.author.device.as_bytes(),
            ":share": offer.share.as_bytes(),
            ":name": offer.name.as_raw(),
            ":size": stored(offer.size),
            ":root": offer.root.as_ref().map(Root::as_bytes),
            ":mine": mine,
            ":files": offer.folder.map(|folder| stored(folder.files)),
            ":folders": offer.folder.map(|folder| stored(folder.folders)),
            ":replaces": offer.replaces.as_ref().map(MessageId::as_bytes),
        })
        .map(drop)
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
    let read = |row: &Row<'_>| offer_row(row, *offer, answers.clone());
    connection
        .query_row(
            "SELECT o.*, c.conversation FROM offers o JOIN conversations c ON c.id = o.conv
             WHERE o.account = ?1 AND o.offer = ?2",
            params![account, offer.as_bytes()],
            read,
        )
        .optional()
}

fn offer_row(row: &Row<'_>, offer: MessageId, answers: Vec<AnswerRow>) -> Result<OfferRow> {
    let files: Option<i64> = row.get("files")?;
    let folder = match files {
        Some(_) => Some(FolderSummary { files: count(row, "files")?, folders: count(row, "folders")? }),
        None => None,
    };
    Ok(OfferRow {
        offer,
        conv: row.get("conv")?,
        conversation: id(row, "conversation", ConversationId::from_slice)?,
        author: text(row, "author")?,
        device: id(row, "device", DeviceId::from_slice)?,
        share: id(row, "share", ShareId::from_slice)?,
        name: OfferedName::new(row.get::<_, String>("name")?),
        size: count(row, "size")?,
        root: optional_id(row, "root", Root::from_slice)?,
        folder,
        replaces: optional_id(row, "replaces", MessageId::from_slice)?,
        mine: row.get("mine")?,
        answers,
    })
}
