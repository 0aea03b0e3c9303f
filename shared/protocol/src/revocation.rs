//! Which peer credentials are void before they expire: a signed, versioned list.
//!
//! Signing and checking live in `landline-trust`; like an envelope, the list travels as the exact
//! bytes that were signed.

use serde::{Deserialize, Serialize};

use crate::ids::{DeviceId, PublicKey, Signature, Timestamp};

/// What the BLAKE3 of a list's bytes is prefixed with before it is signed, so that a signature made
/// here means nothing anywhere else.
pub const SIGNATURE_DOMAIN: &[u8] = b"landline revocations v1\0";

/// All revocations of one coordinator that still matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationList {
    /// The coordinator whose credentials are meant.
    pub issuer: DeviceId,
    /// Grows with every change. Whoever knows a list takes no earlier one.
    pub version: u64,
    /// One entry for each device, in the order of their ids.
    pub revoked: Vec<Revoked>,
}

/// A device whose earlier credentials are void.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// The device.
    pub device: DeviceId,
    /// Credentials of that device issued at or before this moment are void.
    pub before: Timestamp,
}

impl RevocationList {
    /// Whether a credential that `device` got at `issued_at` (its `iat`) is void.
    pub fn voids(&self, device: &DeviceId, issued_at: Timestamp) -> bool {
        self.revoked.iter().any(|one| one.device == *device && issued_at <= one.before)
    }
}

/// A list's exact bytes with the coordinator's signature.
///
/// Holding one says nothing about its being genuine: `landline_trust::revocation::open` does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedRevocations {
    /// A [`RevocationList`] as its issuer serialised it.
    pub list: String,
    /// The issuer's raw public key, whose hash must be `issuer`.
    pub key: PublicKey,
    /// Ed25519 over [`SignedRevocations::signing_bytes`].
    pub signature: Signature,
}

impl SignedRevocations {
    /// The domain tag and the BLAKE3 of the list's bytes: what is signed.
    pub fn signing_bytes(list: &str) -> Vec<u8> {
        [SIGNATURE_DOMAIN, blake3::hash(list.as_bytes()).as_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_void_up_to_and_at_the_moment_named() {
        let (device, other) = (DeviceId::from_bytes([1; 32]), DeviceId::from_bytes([2; 32]));
        let before = Timestamp::from_millis(5_000);
        let list = RevocationList { issuer: other, version: 1, revoked: vec![Revoked { device, before }] };
        assert!(list.voids(&device, Timestamp::from_millis(4_000)));
        assert!(list.voids(&device, before));
        assert!(!list.voids(&device, Timestamp::from_millis(5_001)), "signed in again");
        assert!(!list.voids(&other, before));
    }
}
