//! Transfers as they are shown: offers, and what became of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use landline_protocol::{
    ConversationId, DeviceId, FolderSummary, MessageId, OfferedName, Timestamp, UserName,
};
use landline_transfer::Conflict;
use serde::{Deserialize, Serialize};

use super::Failure;

/// An offer and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferView {
    /// The offer's message.
    pub offer: MessageId,
    /// Where it was made.
    pub conversation: ConversationId,
    /// Who made it.
    pub author: UserName,
    /// Whether one made it oneself.
    pub outgoing: bool,
    /// What was offered.
    pub kind: TransferKind,
    /// The name as offered; its `Display` is escaped.
    pub name: OfferedName,
    /// Bytes; of a folder with picks, of the picked files.
    pub size: u64,
    /// Where it stands for this machine.
    pub state: TransferState,
    /// Incoming: bytes here. Outgoing: bytes sent to all who fetch it now.
    pub bytes: u64,
    /// Bytes a second, smoothed over about two seconds; absent when nothing moves.
    pub rate: Option<u64>,
    /// What is left at that rate.
    pub remaining: Option<Duration>,
    /// Bytes hashed so far: by the author before sealing (outgoing), or of what was here before
    /// (incoming, while checking).
    pub hashed: Option<u64>,
    /// Incoming: where it is or will be, once accepted. Outgoing: what is shared.
    pub path: Option<PathBuf>,
    /// Incoming, not accepted yet: what is known about the place it would go to.
    pub outlook: Option<Outlook>,
    /// Incoming: how it is queued.
    pub priority: Priority,
    /// Incoming: who it comes from, those with the most first.
    pub sources: Vec<SourceView>,
    /// Incoming: a picture of the pieces, from 0 (nothing here) to 255 in each cell; empty when there
    /// is nothing to show.
    pub picture: Arc<[u8]>,
    /// Of a folder: files complete so far.
    pub files_done: u64,
    /// Outgoing: who has answered or is fetching.
    pub recipients: Vec<RecipientView>,
    /// The earlier offer that this one takes the place of.
    pub replaces: Option<MessageId>,
    /// The later offer that takes the place of this one.
    pub replaced_by: Option<MessageId>,
}

/// What was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferKind {
    /// One file.
    File,
    /// A folder with so much in it.
    Folder(FolderSummary),
}

/// What is known about the place of a download before it is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// Bytes free there; absent where the file system does not say.
    pub free: Option<u64>,
    /// Whether the name is taken there.
    pub name_taken: bool,
}

/// Which downloads get a slot first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// After the others.
    Low,
    /// In turn.
    #[default]
    Normal,
    /// Before the others.
    High,
}

/// How transfers behave, until it is set anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TransferSettings {
    /// Downloads at once.
    pub download_slots: u32,
    /// People served at once; the others wait, told how many are ahead.
    pub upload_slots: u32,
    /// Bytes a second in all, outwards; `None` is no limit. At least [`LEAST_RATE`](super::LEAST_RATE).
    pub up: Option<u64>,
    /// Likewise, inwards.
    pub down: Option<u64>,
    /// Bytes a second to one person.
    pub up_to: BTreeMap<UserName, u64>,
    /// Bytes a second from one person.
    pub down_from: BTreeMap<UserName, u64>,
    /// What is done about a taken name, unless an accept says otherwise.
    pub conflict: Conflict,
}

impl Default for TransferSettings {
    fn default() -> Self {
        Self {
            download_slots: 4,
            upload_slots: 16,
            up: None,
            down: None,
            up_to: BTreeMap::new(),
            down_from: BTreeMap::new(),
            conflict: Conflict::default(),
        }
    }
}

/// One source of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceView {
    /// Whose machine.
    pub user: UserName,
    /// Which.
    pub device: DeviceId,
    /// Bytes of good pieces from there.
    pub bytes: u64,
    /// Bytes a second, smoothed; absent when nothing comes.
    pub rate: Option<u64>,
    /// How it stands.
    pub standing: SourceStanding,
}

/// How a source stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceStanding {
    /// Being reached.
    Connecting,
    /// In use.
    Active,
    /// Tried again later; why.
    Waiting(String),
    /// Not used again: what it sent was not what was offered, or its key is another. A sentence.
    Dropped(String),
}

/// A file of an offered folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderEntryView {
    /// Its path as offered, `/` between components; its `Display` is escaped.
    pub path: OfferedName,
    /// Bytes.
    pub size: u64,
}

/// What somebody took from this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadEntry {
    /// Who.
    pub user: UserName,
    /// With which machine.
    pub device: DeviceId,
    /// The offer it was taken under.
    pub offer: MessageId,
    /// What it is called.
    pub name: OfferedName,
    /// When it began and when the last byte went out.
    pub from: Timestamp,
    /// See `from`.
    pub until: Timestamp,
    /// Bytes of content sent.
    pub bytes: u64,
}

/// Where a transfer stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferState {
    /// Outgoing: offered, being hashed. Incoming: accepted, everything that can be here is, waiting
    /// for the author's hash.
    Hashing,
    /// Offered; incoming: not answered yet.
    Offered,
    /// Accepted; so many other downloads come first on this machine.
    Queued(u32),
    /// The author serves so many others first.
    QueuedThere(u32),
    /// Looking for sources and starting.
    Connecting,
    /// Hashing what is here already.
    Checking,
    /// Bytes move.
    Active,
    /// Complete, on its way to disk and to its name.
    Finishing,
    /// Paused by oneself.
    Paused,
    /// Interrupted; goes on by itself when the cause is gone.
    Waiting(Failure),
    /// The name is taken there, and nothing was said about what to do: accept again with a policy.
    Conflict(PathBuf),
    /// Incoming: complete, verified, in place.
    Done,
    /// Incoming: refused by oneself.
    Declined,
    /// Given up by someone.
    Cancelled {
        /// By whom.
        by: UserName,
    },
    /// Will not go on by itself; accepting again tries anew.
    Failed(Failure),
}

/// One person's dealings with an offer of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientView {
    /// Who.
    pub user: UserName,
    /// What they did.
    pub state: RecipientState,
    /// Bytes sent to them in the transfer going on.
    pub bytes: u64,
    /// Bytes a second to them, smoothed; absent when nothing moves.
    pub rate: Option<u64>,
}

/// What a recipient did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipientState {
    /// Said yes, or is fetching.
    Fetching,
    /// Has it, verified.
    Done,
    /// Said no.
    Declined,
    /// Gave up midway.
    Cancelled,
}
