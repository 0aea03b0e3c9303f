//! What Landline says on the wire: every message, its identifiers, limits and coded errors,
//! the rules for names, and the conversation log as a pure structure.
//!
//! Nothing here does IO, reads a clock or knows tokio, so all of it can be tested by value.
//! `PROTOCOL.md` at the top of the repository is the prose for these types; `cargo xtask tidy`
//! holds the two against each other.

pub mod account;
pub mod body;
pub mod envelope;
pub mod error;
pub mod frame;
pub mod ids;
pub mod invite;
pub mod limits;
pub mod log;
pub mod name;
pub mod peer_routes;
pub mod revocation;
pub mod swarm;
pub mod user;

pub use body::{Answer, Body, FolderSummary, Offer, Sealed, Verdict};
pub use envelope::{Author, Envelope, EnvelopeHead, Signed};
pub use error::{ErrorCode, WireError};
pub use frame::{ClientFrame, ConversationKind, Person, Sequenced, ServerFrame};
pub use ids::{
    ConversationId, DeviceId, DialNonce, Digest, HeldKey, MessageId, PublicKey, Root, Seq, ShareId,
    Signature, Timestamp,
};
pub use invite::InviteLink;
pub use name::{FileName, OfferedName};
pub use revocation::{RevocationList, Revoked, SignedRevocations};
pub use swarm::{Have, Holder, OfferRef};
pub use user::UserName;

/// The one protocol version this build speaks. `hello` carries the list of all versions a side
/// understands, so that a second one can be added without breaking the first.
pub const VERSION: u16 = 1;
