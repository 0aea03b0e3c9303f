//! Records of offers and what becomes of them.

use std::collections::BTreeMap;

use landline_peer::api::{
    Conflict, FolderEntryView, Priority, RecipientState, RecipientView, Snapshot, SourceStanding, SourceView,
    TransferKind, TransferSettings, TransferState, TransferView, UploadEntry,
};
use landline_protocol::UserName;
use serde::Serialize;

use super::{Cause, conversation_name, me, moment};

/// A file or folder offered, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Offer {
    pub(crate) id: String,
    /// `lobby`, or the other person's name.
    pub(crate) conversation: String,
    pub(crate) author: String,
    pub(crate) outgoing: bool,
    /// `file` or `folder`.
    pub(crate) kind: &'static str,
    /// Of a folder: files at any depth, and folders.
    pub(crate) files: Option<u64>,
    pub(crate) folders: Option<u64>,
    /// Of a folder: files complete.
    pub(crate) files_done: Option<u64>,
    /// As offered, whatever it contains.
    pub(crate) name: String,
    pub(crate) size: u64,
    /// See [`state_name`].
    pub(crate) state: &'static str,
    pub(crate) cause: Option<Cause>,
    pub(crate) cancelled_by: Option<String>,
    /// While queued: how many come first, here or at the author's.
    pub(crate) ahead: Option<u32>,
    /// `low`, `normal` or `high`.
    pub(crate) priority: &'static str,
    pub(crate) bytes: u64,
    /// Bytes hashed, while that goes on.
    pub(crate) hashed: Option<u64>,
    pub(crate) path: Option<String>,
    /// Not accepted yet: bytes free where it would go, and whether the name is taken there.
    pub(crate) free: Option<u64>,
    pub(crate) name_taken: Option<bool>,
    pub(crate) sources: Vec<Source>,
    pub(crate) recipients: Vec<Recipient>,
    /// Ids of the offers before and after, where the source changed.
    pub(crate) replaces: Option<String>,
    pub(crate) replaced_by: Option<String>,
}

/// One person's dealings with an offer of ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Recipient {
    pub(crate) user: String,
    /// `fetching`, `done`, `declined` or `cancelled`.
    pub(crate) state: &'static str,
    pub(crate) bytes: u64,
    pub(crate) rate: Option<u64>,
}

/// Somebody pieces come from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Source {
    pub(crate) user: String,
    pub(crate) device: String,
    pub(crate) bytes: u64,
    pub(crate) rate: Option<u64>,
    /// `connecting`, `active`, `waiting` or `dropped`.
    pub(crate) state: &'static str,
    /// Why it waits or was dropped.
    pub(crate) reason: Option<String>,
}

/// A transfer at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Progress {
    pub(crate) offer: String,
    pub(crate) name: String,
    pub(crate) state: &'static str,
    pub(crate) bytes: u64,
    pub(crate) size: u64,
    pub(crate) hashed: Option<u64>,
    /// Of a folder: files complete.
    pub(crate) files_done: Option<u64>,
    /// Bytes a second.
    pub(crate) rate: Option<u64>,
    pub(crate) remaining_ms: Option<u64>,
    pub(crate) ahead: Option<u32>,
    pub(crate) sources: Vec<Source>,
    pub(crate) cause: Option<Cause>,
}

/// A file of an offered folder.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Entry {
    pub(crate) offer: String,
    pub(crate) path: String,
    pub(crate) size: u64,
}

/// What somebody took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Upload {
    pub(crate) user: String,
    pub(crate) device: String,
    pub(crate) offer: String,
    pub(crate) name: String,
    pub(crate) from: String,
    pub(crate) until: String,
    pub(crate) bytes: u64,
}

/// How transfers behave. Limits in bytes a second; `null` is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Limits {
    pub(crate) up: Option<u64>,
    pub(crate) down: Option<u64>,
    pub(crate) up_to: BTreeMap<String, u64>,
    pub(crate) down_from: BTreeMap<String, u64>,
    pub(crate) downloads_at_once: u32,
    pub(crate) served_at_once: u32,
    /// `rename`, `skip`, `replace` or `ask`.
    pub(crate) on_conflict: &'static str,
}

impl Offer {
    /// An offer of either side.
    pub(crate) fn of(transfer: &TransferView, snapshot: &Snapshot) -> Self {
        let kind =
            snapshot.conversations.iter().find(|one| one.id == transfer.conversation).map(|one| &one.kind);
        let cancelled_by = match &transfer.state {
            TransferState::Cancelled { by } => Some(by.to_string()),
            _ => None,
        };
        let (what, files, folders) = match transfer.kind {
            TransferKind::File => ("file", None, None),
            TransferKind::Folder(summary) => ("folder", Some(summary.files), Some(summary.folders)),
        };
        Self {
            id: transfer.offer.to_string(),
            conversation: kind.map(|kind| conversation_name(kind, me(snapshot))).unwrap_or_default(),
            author: transfer.author.to_string(),
            outgoing: transfer.outgoing,
            kind: what,
            files,
            folders,
            files_done: files.map(|_| transfer.files_done),
            name: transfer.name.as_raw().to_owned(),
            size: transfer.size,
            state: state_name(&transfer.state),
            cause: state_cause(&transfer.state),
            cancelled_by,
            ahead: ahead(&transfer.state),
            priority: match transfer.priority {
                Priority::Low => "low",
                Priority::Normal => "normal",
                Priority::High => "high",
            },
            bytes: transfer.bytes,
            hashed: transfer.hashed,
            path: transfer.path.as_ref().map(|path| path.to_string_lossy().into_owned()),
            free: transfer.outlook.and_then(|outlook| outlook.free),
            name_taken: transfer.outlook.map(|outlook| outlook.name_taken),
            sources: transfer.sources.iter().map(Source::from).collect(),
            recipients: transfer.recipients.iter().map(Recipient::from).collect(),
            replaces: transfer.replaces.map(|id| id.to_string()),
            replaced_by: transfer.replaced_by.map(|id| id.to_string()),
        }
    }
}

