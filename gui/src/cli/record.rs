//! What `--json` prints: one record per line, told apart by `type`.
//!
//! Fields may be added; those that are here keep their names and meaning. Moments are RFC 3339 in
//! UTC, sizes bytes, ids as on the wire. An absent fact is `null`.

mod transfers;

use std::path::Path;

use landline_peer::api::{
    Content, ConversationView, Failure, Line, MessageState, MessageView, PersonView, Snapshot,
};
use landline_protocol::{ConversationKind, Timestamp, UserName};
use serde::Serialize;

use super::exit::Exit;
#[cfg(test)]
pub(crate) use transfers::Recipient;
pub(crate) use transfers::{Entry, Limits, Offer, Progress, Upload, state_name};

/// A line of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Record {
    /// `whoami`, `sign-up`, `sign-in`.
    Me(Me),
    /// `sign-out`: this is who was signed in.
    SignedOut { user: String },
    /// `peers`.
    Person(Person),
    /// `history`, and `msg` for what was said.
    Message(Message),
    /// `offers`; `send`, `decline`, `cancel` and `pause` for the offer concerned.
    Offer(Offer),
    /// `get` and `send` while bytes move, and whenever the state changes.
    Progress(Progress),
    /// `get`: verified and in place; without a path, written to standard output.
    Received { offer: String, name: String, from: String, size: u64, path: Option<String> },
    /// `send`: a recipient has it, verified.
    Delivered { offer: String, name: String, to: String, size: u64 },
    /// `get --list`: a file of a folder.
    Entry(Entry),
    /// `uploads`.
    Upload(Upload),
    /// `limits`.
    Limits(Limits),
    /// `invite`.
    Invite { link: String },
    /// `host`: listening. `address` is the first of `addresses`, the one most likely reachable.
    Hosting(Hosting),
}

/// A coordinator that listens.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Hosting {
    pub(crate) address: String,
    pub(crate) addresses: Vec<String>,
    pub(crate) key: String,
    pub(crate) fingerprint: String,
    /// Until there is an account: whoever joins with it becomes the admin.
    pub(crate) invite: Option<String>,
}

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Me {
    pub(crate) user: String,
    pub(crate) admin: bool,
    pub(crate) coordinator: String,
    pub(crate) coordinator_key: String,
    /// Whether that key came with an invite; else it was trusted on first use.
    pub(crate) key_from_invite: bool,
    /// This machine's key.
    pub(crate) device: String,
    /// `connected`, `connecting`, `waiting`, `refused` or `signed_out`.
    pub(crate) line: &'static str,
    pub(crate) round_trip_ms: Option<f64>,
    /// Why the line is down.
    pub(crate) cause: Option<Cause>,
    pub(crate) profile: String,
    pub(crate) download_folder: String,
}

/// A failure inside another record.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Cause {
    /// As in the errors on standard error.
    pub(crate) code: Exit,
    pub(crate) message: String,
}

/// A person other than oneself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Person {
    pub(crate) user: String,
    pub(crate) online: bool,
    pub(crate) last_seen: Option<String>,
    /// Keys, oldest known first.
    pub(crate) devices: Vec<String>,
    /// A device appeared after the first one known.
    pub(crate) new_device: bool,
}

/// Something said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Message {
    pub(crate) id: String,
    /// `lobby`, or the other person's name.
    pub(crate) conversation: String,
    pub(crate) author: String,
    pub(crate) mine: bool,
    pub(crate) at: String,
    /// `pending`, `sent` or `failed`.
    pub(crate) state: &'static str,
    /// The place in the conversation, once sent.
    pub(crate) seq: Option<u64>,
    pub(crate) cause: Option<Cause>,
    /// Absent when the message is an offer.
    pub(crate) text: Option<String>,
    /// The file offered.
    pub(crate) offer: Option<Offer>,
}

impl Me {
    /// Reads it off a snapshot; nothing when nobody is signed in.
    pub(crate) fn of(snapshot: &Snapshot, profile: &Path) -> Option<Self> {
        let me = snapshot.me.as_ref()?;
        let (line, round_trip, cause) = line(&snapshot.line);
        Some(Self {
            user: me.user.to_string(),
            admin: me.admin,
            coordinator: me.coordinator.clone(),
            coordinator_key: me.coordinator_key.to_string(),
            key_from_invite: me.key_from_invite,
            device: snapshot.device.to_string(),
            line,
            round_trip_ms: round_trip,
            cause,
            profile: profile.to_string_lossy().into_owned(),
            download_folder: snapshot.download_folder.to_string_lossy().into_owned(),
        })
    }
}

fn line(line: &Line) -> (&'static str, Option<f64>, Option<Cause>) {
    match line {
        Line::SignedOut => ("signed_out", None, None),
        Line::Connecting => ("connecting", None, None),
        Line::Connected { round_trip } => {
            ("connected", round_trip.map(|trip| trip.as_secs_f64() * 1e3), None)
        }
        Line::Waiting { cause, .. } => ("waiting", None, Some(cause.into())),
        Line::Refused { cause } => ("refused", None, Some(cause.into())),
    }
}

impl From<&Failure> for Cause {
    fn from(failure: &Failure) -> Self {
        Self { code: failure.kind.into(), message: failure.text.clone() }
    }
}

impl From<&PersonView> for Person {
    fn from(person: &PersonView) -> Self {
        Self {
            user: person.user.to_string(),
            online: person.online,
            last_seen: person.last_seen.map(moment),
            devices: person.devices.iter().map(ToString::to_string).collect(),
            new_device: person.new_device,
        }
    }
}

impl Message {
    /// A message of a conversation, with its offer if it is one.
    pub(crate) fn of(message: &MessageView, conversation: &ConversationView, snapshot: &Snapshot) -> Self {
        let (state, seq, cause) = match &message.state {
            MessageState::Pending => ("pending", None, None),
            MessageState::Sent(seq) => ("sent", Some(seq.0), None),
            MessageState::Failed(failure) => ("failed", None, Some(failure.into())),
        };
        let (text, offer) = match &message.content {
            Content::Text(text) => (Some(text.to_string()), None),
            Content::Offer => (None, snapshot.transfers.get(&message.id).map(|one| Offer::of(one, snapshot))),
        };
        Self {
            id: message.id.to_string(),
            conversation: conversation_name(&conversation.kind, me(snapshot)),
            author: message.author.to_string(),
            mine: message.mine,
            at: moment(message.at),
            state,
            seq,
            cause,
            text,
            offer,
        }
    }
}

/// `lobby`, or who is at the other end.
pub(crate) fn conversation_name(kind: &ConversationKind, me: Option<&UserName>) -> String {
    let other = me.and_then(|me| kind.other(me));
    other.map_or_else(|| "lobby".to_owned(), ToString::to_string)
}

fn me(snapshot: &Snapshot) -> Option<&UserName> {
    snapshot.me.as_ref().map(|me| &me.user)
}

/// RFC 3339 in UTC.
pub(crate) fn moment(at: Timestamp) -> String {
    i64::try_from(at.as_millis())
        .ok()
        .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok())
        .map(|at| at.to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
