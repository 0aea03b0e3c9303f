//! The WebSocket between a peer and its coordinator: JSON text messages, one frame each.
//!
//! The peer opens with `hello`, the coordinator answers `welcome`, `directory`,
//! `revocations` and `conversations`; then either side speaks when it has something to say. Frames of an unknown
//! type are ignored, unknown fields are skipped; what is relayed between people (envelopes,
//! device information) keeps unknown fields.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::envelope::Signed;
use crate::error::WireError;
use crate::ids::{ConversationId, DeviceId, DialNonce, MessageId, Seq, Timestamp};
use crate::revocation::SignedRevocations;
use crate::swarm::{Holder, OfferRef};
use crate::user::UserName;

/// Fields of a later version, carried along unread.
pub type Extra = serde_json::Map<String, serde_json::Value>;

/// What a peer says to its coordinator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    /// The first frame.
    Hello(Hello),
    /// A fresh access token, before the one that opened the connection expires.
    Authenticate {
        /// The token.
        token: String,
    },
    /// Where this device's file server can be reached now.
    Announce {
        /// Replaces what was announced before; at most [`crate::limits::ADDRESSES`].
        addresses: Vec<SocketAddr>,
    },
    /// Asks for a [`ServerFrame::Page`].
    Pull(Pull),
    /// Something to say. Answered by `ack` or `refused`.
    Send {
        /// For whom; the envelope's conversation must be theirs.
        to: ConversationKind,
        /// The envelope.
        message: Signed,
    },
    /// This device can serve verified pieces of what was offered, until it says otherwise or leaves.
    Hold {
        /// The offer through which it got them.
        offer: OfferRef,
        /// Whether it has all of it.
        complete: bool,
    },
    /// This device does not serve what was offered any more.
    Release {
        /// The offer.
        offer: OfferRef,
    },
    /// Who holds what was offered, and a pass to ask them with. Answered by `holders` or
    /// `not_found`; asked again for a fresh list or pass.
    Seek {
        /// An offer in a conversation of this account.
        offer: OfferRef,
    },
    /// Asks another device to dial this one, which a firewall keeps from dialling it. Relayed; what
    /// cannot be delivered is dropped, and the asker tries again or gives up by its own clock.
    DialBack {
        /// The device that should dial.
        to: DeviceId,
        /// Where it may try; at most [`crate::limits::ADDRESSES`].
        addresses: Vec<SocketAddr>,
        /// To be shown by the connection.
        nonce: DialNonce,
    },
    /// From a later version.
    #[serde(other)]
    Unknown,
}

/// What a coordinator says to a peer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// Answers `hello`.
    Welcome(Welcome),
    /// Everybody with an account, in as many frames as it takes.
    Directory {
        /// Some of the people.
        people: Vec<Person>,
        /// No more frames follow.
        complete: bool,
    },
    /// One person's state changed, or a new account was made.
    Presence {
        /// The person as they are now.
        person: Person,
    },
    /// Which peer credentials are void: once after the directory, and at every change.
    Revocations {
        /// Takes the place of every earlier list of this coordinator.
        revocations: SignedRevocations,
    },
    /// Conversations this account is a member of: all at the start, a new one when it is made.
    Conversations {
        /// Where each stands.
        conversations: Vec<ConversationHead>,
    },
    /// Answers `pull`.
    Page(Page),
    /// A new message in a conversation whose backlog this connection has pulled to the end.
    Deliver {
        /// Where it was said.
        conversation: ConversationId,
        /// The message with its place.
        message: Sequenced,
    },
    /// A sent message is on disk.
    Ack {
        /// The envelope's id.
        id: MessageId,
        /// Its conversation.
        conversation: ConversationId,
        /// Its place; the same however often it is sent.
        seq: Seq,
        /// The coordinator's clock when it was committed.
        at: Timestamp,
    },
    /// A sent message was not accepted and is not on disk.
    Refused {
        /// The envelope's id.
        id: MessageId,
        /// Why.
        error: WireError,
    },
    /// Answers `seek`.
    Holders {
        /// The offer.
        offer: OfferRef,
        /// Some of the connected devices that hold it, at most [`crate::limits::HOLDERS`], chosen at
        /// random when there are more. The asker is not among them.
        holders: Vec<Holder>,
        /// A content pass for the asking device, to be shown to holders.
        pass: String,
        /// When another pass is needed, by the coordinator's clock.
        expires_at: Timestamp,
    },
    /// Answers `seek` when there is no such offer, or not for this account.
    NotFound {
        /// The offer.
        offer: OfferRef,
    },
    /// Another device asks to be dialled. Its sender is known to the coordinator, not to the LAN:
    /// the connection must prove the key before any byte.
    DialBack {
        /// The device that asks.
        from: DeviceId,
        /// Where it may be.
        addresses: Vec<SocketAddr>,
        /// To be shown by the connection.
        nonce: DialNonce,
    },
    /// The `authenticate` frame was accepted.
    Authenticated {
        /// When the next one is due at the latest.
        expires_at: Timestamp,
    },
    /// A frame could not be acted on; the connection goes on.
    Error {
        /// Why.
        error: WireError,
    },
    /// The connection ends, and why.
    Goodbye {
        /// `shutting_down`, `slow_consumer`, `replaced`, `session_revoked`, `token_expired` …
        error: WireError,
    },
    /// From a later version.
    #[serde(other)]
    Unknown,
}

