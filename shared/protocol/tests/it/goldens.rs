//! Every sample is compared with its frozen file, both ways.
//!
//! A golden is never edited: other releases speak it. A new message gets a new file, written by
//! running this test with `WRITE_GOLDENS=1`, which adds missing files and touches no others.

use std::collections::BTreeSet;
use std::path::PathBuf;

use landline_protocol::{Envelope, EnvelopeHead, Signed, swarm};
use serde_json::Value;

use crate::samples::{self, Sample};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/goldens")
}

#[test]
fn every_message_is_what_its_golden_says() {
    let write = std::env::var_os("WRITE_GOLDENS").is_some();
    for Sample { name, value, reread } in samples::all() {
        let path = folder().join(format!("{name}.json"));
        let pretty = serde_json::to_string_pretty(&value).unwrap() + "\n";
        if write && !path.exists() {
            std::fs::write(&path, &pretty).unwrap();
        }
        let golden = std::fs::read_to_string(&path)
            .unwrap_or_else(|why| panic!("{name}: no golden ({why}); WRITE_GOLDENS=1 adds missing ones"));
        let frozen: Value = serde_json::from_str(&golden).unwrap();
        assert_eq!(frozen, value, "{name}: the wire changed");
        assert_eq!(reread(&golden), Ok(()), "{name}: the golden is read as something else");
    }
}

#[test]
fn every_golden_belongs_to_a_message() {
    let known: BTreeSet<String> = samples::all().iter().map(|s| format!("{}.json", s.name)).collect();
    let found: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, known);
}

#[test]
fn no_kind_of_message_is_without_a_sample() {
    let names: BTreeSet<String> = samples::all().iter().map(|s| s.name.to_owned()).collect();
    for kind in samples::kinds() {
        assert!(names.contains(kind), "{kind} has no sample");
    }
}

#[test]
fn the_bytes_that_are_signed_are_fixed() {
    let bytes = Signed::signing_bytes("{}");
    assert_eq!(&bytes[..21], b"landline envelope v1\0");
    assert_eq!(
        data_encoding::HEXLOWER.encode(&bytes[21..]),
        blake3::hash(b"{}").to_hex().as_str(),
        "the domain tag is followed by the BLAKE3 of the envelope's bytes"
    );
}

#[test]
fn the_bytes_of_a_pass_are_not_those_of_an_envelope() {
    let bytes = swarm::pass_signing_bytes("{}");
    assert_eq!(&bytes[..25], b"landline content pass v1\0");
    assert_eq!(bytes[25..], *blake3::hash(b"{}").as_bytes());
    assert_ne!(bytes, Signed::signing_bytes("{}"));
}

/// Holders of every release must answer under the same name.
#[test]
fn the_key_of_an_offer_is_fixed() {
    let offer = samples::offer_ref();
    let said =
        [offer.conversation.as_bytes().as_slice(), offer.device.as_bytes(), offer.id.as_bytes()].concat();
    assert_eq!(offer.key().as_bytes(), &blake3::derive_key("landline 2026 held offer", &said)[..16]);
    assert_eq!(offer.key().to_string(), "e9e9f418ecc8e66cdd2c54d509989c53");
}

#[test]
fn the_head_of_an_envelope_says_the_same_as_the_whole() {
    let signed = samples::signed();
    let Envelope { v, id, conversation, author, n, .. } = signed.parse().unwrap();
    let whole = EnvelopeHead { v, id, conversation, author, n };
    assert_eq!(signed.parse_head().unwrap(), whole);
}
