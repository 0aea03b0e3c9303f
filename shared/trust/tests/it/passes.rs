//! Content passes: good for one device and one offer, from whoever may issue them, and in no other
//! place.

use data_encoding::BASE64URL_NOPAD;
use landline_protocol::{
    Author, Body, ConversationId, DeviceId, Envelope, MessageId, OfferRef, Timestamp, swarm,
};
use landline_trust::{DeviceKey, TokenError, TokenVerifier, pass, seal};
use serde_json::{Value, json};

use crate::tokens::{DEVICE, ISSUER, Mint, NOW, OTHER, alice, encode, later, part};

fn offer_of(device: DeviceId) -> OfferRef {
    OfferRef { conversation: ConversationId::lobby(), device, id: MessageId::new(NOW, [7; 10]) }
}

fn offer() -> OfferRef {
    offer_of(OTHER)
}

/// A pass made by the author of an offer, and that author.
fn owned() -> (String, DeviceKey, OfferRef) {
    let key = DeviceKey::generate().unwrap();
    let offer = offer_of(key.id());
    (pass::issue(&key, &alice(), &DEVICE, &offer, NOW).unwrap().0, key, offer)
}

fn claims_of(owned: &str) -> Value {
    part(owned, 0)
}

fn forged(key: &DeviceKey, claims: &Value) -> String {
    let text = claims.to_string();
    let signature = key.sign(&swarm::pass_signing_bytes(&text));
    [BASE64URL_NOPAD.encode(text.as_bytes()), BASE64URL_NOPAD.encode(signature.as_bytes())].join(".")
}

#[test]
fn a_pass_says_for_whom_for_what_and_how_long() {
    let mint = Mint::new();
    let (token, until) = mint.signer.content_pass(&alice(), &DEVICE, &offer(), NOW).unwrap();
    assert_eq!(until, later(600));
    let claims = mint.verifier.content_pass(&token, &DEVICE, NOW).unwrap();
    assert_eq!((claims.user, claims.offer, claims.expires_at), (alice(), offer(), until));
    let mut said = part(&token, 1);
    said["jti"] = "…".into();
    assert_eq!(
        said,
        json!({
            "typ": "content", "iss": ISSUER, "sub": "alice", "aud": "content", "jti": "…",
            "nbf": 1_790_000_000, "iat": 1_790_000_000, "exp": 1_790_000_600,
            "cnf": {"kid": DEVICE}, "offer": offer(),
        })
    );
    let (token, key, offer) = owned();
    let claims = pass::verify(&token, &key.public(), &DEVICE, NOW).unwrap();
    assert_eq!((claims.user, claims.offer, claims.expires_at), (alice(), offer, later(600)));
    assert_eq!(pass::named_offer(&token), Some(offer));
}

#[test]
fn a_pass_is_bound_to_its_device_and_its_coordinator() {
    let mint = Mint::new();
    let token = mint.signer.content_pass(&alice(), &DEVICE, &offer(), NOW).unwrap().0;
    assert_eq!(mint.verifier.content_pass(&token, &OTHER, NOW), Err(TokenError::Device));
    let elsewhere =
        TokenVerifier::new(landline_protocol::account::KeySet { issuer: OTHER, ..mint.signer.key_set() });
    assert_eq!(elsewhere.content_pass(&token, &DEVICE, NOW), Err(TokenError::Issuer));
    assert_eq!(Mint::new().verifier.content_pass(&token, &DEVICE, NOW), Err(TokenError::Forged));
    let (token, key, _) = owned();
    assert_eq!(pass::verify(&token, &key.public(), &OTHER, NOW), Err(TokenError::Device));
}

#[test]
fn a_pass_lasts_ten_minutes_and_no_longer_while_the_coordinator_is_away() {
    let mint = Mint::new();
    let issued = mint.signer.content_pass(&alice(), &DEVICE, &offer(), NOW).unwrap().0;
    let (owned, key, _) = owned();
    let both = |now: Timestamp| {
        let one = mint.verifier.content_pass(&issued, &DEVICE, now).map(|_| ());
        assert_eq!(one, pass::verify(&owned, &key.public(), &DEVICE, now).map(|_| ()));
        one
    };
    assert_eq!(both(later(604)), Ok(()));
    assert_eq!(both(later(605)), Err(TokenError::Expired));
    assert_eq!(both(Timestamp::from_millis(NOW.as_millis() - 6_000)), Err(TokenError::NotYet));
    assert!(mint.verifier.peer_credential_offline(&issued, &DEVICE, NOW).is_err());
    let mut long = claims_of(&owned);
    long["exp"] = json!(1_790_000_601);
    let long = forged(&key, &long);
    assert_eq!(pass::verify(&long, &key.public(), &DEVICE, NOW), Err(TokenError::Malformed));
}

