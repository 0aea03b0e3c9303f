//! Revocation lists signed and opened: a coordinator's word that some credentials are void.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use landline_protocol::DeviceId;
use landline_protocol::revocation::{RevocationList, SignedRevocations};

use crate::claims::{LEEWAY_SECS, PEER};
use crate::device::{DeviceKey, device_id};
use crate::token::OFFLINE_GRACE_SECS;

/// How long after `before` an entry matters, in milliseconds: the last credential that it voids is
/// honoured by nobody any more.
pub const KEPT_MILLIS: u64 = (PEER.lifetime_secs + OFFLINE_GRACE_SECS + LEEWAY_SECS) * 1000;

/// A revocation list that is not to be believed.
#[derive(Debug, thiserror::Error)]
pub enum RevocationError {
    /// Not the JSON of a list.
    #[error("the list of revocations cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// It came from, or names, another coordinator than the one asked for.
    #[error("the list of revocations is {}'s, not {}'s", came.short(), expected.short())]
    NotTheIssuer {
        /// Whose list is wanted.
        expected: DeviceId,
        /// Whose it is.
        came: DeviceId,
    },
    /// The bytes are not what was signed.
    #[error("the signature of the list of revocations does not match: it was altered or forged")]
    Forged,
}

/// Serialises and signs a list of the key's own coordinator.
pub fn sign(key: &DeviceKey, list: &RevocationList) -> SignedRevocations {
    let list = serde_json::to_string(list)
        .unwrap_or_else(|_| unreachable!("a list has no map with other keys than strings"));
    let signature = key.sign(&SignedRevocations::signing_bytes(&list));
    SignedRevocations { list, key: key.public(), signature }
}

/// Reads a list that `issuer` signed.
pub fn open(signed: &SignedRevocations, issuer: &DeviceId) -> Result<RevocationList, RevocationError> {
    let expected = *issuer;
    let came = device_id(&signed.key);
    if came != expected {
        return Err(RevocationError::NotTheIssuer { expected, came });
    }
    UnparsedPublicKey::new(&ED25519, signed.key.as_bytes())
        .verify(&SignedRevocations::signing_bytes(&signed.list), signed.signature.as_bytes())
        .map_err(|_| RevocationError::Forged)?;
    let list: RevocationList = serde_json::from_str(&signed.list)?;
    if list.issuer == expected {
        Ok(list)
    } else {
        Err(RevocationError::NotTheIssuer { expected, came: list.issuer })
    }
}