impl From<&RecipientView> for Recipient {
    fn from(one: &RecipientView) -> Self {
        let state = match one.state {
            RecipientState::Fetching => "fetching",
            RecipientState::Done => "done",
            RecipientState::Declined => "declined",
            RecipientState::Cancelled => "cancelled",
        };
        Self { user: one.user.to_string(), state, bytes: one.bytes, rate: one.rate }
    }
}

impl From<&SourceView> for Source {
    fn from(one: &SourceView) -> Self {
        let (state, reason) = match &one.standing {
            SourceStanding::Connecting => ("connecting", None),
            SourceStanding::Active => ("active", None),
            SourceStanding::Waiting(why) => ("waiting", Some(why.clone())),
            SourceStanding::Dropped(why) => ("dropped", Some(why.clone())),
        };
        let (user, device) = (one.user.to_string(), one.device.to_string());
        Self { user, device, bytes: one.bytes, rate: one.rate, state, reason }
    }
}

impl From<&TransferView> for Progress {
    fn from(transfer: &TransferView) -> Self {
        Self {
            offer: transfer.offer.to_string(),
            name: transfer.name.as_raw().to_owned(),
            state: state_name(&transfer.state),
            bytes: transfer.bytes,
            size: transfer.size,
            hashed: transfer.hashed,
            files_done: matches!(transfer.kind, TransferKind::Folder(_)).then_some(transfer.files_done),
            rate: transfer.rate,
            remaining_ms: transfer.remaining.and_then(|left| u64::try_from(left.as_millis()).ok()),
            ahead: ahead(&transfer.state),
            sources: transfer.sources.iter().map(Source::from).collect(),
            cause: state_cause(&transfer.state),
        }
    }
}

impl Entry {
    /// A file of a folder.
    pub(crate) fn of(offer: &TransferView, entry: &FolderEntryView) -> Self {
        Self { offer: offer.offer.to_string(), path: entry.path.as_raw().to_owned(), size: entry.size }
    }
}

impl From<&UploadEntry> for Upload {
    fn from(entry: &UploadEntry) -> Self {
        Self {
            user: entry.user.to_string(),
            device: entry.device.to_string(),
            offer: entry.offer.to_string(),
            name: entry.name.as_raw().to_owned(),
            from: moment(entry.from),
            until: moment(entry.until),
            bytes: entry.bytes,
        }
    }
}

impl From<&TransferSettings> for Limits {
    fn from(settings: &TransferSettings) -> Self {
        let named = |limits: &BTreeMap<UserName, u64>| {
            limits.iter().map(|(user, limit)| (user.to_string(), *limit)).collect()
        };
        Self {
            up: settings.up,
            down: settings.down,
            up_to: named(&settings.up_to),
            down_from: named(&settings.down_from),
            downloads_at_once: settings.download_slots,
            served_at_once: settings.upload_slots,
            on_conflict: match settings.conflict {
                Conflict::Ask => "ask",
                Conflict::Skip => "skip",
                Conflict::Rename => "rename",
                Conflict::Replace => "replace",
            },
        }
    }
}

/// A transfer's state in one word.
pub(crate) fn state_name(state: &TransferState) -> &'static str {
    match state {
        TransferState::Hashing => "hashing",
        TransferState::Offered => "offered",
        TransferState::Queued(_) => "queued",
        TransferState::QueuedThere(_) => "queued_there",
        TransferState::Connecting => "connecting",
        TransferState::Checking => "checking",
        TransferState::Active => "active",
        TransferState::Finishing => "finishing",
        TransferState::Paused => "paused",
        TransferState::Waiting(_) => "waiting",
        TransferState::Conflict(_) => "conflict",
        TransferState::Done => "done",
        TransferState::Declined => "declined",
        TransferState::Cancelled { .. } => "cancelled",
        TransferState::Failed(_) => "failed",
    }
}

fn ahead(state: &TransferState) -> Option<u32> {
    match state {
        TransferState::Queued(ahead) | TransferState::QueuedThere(ahead) => Some(*ahead),
        _ => None,
    }
}

fn state_cause(state: &TransferState) -> Option<Cause> {
    match state {
        TransferState::Waiting(failure) | TransferState::Failed(failure) => Some(failure.into()),
        _ => None,
    }
}
