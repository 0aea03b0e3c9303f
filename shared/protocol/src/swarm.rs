//! Fetching from many: how an offer is named among its holders, and what a holder says it has.

use serde::{Deserialize, Serialize};

use crate::ids::{ConversationId, DeviceId, HeldKey, MessageId};
use crate::user::UserName;

/// The HTTP header that carries a content pass (a JWT, `aud` content) beside the peer credential.
pub const PASS_HEADER: &str = "landline-pass";

/// Sets what is signed here apart from everything else that a device signs.
const PASS_DOMAIN: &[u8] = b"landline content pass v1\0";

/// One offer, beyond doubt. A message id alone is chosen by its author: somebody could give the id
/// of an offer that is none of their business to a message of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OfferRef {
    /// Where it was made.
    pub conversation: ConversationId,
    /// The device that made it.
    pub device: DeviceId,
    /// Its message.
    pub id: MessageId,
}

impl OfferRef {
    /// The name of this offer in the routes of its holders. Says nothing and grants nothing.
    pub fn key(&self) -> HeldKey {
        let mut hasher = blake3::Hasher::new_derive_key("landline 2026 held offer");
        hasher.update(self.conversation.as_bytes()).update(self.device.as_bytes()).update(self.id.as_bytes());
        let mut key = [0; 16];
        key.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        HeldKey::from_bytes(key)
    }
}

/// What the author of an offer signs over the claims of a pass: a domain tag and the BLAKE3 of their
/// bytes.
pub fn pass_signing_bytes(claims: &str) -> Vec<u8> {
    [PASS_DOMAIN, blake3::hash(claims.as_bytes()).as_bytes()].concat()
}

/// A device that holds some or all of what was offered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Holder {
    /// Whose it is.
    pub user: UserName,
    /// The device. Where it can be reached stands in the directory.
    pub device: DeviceId,
    /// Whether it has all of it.
    pub complete: bool,
}

/// The answer of the `have` routes: which pieces can be fetched here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Have {
    /// All of them; then `map` is absent.
    pub complete: bool,
    /// One bit for each piece, the lowest first, set where it is verified; base64 (RFC 4648, 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<String>,
    /// Likewise: pieces that somebody else got from here or is getting now. Whoever still needs any
    /// other takes that first, so that one upload of the whole serves everyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<String>,
}
