//! The engine's surface: [`Command`] in, [`Snapshot`] and [`Event`] out.
//!
//! State is folded into the snapshot; one-off facts are events. Everything here is plain data, so
//! a window, a command line or a test can drive the engine, or stand in for it.

mod transfer;
mod view;

use std::path::PathBuf;
use std::sync::Arc;

use landline_protocol::{ConversationId, ConversationKind, FileName, InviteLink, MessageId, Seq, UserName};
pub use landline_transfer::{Conflict, LEAST_RATE};
use serde::{Deserialize, Serialize};

pub use transfer::{
    FolderEntryView, Outlook, Priority, RecipientState, RecipientView, SourceStanding, SourceView,
    TransferKind, TransferSettings, TransferState, TransferView, UploadEntry,
};
pub use view::{Content, ConversationView, Line, Me, MessageState, MessageView, PersonView, Snapshot};

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
    /// Offer a file or a folder.
    Share {
        /// To whom.
        to: ConversationKind,
        /// A regular file, or a folder with everything in it but symlinks and devices.
        path: PathBuf,
    },
    /// Offer the file or folder of an earlier offer of one's own again, as it is now; the new offer
    /// says which one it takes the place of.
    ShareAgain {
        /// The earlier offer.
        offer: MessageId,
    },
    /// Fetch what was offered. Of a download that failed, or that met a taken name: try anew.
    Accept {
        /// The offer's message.
        offer: MessageId,
        /// How, where it differs from what is usual.
        how: AcceptHow,
    },
    /// What is in an offered folder, for picking: ends with [`Outcome::Listing`]. Fetches the manifest;
    /// fails while the author is still hashing.
    List {
        /// The offer's message.
        offer: MessageId,
    },
    /// Stop fetching, and keep what is here.
    Pause {
        /// The offer's message.
        offer: MessageId,
    },
    /// Go on with a paused download, or try a waiting one at once.
    Resume {
        /// The offer's message.
        offer: MessageId,
    },
    /// Say which downloads get a slot first.
    Prioritise {
        /// The offer's message.
        offer: MessageId,
        /// Its new priority.
        priority: Priority,
    },
    /// Slots, limits and what to do about taken names, from now on.
    SetTransfers(TransferSettings),
    /// Limits for this run, beside those that are set for good: the lower one holds. At least
    /// [`LEAST_RATE`] each.
    CapRates {
        /// Bytes a second in all, outwards.
        up: Option<u64>,
        /// Likewise, inwards.
        down: Option<u64>,
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

/// How an offer is accepted; the default is the usual way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcceptHow {
    /// Another folder than the usual one.
    pub folder: Option<PathBuf>,
    /// Another name than the offered one.
    pub name: Option<FileName>,
    /// Another way with a taken name than the usual one.
    pub conflict: Option<Conflict>,
    /// Of a folder: only these files, by their index in the listing.
    pub picks: Option<Arc<[u32]>>,
    /// Not in turn.
    pub priority: Option<Priority>,
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
    /// The file or folder of one's own offer is not what it was when it was offered. It is not served
    /// any more; [`Action::ShareAgain`] offers what is there now.
    SourceChanged {
        /// The offer.
        offer: MessageId,
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
    /// What is in an offered folder: its files in the order of the manifest.
    Listing(Arc<[FolderEntryView]>),
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
    /// The name is taken, and what to do about it was to be asked.
    NameTaken,
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