/// The first frame of a peer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// Protocol versions this side speaks.
    pub versions: Vec<u16>,
    /// Optional abilities, by name.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Program and release, for logs.
    pub agent: String,
    /// What this machine is called in lists.
    pub device_name: String,
    /// Where this device's file server can be reached.
    #[serde(default)]
    pub addresses: Vec<SocketAddr>,
}

/// The coordinator's answer to `hello`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// The version to speak: the greatest that both know.
    pub version: u16,
    /// Optional abilities, by name.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Program and release, for logs.
    pub agent: String,
    /// The account that the token stands for.
    pub user: UserName,
    /// How often each side pings, in milliseconds.
    pub heartbeat_ms: u64,
    /// How long a side may be silent before the other takes it for gone, in milliseconds.
    pub timeout_ms: u64,
    /// The coordinator's clock.
    pub now: Timestamp,
    /// When an `authenticate` is due at the latest.
    pub expires_at: Timestamp,
}

/// A person in the directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// The name.
    pub user: UserName,
    /// Whether any of their devices is connected.
    pub online: bool,
    /// When the last device left; absent for one who is online or never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
    /// Their devices, each with a key of its own.
    pub devices: Vec<DeviceInfo>,
}

/// A machine of a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// The key's hash.
    pub device: DeviceId,
    /// What its owner calls it.
    pub name: String,
    /// Whether it is connected.
    pub online: bool,
    /// Where its file server was last announced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<SocketAddr>,
    /// Fields of a later version.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Who is in a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ConversationKind {
    /// Everybody.
    Lobby,
    /// Two people, in the order of their folded names.
    Direct {
        /// Both names; the same twice for notes to oneself.
        users: [UserName; 2],
    },
}

impl ConversationKind {
    /// The direct conversation of two people.
    pub fn direct(one: UserName, other: UserName) -> Self {
        let mut users = [one, other];
        users.sort_by_key(UserName::folded);
        Self::Direct { users }
    }

    /// The conversation's id, which follows from who is in it.
    pub fn id(&self) -> ConversationId {
        match self {
            Self::Lobby => ConversationId::lobby(),
            Self::Direct { users: [one, other] } => ConversationId::direct(one, other),
        }
    }

    /// The person at the other end of a direct conversation, seen from `me`.
    pub fn other(&self, me: &UserName) -> Option<&UserName> {
        match self {
            Self::Lobby => None,
            Self::Direct { users: [one, other] } => {
                Some(if one.folded() == me.folded() { other } else { one })
            }
        }
    }

    /// Whether `user` may read and write here.
    pub fn includes(&self, user: &UserName) -> bool {
        match self {
            Self::Lobby => true,
            Self::Direct { users } => users.iter().any(|one| one.folded() == user.folded()),
        }
    }
}

/// A conversation and its newest message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConversationHead {
    /// Who is in it; the id follows.
    #[serde(flatten)]
    pub kind: ConversationKind,
    /// The newest message's place; 0 when nothing was said.
    pub head: Seq,
}

/// Asks for part of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pull {
    /// Which conversation.
    pub conversation: ConversationId,
    /// Which part.
    pub range: Range,
    /// The most messages wanted; the page may hold fewer for its size.
    pub limit: u32,
}

/// A part of a conversation, from a cursor outwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Range {
    /// What follows this place: the backlog. Reaching the head turns live delivery on.
    After(Seq),
    /// What precedes this place: scrolling back.
    Before(Seq),
}

/// Part of a conversation, oldest first whichever way was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// Which conversation.
    pub conversation: ConversationId,
    /// The range that was asked for.
    pub range: Range,
    /// The messages, in order, without gaps.
    pub messages: Vec<Sequenced>,
    /// The newest message's place when the page was read.
    pub head: Seq,
}

/// A message with its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sequenced {
    /// The place.
    pub seq: Seq,
    /// The coordinator's clock when it was committed.
    pub at: Timestamp,
    /// The envelope.
    #[serde(flatten)]
    pub message: Signed,
}
