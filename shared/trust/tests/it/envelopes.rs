//! Envelopes: what was sealed opens, and nothing else does.

use landline_protocol::{Author, Body, ConversationId, Envelope, MessageId, Signature, Signed, Timestamp};
use landline_trust::{DeviceKey, OpenError, open, open_head, seal};

fn envelope(key: &DeviceKey) -> Envelope {
    Envelope {
        v: 1,
        id: MessageId::new(Timestamp::from_millis(1_790_000_000_000), [7; 10]),
        conversation: ConversationId::lobby(),
        author: Author { user: "alice".parse().unwrap(), device: key.id() },
        n: 1,
        prev: None,
        lamport: 1,
        epoch: 0,
        sent_at: Timestamp::from_millis(1_790_000_000_000),
        body: Body::Text { text: "hello".into() },
    }
}

#[test]
fn a_sealed_envelope_opens() {
    let key = DeviceKey::generate().unwrap();
    let said = envelope(&key);
    let signed = seal(&key, &said);
    assert_eq!(open(&signed).unwrap(), said);
    assert_eq!(open_head(&signed).unwrap().id, said.id);
}

#[test]
fn an_altered_envelope_is_refused() {
    let key = DeviceKey::generate().unwrap();
    let signed = seal(&key, &envelope(&key));
    let mut altered = signed.clone();
    altered.envelope = signed.envelope.replace("hello", "hellO");
    assert!(matches!(open(&altered), Err(OpenError::Forged)));
    assert!(matches!(open_head(&altered), Err(OpenError::Forged)));

    for place in [0, 31, 32, 63] {
        let mut bytes = *signed.signature.as_bytes();
        bytes[place] ^= 1;
        let altered = Signed { signature: Signature::from_bytes(bytes), ..signed.clone() };
        assert!(matches!(open(&altered), Err(OpenError::Forged)), "byte {place}");
    }
}

#[test]
fn an_envelope_under_another_key_is_refused() {
    let (alice, mallory) = (DeviceKey::generate().unwrap(), DeviceKey::generate().unwrap());
    // Mallory signs, rightly, what names Alice as its author.
    let signed = seal(&mallory, &envelope(&alice));
    match open(&signed) {
        Err(OpenError::NotTheAuthor { named, came }) => assert_eq!((named, came), (alice.id(), mallory.id())),
        other => panic!("{other:?}"),
    }
    // And then claims that Alice's key signed it.
    let claimed = Signed { key: alice.public(), ..signed };
    assert!(matches!(open(&claimed), Err(OpenError::Forged)));
}

#[test]
fn a_signature_made_for_something_else_is_refused() {
    let key = DeviceKey::generate().unwrap();
    let text = envelope(&key).to_json();
    let signature = key.sign(text.as_bytes());
    let signed = Signed { envelope: text, key: key.public(), signature };
    assert!(matches!(open(&signed), Err(OpenError::Forged)), "no domain tag");
}

#[test]
fn an_unreadable_envelope_is_refused_in_words() {
    let key = DeviceKey::generate().unwrap();
    let mut signed = seal(&key, &envelope(&key));
    signed.envelope = "{".into();
    assert!(matches!(open(&signed), Err(OpenError::Unreadable(_))));
    signed.envelope = "x".repeat(landline_protocol::limits::ENVELOPE_BYTES + 1);
    assert_eq!(open(&signed).unwrap_err().to_string(), "the message is larger than 64 KiB");
}

/// Frozen when the format was: it must open for ever.
#[test]
fn an_envelope_of_the_first_release_opens() {
    let signed: Signed = serde_json::from_str(include_str!("envelope.golden.json")).unwrap();
    let said = open(&signed).unwrap();
    assert_eq!(said.body, Body::Text { text: "hello".into() });
    assert_eq!(signed.digest().to_string(), include_str!("envelope.golden.digest").trim());
}
