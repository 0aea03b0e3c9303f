//! What an envelope can say: text, a file offered, and what became of the offer.

use serde::{Deserialize, Serialize};

use crate::ids::{MessageId, Root, ShareId, Timestamp};
use crate::name::OfferedName;

/// The content of an envelope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Body {
    /// A line of conversation, at most [`crate::limits::TEXT_BYTES`].
    Text {
        /// Plain text. Shown as written; nothing in it is interpreted.
        text: String,
    },
    /// A file can be fetched from the author.
    Offer(Offer),
    /// The hash of an offered file, once the author has it.
    Sealed(Sealed),
    /// What one person did with an offer.
    Answer(Answer),
    /// A kind from a later version. Kept as it came in the envelope's bytes, and not shown.
    #[serde(other)]
    Unknown,
}

/// A file or a folder that the conversation's members may fetch from the author's machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The capability under which the author serves it.
    pub share: ShareId,
    /// What the author calls it.
    pub name: OfferedName,
    /// Bytes; of a folder, of all the files in it together.
    pub size: u64,
    /// BLAKE3 of the content (of a folder: of its manifest), absent while the author is still hashing: a [`Sealed`] follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<Root>,
    /// When the file was last changed, by the author's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Timestamp>,
    /// Present when it is a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<FolderSummary>,
    /// The author's earlier offer that this one takes the place of: the file was changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<MessageId>,
}

/// How much there is in an offered folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FolderSummary {
    /// Files at any depth.
    pub files: u64,
    /// Folders at any depth, itself not counted.
    pub folders: u64,
}

/// The promise that completes an [`Offer`]: exactly this is what will arrive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The id of the offer's envelope. Only its author may seal it.
    pub offer: MessageId,
    /// BLAKE3 of the content; of a folder, of its manifest.
    pub root: Root,
    /// Bytes; equal to the offer's.
    pub size: u64,
}

/// What somebody did with an offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The id of the offer's envelope.
    pub offer: MessageId,
    /// What happened.
    pub verdict: Verdict,
}

/// The fates of an offer. From its author, only `Cancelled` means anything: withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The download began.
    Accepted,
    /// Not wanted.
    Declined,
    /// Given up midway, by the receiver or, for everyone, by the author.
    Cancelled,
    /// Complete, verified and in place.
    Done,
    /// From a later version.
    #[serde(other)]
    Unknown,
}
