//! The engine's surface: [`Command`] in, [`Snapshot`] and [`Event`] out.
//!
//! State is folded into the snapshot; one-off facts are events. Everything here is plain data, so
//! a window, a command line or a test can drive the engine, or stand in for it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use landline_protocol::{
    ConversationId, ConversationKind, DeviceId, FileName, InviteLink, MessageId, OfferedName, Seq, Timestamp,
    UserName,
};
use serde::{Deserialize, Serialize};

/// Names a command, so that its [`Event::Finished`] can be told from others'. Chosen by whoever
/// sends the command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Something to do.
#[derive(Clone, Debug)]
pub struct Command {
    /// Comes back in [`Event::Finished`].
    pub ticket: Ticket,
    /// What to do.
    pub action: Action,
}

/// The things an engine can be asked to do.
#[derive(Clone, Debug)]
pub enum Action {
    /// Make an account and sign in. The coordinator's key is pinned from the invite, or on first
    /// use of a typed address.
    SignUp {
        /// Where.
        target: Target,
        /// The name wanted.
        username: UserName,
        /// At least eight characters.
        password: Secret,
    },
    /// Sign in to an account that exists.
    SignIn {
        /// Where.
        target: Target,
        /// The account.
        username: String,
        /// Its password.
        password: Secret,
    },
    /// Revoke this device's session and forget it. History and keys stay.
    SignOut,
    /// Dial the coordinator now instead of when the wait is over.
    Reconnect,
    /// Say something. Works while offline: it waits in the outbox.
    SendText {
        /// To whom.
        to: ConversationKind,
        /// At most 16 KiB.
        text: String,
    },
    /// Offer a file.
    ShareFile {
        /// To whom.
        to: ConversationKind,
        /// A regular file.
        path: PathBuf,
    },
    /// Fetch what was offered.
    Accept {
        /// The offer's message.
        offer: MessageId,
        /// Another folder than the usual one.
        folder: Option<PathBuf>,
        /// Another name than the offered one.
        name: Option<FileName>,
    },
    /// Say no to an offer.
    Decline {
        /// The offer's message.
        offer: MessageId,
    },
    /// Stop a download, or withdraw one's own offer and stop everyone who is fetching it.
    Cancel {
        /// The offer's message.
        offer: MessageId,
    },
    /// Everything up to here was seen.
    MarkRead {
        /// Where.
        conversation: ConversationId,
        /// The newest message seen.
        seq: Seq,
    },
    /// Put more of the past into the snapshot.
    LoadOlder {
        /// Where.
        conversation: ConversationId,
    },
    /// Ask the coordinator for an invite; admins only.
    Invite,
    /// Forget the pinned key of a coordinator that was set up anew. The next sign-in there is a first
    /// contact, or goes by an invite's key. Nothing else leads past a changed key.
    ForgetKey {
        /// As typed: `host` or `host:port`.
        address: String,
    },
    /// Where accepted files go from now on.
    SetDownloadFolder {
        /// Made if missing.
        folder: PathBuf,
    },
    /// Stop everything in order; the engine's task ends.
    Shutdown,
}

/// Which coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `host`, `host:port` or `[v6]:port`, as typed. Its key is pinned when first seen.
    Address(String),
    /// An invite: the key is known beforehand, the code lets one person in.
    Invite(InviteLink),
}

/// Text that must not be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a password or token.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

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
    /// Whether [`Action::LoadOlder`] would bring more.
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
    /// The name as offered; its `Display` is escaped.
    pub name: OfferedName,
    /// Bytes.
    pub size: u64,
    /// Where it stands for this machine.
    pub state: TransferState,
    /// Incoming: bytes verified and written. Outgoing: bytes sent to all who fetch it now.
    pub bytes: u64,
    /// Bytes a second, smoothed over about two seconds; absent when nothing moves.
    pub rate: Option<u64>,
    /// What is left at that rate.
    pub remaining: Option<Duration>,
    /// Incoming: where it is or will be, once accepted. Outgoing: the file shared.
    pub path: Option<PathBuf>,
    /// Outgoing: who has answered or is fetching.
    pub recipients: Vec<RecipientView>,
}

/// Where a transfer stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferState {
    /// Outgoing: offered, being hashed. Incoming: accepted, waiting for the sender's hash.
    Hashing,
    /// Offered; incoming: not answered yet.
    Offered,
    /// Looking for the sender and starting.
    Connecting,
    /// Bytes move.
    Active,
    /// Interrupted; goes on by itself when the cause is gone.
    Waiting(Failure),
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

/// Something that happened once.
#[derive(Clone, Debug)]
pub enum Event {
    /// A command ended.
    Finished {
        /// Which.
        ticket: Ticket,
        /// How.
        result: Result<Outcome, Failure>,
    },
    /// Someone else said something that was not there before.
    Message {
        /// Where.
        conversation: ConversationId,
        /// The message.
        message: MessageView,
    },
    /// A download is complete and in place.
    Received {
        /// The offer.
        offer: MessageId,
        /// Where it is.
        path: PathBuf,
    },
    /// A recipient has a file of ours, verified.
    Delivered {
        /// The offer.
        offer: MessageId,
        /// Who has it.
        to: UserName,
    },
    /// Something that people should read: a failure of no particular command.
    Notice(Failure),
    /// So many events did not fit the queue; the snapshot has all that lasts.
    Missed(u64),
}

/// What a command brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing but success.
    Done,
    /// Signed in; the snapshot has the particulars.
    SignedIn {
        /// The account.
        user: UserName,
    },
    /// The message is in the outbox under this id.
    Queued {
        /// The message.
        message: MessageId,
    },
    /// An invite for one person.
    Invited {
        /// To pass on.
        link: InviteLink,
    },
}

/// A failure as people and programs meet it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    /// What decides.
    pub kind: FailureKind,
    /// What happened and what to do, in a sentence or two.
    pub text: String,
}

/// The kinds of failure a program would treat differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The request makes no sense as it is: a bad address, an unfit password, a taken name.
    Invalid,
    /// Name or password wrong, session revoked, invite not good.
    Unauthorized,
    /// Nobody answers there.
    Unreachable,
    /// The key is not the one that is pinned. A hard stop.
    KeyChanged,
    /// There is nothing there, or not for us.
    NotFound,
    /// The file changed or vanished at its source.
    SourceChanged,
    /// What arrived is not what was offered.
    Corrupt,
    /// The disk is full.
    DiskFull,
    /// Reading or writing failed in another way.
    Io,
    /// A rate or size limit.
    Limited,
    /// Nobody is signed in.
    SignedOut,
    /// A fault in the program, or one that it cannot name.
    Internal,
}

impl Failure {
    /// Makes one.
    pub fn new(kind: FailureKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}
