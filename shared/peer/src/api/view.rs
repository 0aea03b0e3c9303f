//! What a window shows, at one moment.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use landline_protocol::{ConversationId, ConversationKind, DeviceId, MessageId, Seq, Timestamp, UserName};

use super::{Failure, TransferSettings, TransferView, UploadEntry};

/// Everything a window shows, at one moment. Cheap to clone and to compare by `revision`.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Grows with every change.
    pub revision: u64,
    /// This machine's key.
    pub device: DeviceId,
    /// The account, once signed in; stays while offline.
    pub me: Option<Me>,
    /// The line to the coordinator.
    pub line: Line,
    /// Everybody else, online first, then by name.
    pub people: Arc<[PersonView]>,
    /// The lobby first, then the others, the most recently active first. Only conversations in
    /// which something was said, and the lobby.
    pub conversations: Arc<[ConversationView]>,
    /// Every offer in the loaded conversations and every transfer in progress, by offer.
    pub transfers: Arc<BTreeMap<MessageId, TransferView>>,
    /// Where accepted files go.
    pub download_folder: PathBuf,
    /// Slots, limits, and what is done about taken names.
    pub settings: Arc<TransferSettings>,
    /// Who took what from this machine, the newest first: the last hundred.
    pub uploads: Arc<[UploadEntry]>,
}

/// Who is signed in here, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// The account.
    pub user: UserName,
    /// May invite people.
    pub admin: bool,
    /// The coordinator as it is dialled: `host:port`.
    pub coordinator: String,
    /// The coordinator's pinned key.
    pub coordinator_key: DeviceId,
    /// Whether that key came from an invite, not from trust on first use.
    pub key_from_invite: bool,
}

/// The line to the coordinator.
#[derive(Clone, Debug)]
pub enum Line {
    /// Nobody is signed in.
    SignedOut,
    /// Dialling, or catching up with what was missed.
    Connecting,
    /// Messages flow.
    Connected {
        /// The last heartbeat's round trip; absent before the first.
        round_trip: Option<Duration>,
    },
    /// The line is down; another attempt follows by itself.
    Waiting {
        /// When.
        until: Instant,
        /// Why it is down.
        cause: Failure,
    },
    /// The coordinator will not have us, or is not who it was. Nothing is tried again by itself.
    Refused {
        /// Why, and what to do.
        cause: Failure,
    },
}

/// A person other than oneself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonView {
    /// The name.
    pub user: UserName,
    /// Connected to the coordinator now, as far as we know.
    pub online: bool,
    /// When they left, if they are offline.
    pub last_seen: Option<Timestamp>,
    /// Their devices' keys, for the hue of the avatar and the profile.
    pub devices: Vec<DeviceId>,
    /// A device of theirs appeared after the first one we knew: not verified.
    pub new_device: bool,
}

/// A conversation and the newest part of it.
#[derive(Clone, Debug)]
pub struct ConversationView {
    /// Its id.
    pub id: ConversationId,
    /// Who is in it.
    pub kind: ConversationKind,
    /// Messages by others after the last one seen.
    pub unread: u32,
    /// How far it was seen.
    pub read: Seq,
    /// The loaded part, oldest first; pending ones last.
    pub messages: Arc<[MessageView]>,
    /// Whether [`LoadOlder`](super::Action::LoadOlder) would bring more.
    pub has_older: bool,
}

/// A message as shown.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageView {
    /// The envelope's id.
    pub id: MessageId,
    /// Who said it.
    pub author: UserName,
    /// With which machine.
    pub device: DeviceId,
    /// Whether it is one's own.
    pub mine: bool,
    /// The author's clock while pending, the coordinator's once sequenced.
    pub at: Timestamp,
    /// How far it has come.
    pub state: MessageState,
    /// What it says.
    pub content: Content,
}

/// How far a message has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// In the outbox, on disk.
    Pending,
    /// On the coordinator's disk, at this place.
    Sent(Seq),
    /// The coordinator will not take it.
    Failed(Failure),
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Plain text.
    Text(Arc<str>),
    /// A file; see [`Snapshot::transfers`] under the message's id.
    Offer,
}
