//! Identifiers: each is a type of its own, written as lowercase hexadecimal on the wire.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::user::UserName;

/// An identifier that is not the right number of hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} hexadecimal digits")]
pub struct ParseIdError {
    /// How many digits the identifier has.
    pub expected: usize,
}

/// A fixed number of bytes with a meaning: hex in text and JSON, bytes inside.
macro_rules! bytes_id {
    ($(#[$doc:meta])* $name:ident, $len:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Wraps bytes that are already known to be of this kind.
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The bytes themselves.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// Reads a slice, for rows that come from a database.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEX.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                HEX.decode(text.as_bytes())
                    .ok()
                    .and_then(|bytes| bytes.try_into().ok())
                    .map(Self)
                    .ok_or(ParseIdError { expected: $len * 2 })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

bytes_id!(
    /// Who a machine is: SHA-256 of the `SubjectPublicKeyInfo` (RFC 5280, 4.1.2.7) of its Ed25519
    /// key. The coordinator has one too; people compare it as a fingerprint.
    DeviceId, 32
);
bytes_id!(
    /// A conversation: the hash of what makes it what it is. See [`ConversationId::direct`].
    ConversationId, 32
);
bytes_id!(
    /// BLAKE3 of some bytes: an envelope's, for the chain of an author.
    Digest, 32
);
bytes_id!(
    /// BLAKE3 of a whole file. What was offered is this and a size.
    Root, 32
);
bytes_id!(
    /// A capability: 128 random bits that name one share.
    ShareId, 16
);
bytes_id!(
    /// An offer as its holders' routes name it: see [`crate::swarm::OfferRef::key`].
    HeldKey, 16
);
bytes_id!(
    /// 128 random bits that tie a connection dialled back to the request for it.
    DialNonce, 16
);
bytes_id!(
    /// A raw Ed25519 public key (RFC 8032).
    PublicKey, 32
);
bytes_id!(
    /// A raw Ed25519 signature (RFC 8032).
    Signature, 64
);

impl DeviceId {
    /// The fingerprint as people read it aloud: the first 128 bits in groups of four digits.
    pub fn fingerprint(&self) -> String {
        let hex = self.to_string();
        let groups: Vec<&str> = (0..8).map(|i| &hex[i * 4..i * 4 + 4]).collect();
        groups.join(" ")
    }

    /// The first eight hexadecimal digits, for logs and file names.
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }
}

impl ConversationId {
    /// The conversation of everybody at a coordinator.
    pub fn lobby() -> Self {
        Self(blake3::derive_key("landline 2026 conversation lobby", b""))
    }

    /// The conversation of two people: the same whoever asks, whatever the order.
    ///
    /// Names are compared by their folded form, as the coordinator compares them.
    pub fn direct(one: &UserName, other: &UserName) -> Self {
        let mut pair = [one.folded(), other.folded()];
        pair.sort();
        let joined = format!("{}\n{}", pair[0], pair[1]);
        Self(blake3::derive_key("landline 2026 conversation direct", joined.as_bytes()))
    }
}

/// A message's own name, a `UUIDv7` (RFC 9562): sorts by creation, unique without asking anyone.
/// With the author's device it is the idempotency key of a send.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(uuid::Uuid);

impl MessageId {
    /// Makes one from a moment and ten random bytes, both brought by the caller.
    pub fn new(at: Timestamp, random: [u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(at.as_millis(), &random).into_uuid())
    }

    /// The sixteen bytes, as databases keep them.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Reads sixteen bytes from a database row.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        uuid::Uuid::from_slice(bytes).ok().map(Self)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({})", self.0)
    }
}

impl FromStr for MessageId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        text.parse().map(Self).map_err(|_| ParseIdError { expected: 32 })
    }
}

/// A message's place in its conversation, given by the coordinator: 1, 2, 3 … without gaps.
/// As a cursor, 0 means "nothing yet".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The cursor of someone who has seen nothing.
    pub const ZERO: Self = Self(0);

    /// The place after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Milliseconds since 1970-01-01 UTC. Shown to people; never used to order messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, as tokens count them.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// The moment `later` milliseconds after this one.
    #[must_use]
    pub const fn plus_millis(self, later: u64) -> Self {
        Self(self.0.saturating_add(later))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_direct_conversation_does_not_depend_on_who_asks() {
        let alice: UserName = "Alice".parse().unwrap();
        let bob: UserName = "bob".parse().unwrap();
        let lower: UserName = "alice".parse().unwrap();
        assert_eq!(ConversationId::direct(&alice, &bob), ConversationId::direct(&bob, &lower));
        assert_ne!(ConversationId::direct(&alice, &bob), ConversationId::lobby());
    }

    #[test]
    fn an_identifier_of_the_wrong_length_is_refused() {
        assert!("abcd".parse::<ShareId>().is_err());
        assert!("zz".repeat(16).parse::<ShareId>().is_err());
        assert_eq!("0A".repeat(16).parse::<ShareId>().unwrap().to_string(), "0a".repeat(16));
    }
}
