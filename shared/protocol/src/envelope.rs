//! The signed envelope: one form for everything people say, whoever carries it.
//!
//! An envelope is serialised once, by its author. From then on it travels and is stored as those
//! exact bytes, so fields that a reader does not know survive, and one signature serves for ever.
//! Signing and checking live in `landline-trust`.

use serde::{Deserialize, Serialize};

use crate::body::Body;
use crate::ids::{ConversationId, DeviceId, Digest, MessageId, PublicKey, Signature, Timestamp};
use crate::limits;
use crate::user::UserName;

/// What the BLAKE3 of an envelope's bytes is prefixed with before it is signed, so that a
/// signature made here means nothing anywhere else.
pub const SIGNATURE_DOMAIN: &[u8] = b"landline envelope v1\0";

/// Who wrote an envelope: a person, and the machine that signed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Author {
    /// The name at the coordinator.
    pub user: UserName,
    /// The device whose key signed.
    pub device: DeviceId,
}

/// One thing said in a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// The envelope's version; 1.
    pub v: u16,
    /// Its own name. With the author's device, the idempotency key.
    pub id: MessageId,
    /// Where it is said.
    pub conversation: ConversationId,
    /// Who says it.
    pub author: Author,
    /// The device's counter in this conversation: 1, 2, 3 …
    pub n: u64,
    /// BLAKE3 of the device's previous envelope in this conversation, absent at `n` = 1.
    pub prev: Option<Digest>,
    /// Greater than that of every envelope the author had seen in the conversation.
    pub lamport: u64,
    /// Reserved for sealing end to end; 0.
    pub epoch: u32,
    /// The author's clock. Shown, never used for order.
    pub sent_at: Timestamp,
    /// What is said. Opaque to whoever only carries it.
    pub body: Body,
}

impl Envelope {
    /// The bytes to sign and send. Done once in an envelope's life.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self)
            .unwrap_or_else(|_| unreachable!("an envelope has no map with other keys than strings"))
    }
}

/// An envelope without its body: all that a coordinator looks at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnvelopeHead {
    /// See [`Envelope::v`].
    pub v: u16,
    /// See [`Envelope::id`].
    pub id: MessageId,
    /// See [`Envelope::conversation`].
    pub conversation: ConversationId,
    /// See [`Envelope::author`].
    pub author: Author,
    /// See [`Envelope::n`].
    pub n: u64,
}

/// An envelope's exact bytes with the author's signature.
///
/// Holding one says nothing about its being genuine: `landline_trust::envelope::open` does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// The envelope as its author serialised it.
    pub envelope: String,
    /// The author's raw public key, whose hash must be `author.device`.
    pub key: PublicKey,
    /// Ed25519 over [`Signed::signing_bytes`].
    pub signature: Signature,
}

/// An envelope that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// Over [`limits::ENVELOPE_BYTES`].
    #[error("the message is larger than {} KiB", limits::ENVELOPE_BYTES / 1024)]
    TooLarge,
    /// Not the JSON of an envelope.
    #[error("the message cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A version this build does not know.
    #[error("the message has version {0}, which this version of Landline does not know")]
    Version(u16),
}

impl Signed {
    /// The domain tag and the BLAKE3 of the envelope's bytes: what is signed.
    pub fn signing_bytes(envelope: &str) -> Vec<u8> {
        [SIGNATURE_DOMAIN, blake3::hash(envelope.as_bytes()).as_bytes()].concat()
    }

    /// BLAKE3 of the envelope's bytes: `prev` of the author's next one.
    pub fn digest(&self) -> Digest {
        Digest::from_bytes(*blake3::hash(self.envelope.as_bytes()).as_bytes())
    }

    /// Reads everything, without judging the signature.
    pub fn parse(&self) -> Result<Envelope, EnvelopeError> {
        let envelope: Envelope = self.parse_as()?;
        if envelope.v == crate::VERSION { Ok(envelope) } else { Err(EnvelopeError::Version(envelope.v)) }
    }

    /// Reads what routing needs, without judging the signature or looking into the body.
    pub fn parse_head(&self) -> Result<EnvelopeHead, EnvelopeError> {
        let head: EnvelopeHead = self.parse_as()?;
        if head.v == crate::VERSION { Ok(head) } else { Err(EnvelopeError::Version(head.v)) }
    }

    fn parse_as<'a, T: Deserialize<'a>>(&'a self) -> Result<T, EnvelopeError> {
        if self.envelope.len() > limits::ENVELOPE_BYTES {
            return Err(EnvelopeError::TooLarge);
        }
        Ok(serde_json::from_str(&self.envelope)?)
    }
}
