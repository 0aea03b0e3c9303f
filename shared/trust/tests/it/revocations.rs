//! Revocation lists: what the coordinator signed opens, and nothing else does.

use landline_protocol::revocation::{RevocationList, Revoked, SignedRevocations};
use landline_protocol::{DeviceId, Timestamp};
use landline_trust::DeviceKey;
use landline_trust::revocation::{RevocationError, open, sign};

fn list(issuer: DeviceId) -> RevocationList {
    let before = Timestamp::from_millis(1_790_000_000_000);
    RevocationList {
        issuer,
        version: 4,
        revoked: vec![Revoked { device: DeviceId::from_bytes([7; 32]), before }],
    }
}

#[test]
fn a_signed_list_opens() {
    let key = DeviceKey::generate().unwrap();
    let signed = sign(&key, &list(key.id()));
    assert_eq!(open(&signed, &key.id()).unwrap(), list(key.id()));
}

#[test]
fn an_altered_list_is_refused() {
    let key = DeviceKey::generate().unwrap();
    let signed = sign(&key, &list(key.id()));
    let text = signed.list.replace("\"version\":4", "\"version\":5");
    assert_ne!(text, signed.list);
    let altered = SignedRevocations { list: text, ..signed.clone() };
    assert!(matches!(open(&altered, &key.id()), Err(RevocationError::Forged)));
    // A signature of the same key over the same bytes, made for another purpose.
    let untagged = SignedRevocations { signature: key.sign(signed.list.as_bytes()), ..signed };
    assert!(matches!(open(&untagged, &key.id()), Err(RevocationError::Forged)), "no domain tag");
}

#[test]
fn the_list_of_another_is_refused() {
    let (coordinator, mallory) = (DeviceKey::generate().unwrap(), DeviceKey::generate().unwrap());
    let theirs = sign(&mallory, &list(coordinator.id()));
    assert!(matches!(open(&theirs, &coordinator.id()), Err(RevocationError::NotTheIssuer { .. })));
    let claimed = SignedRevocations { key: coordinator.public(), ..theirs };
    assert!(matches!(open(&claimed, &coordinator.id()), Err(RevocationError::Forged)));
    let misnamed = sign(&coordinator, &list(mallory.id()));
    assert!(matches!(open(&misnamed, &coordinator.id()), Err(RevocationError::NotTheIssuer { .. })));
}