#[test]
fn no_token_is_a_pass_and_no_pass_another_token() {
    let mint = Mint::new();
    let access = mint.access();
    let peer = mint.signer.peer_credential(&alice(), &DEVICE, NOW).unwrap().0;
    let issued = mint.signer.content_pass(&alice(), &DEVICE, &offer(), NOW).unwrap().0;
    let (owned, key, _) = owned();
    for token in [&access, &peer] {
        assert_eq!(mint.verifier.content_pass(token, &DEVICE, NOW), Err(TokenError::Purpose));
    }
    assert_eq!(mint.verifier.access(&issued, &DEVICE, NOW), Err(TokenError::Purpose));
    assert_eq!(mint.verifier.peer_credential(&issued, &DEVICE, NOW), Err(TokenError::Purpose));
    for token in [&access, &peer, &issued] {
        assert!(pass::verify(token, &key.public(), &DEVICE, NOW).is_err());
        assert_eq!(pass::named_offer(token), None);
    }
    assert_eq!(mint.verifier.content_pass(&owned, &DEVICE, NOW), Err(TokenError::Malformed));
    assert!(mint.verifier.access(&owned, &DEVICE, NOW).is_err());
    assert!(mint.verifier.peer_credential(&owned, &DEVICE, NOW).is_err());
}

#[test]
fn the_claims_of_a_pass_are_all_required_whoever_made_it() {
    let mint = Mint::new();
    let good = part(&mint.signer.content_pass(&alice(), &DEVICE, &offer(), NOW).unwrap().0, 1);
    let (token, key, _) = owned();
    let check = |claims: &Value| mint.verifier.content_pass(&mint.sign(claims), &DEVICE, NOW);
    let check_owned = |claims: &Value| pass::verify(&forged(&key, claims), &key.public(), &DEVICE, NOW);
    assert!(check(&good).is_ok() && check_owned(&claims_of(&token)).is_ok(), "the controls");
    for claim in ["typ", "iss", "sub", "aud", "jti", "nbf", "iat", "exp", "cnf", "offer"] {
        let without = |claims: &Value| {
            let mut claims = claims.clone();
            claims.as_object_mut().unwrap().remove(claim);
            claims
        };
        assert_eq!(check(&without(&good)), Err(TokenError::Malformed), "{claim}");
        assert_eq!(check_owned(&without(&claims_of(&token))), Err(TokenError::Malformed), "{claim}");
    }
    for (claim, value) in [
        ("typ", json!("peer")),
        ("aud", json!("peer")),
        ("aud", json!(["content", "owned-content"])),
        ("iss", json!(DEVICE)),
        ("cnf", json!({"kid": OTHER})),
        ("offer", json!({"id": offer().id})),
        ("offer", Value::Null),
    ] {
        for (claims, owned) in [(good.clone(), false), (claims_of(&token), true)] {
            let mut claims = claims;
            claims[claim] = value.clone();
            let refused = if owned { check_owned(&claims) } else { check(&claims) };
            assert!(refused.is_err(), "{claim}: {value}");
        }
    }
    // The coordinator's claims in an owner's form, and the other way round.
    assert!(check(&claims_of(&token)).is_err() && check_owned(&good).is_err());
}

#[test]
fn only_the_author_of_an_offer_issues_passes_for_it() {
    let (token, key, offer) = owned();
    let mallory = DeviceKey::generate().unwrap();
    let refused = pass::issue(&mallory, &alice(), &DEVICE, &offer, NOW).unwrap_err();
    assert_eq!(refused, TokenError::Issuer);
    // As if she had all the same: in her own name, and in the author's.
    let mut claims = claims_of(&token);
    assert_eq!(
        pass::verify(&forged(&mallory, &claims), &key.public(), &DEVICE, NOW),
        Err(TokenError::Forged)
    );
    assert_eq!(
        pass::verify(&forged(&mallory, &claims), &mallory.public(), &DEVICE, NOW),
        Err(TokenError::Issuer)
    );
    claims["iss"] = json!(mallory.id());
    assert_eq!(
        pass::verify(&forged(&mallory, &claims), &mallory.public(), &DEVICE, NOW),
        Err(TokenError::Issuer),
        "a pass for the offer of another"
    );
    assert!(pass::verify(&token, &mallory.public(), &DEVICE, NOW).is_err());
}

#[test]
fn what_an_author_signed_elsewhere_or_was_altered_is_no_pass() {
    let (token, key, _) = owned();
    let (claims, signature) = token.split_once('.').unwrap();
    let refused = |token: &str| pass::verify(token, &key.public(), &DEVICE, NOW).unwrap_err();
    let mut root = claims_of(&token);
    root["sub"] = "root".into();
    assert_eq!(refused(&[&encode(&root), signature].join(".")), TokenError::Forged);
    // The same claims, signed without the domain tag, and as the text of an envelope.
    let text = claims_of(&token).to_string();
    let bare = key.sign(text.as_bytes());
    let spoken = Envelope {
        v: 1,
        id: MessageId::new(NOW, [1; 10]),
        conversation: ConversationId::lobby(),
        author: Author { user: alice(), device: key.id() },
        n: 1,
        prev: None,
        lamport: 1,
        epoch: 0,
        sent_at: NOW,
        body: Body::Text { text: text.clone() },
    };
    let sealed = seal(&key, &spoken);
    for (text, signature) in [(&text, bare), (&sealed.envelope, sealed.signature)] {
        let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        let shown = [encode(text.as_bytes()), encode(signature.as_bytes())].join(".");
        assert_eq!(refused(&shown), TokenError::Forged);
    }
    for rubbish in ["", ".", "a.b", "a.b.c", claims, &token[..token.len() - 1], &[&token, "."].concat()] {
        refused(rubbish);
    }
}
