//! Tokens: believed only for the right use, device, coordinator and time.

use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use landline_protocol::{DeviceId, ErrorCode, Timestamp, UserName};
use landline_trust::{TokenError, TokenSigner, TokenVerifier};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
pub(crate) const ISSUER: DeviceId = DeviceId::from_bytes([1; 32]);
pub(crate) const DEVICE: DeviceId = DeviceId::from_bytes([2; 32]);
pub(crate) const OTHER: DeviceId = DeviceId::from_bytes([3; 32]);

pub(crate) struct Mint {
    dir: TempDir,
    pub(crate) signer: TokenSigner,
    pub(crate) verifier: TokenVerifier,
}

impl Mint {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let signer = TokenSigner::load_or_create(dir.path(), ISSUER).unwrap();
        let verifier = TokenVerifier::new(signer.key_set());
        Self { dir, signer, verifier }
    }

    pub(crate) fn access(&self) -> String {
        self.signer.access(&alice(), &DEVICE, "family", NOW).unwrap().0
    }

    /// Signs any claims with the genuine key: what a bug in the coordinator could issue.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let pem = std::fs::read(self.dir.path().join("tokens.pem")).unwrap();
        let der = PrivatePkcs8KeyDer::from_pem_slice(&pem).unwrap();
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.signer.key_set().keys[0].id.clone());
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_der(der.secret_pkcs8_der())).unwrap()
    }
}

pub(crate) fn alice() -> UserName {
    "alice".parse().unwrap()
}

pub(crate) fn later(seconds: u64) -> Timestamp {
    NOW.plus_millis(seconds * 1000)
}

pub(crate) fn part(token: &str, index: usize) -> Value {
    let text = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(text.as_bytes()).unwrap()).unwrap()
}

pub(crate) fn encode(value: &Value) -> String {
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}

#[test]
fn tokens_say_what_they_are_for_and_how_long() {
    let mint = Mint::new();
    let (access, until) = mint.signer.access(&alice(), &DEVICE, "family", NOW).unwrap();
    assert_eq!(until, later(600));
    let claims = mint.verifier.access(&access, &DEVICE, NOW).unwrap();
    assert_eq!((claims.user, claims.session.as_str(), claims.expires_at), (alice(), "family", until));

    let (peer, until) = mint.signer.peer_credential(&alice(), &DEVICE, NOW).unwrap();
    assert_eq!(until, later(24 * 3600));
    let claims = mint.verifier.peer_credential(&peer, &DEVICE, NOW).unwrap();
    assert_eq!((claims.user, claims.issued_at, claims.expires_at), (alice(), NOW, until));

    let mut claims = part(&access, 1);
    assert!(claims["jti"].as_str().unwrap().len() >= 22);
    claims["jti"] = "…".into();
    assert_eq!(
        claims,
        json!({
            "typ": "access", "iss": ISSUER, "sub": "alice", "aud": "coordinator", "jti": "…",
            "nbf": 1_790_000_000, "iat": 1_790_000_000, "exp": 1_790_000_600,
            "cnf": {"kid": DEVICE}, "sid": "family",
        })
    );
    assert_eq!(part(&access, 0)["alg"], "EdDSA");
    assert_ne!(mint.access(), mint.access(), "jti");
}

#[test]
fn the_signing_key_survives_a_restart() {
    let mint = Mint::new();
    let again = TokenSigner::load_or_create(mint.dir.path(), ISSUER).unwrap();
    assert_eq!(again.key_set(), mint.signer.key_set());
    assert_eq!(again.key_set().keys[0].id.len(), 16);
}

#[test]
fn one_kind_of_token_is_not_good_for_the_other() {
    let mint = Mint::new();
    let peer = mint.signer.peer_credential(&alice(), &DEVICE, NOW).unwrap().0;
    assert!(matches!(mint.verifier.access(&peer, &DEVICE, NOW), Err(TokenError::Purpose)));
    assert!(matches!(mint.verifier.peer_credential(&mint.access(), &DEVICE, NOW), Err(TokenError::Purpose)));
}

#[test]
fn a_token_is_bound_to_its_device_and_its_coordinator() {
    let mint = Mint::new();
    let stolen = mint.verifier.access(&mint.access(), &OTHER, NOW).unwrap_err();
    assert!(matches!(stolen, TokenError::Device));
    assert_eq!(stolen.code(), ErrorCode::Unauthenticated);

    let mut keys = mint.signer.key_set();
    keys.issuer = OTHER;
    let elsewhere = TokenVerifier::new(keys);
    assert!(matches!(elsewhere.access(&mint.access(), &DEVICE, NOW), Err(TokenError::Issuer)));
}

/// Its signature need not be checked again, all else must be.
#[test]
fn a_token_that_was_good_a_moment_ago_is_judged_anew() {
    let mint = Mint::new();
    let token = mint.access();
    let shown =
        |token: &str, device, now| mint.verifier.access(token, &device, now).map(|claims| claims.user);
    assert_eq!(shown(&token, DEVICE, NOW), Ok(alice()));
    assert_eq!(shown(&token, DEVICE, NOW), Ok(alice()));
    assert_eq!(shown(&token, OTHER, NOW), Err(TokenError::Device));
    assert_eq!(shown(&token, DEVICE, later(3600)), Err(TokenError::Expired));
    assert_eq!(mint.verifier.peer_credential(&token, &DEVICE, NOW), Err(TokenError::Purpose));
    let (claimed, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    bytes[0] ^= 1;
    let forged = format!("{claimed}.{}", BASE64URL_NOPAD.encode(&bytes));
    assert_eq!(shown(&forged, DEVICE, NOW), Err(TokenError::Forged));
    assert_eq!(shown(&forged, DEVICE, NOW), Err(TokenError::Forged), "what is not genuine is not remembered");
}

#[test]
fn time_is_judged_with_five_seconds_of_leeway() {
    let mint = Mint::new();
    let token = mint.access();
    let at = |now| mint.verifier.access(&token, &DEVICE, now);
    assert!(at(later(604)).is_ok());
    let expired = at(later(605)).unwrap_err();
    assert!(matches!(expired, TokenError::Expired));
    assert_eq!(expired.code(), ErrorCode::TokenExpired);
    assert!(at(Timestamp::from_millis(NOW.as_millis() - 5_000)).is_ok());
    assert!(matches!(at(Timestamp::from_millis(NOW.as_millis() - 6_000)), Err(TokenError::NotYet)));
}

#[test]
fn a_peer_credential_lasts_a_week_longer_only_where_that_is_asked_for() {
    let mint = Mint::new();
    let token = mint.signer.peer_credential(&alice(), &DEVICE, NOW).unwrap().0;
    let day = 24 * 3600;
    let verifier = &mint.verifier;
    assert!(matches!(verifier.peer_credential(&token, &DEVICE, later(day + 5)), Err(TokenError::Expired)));
    assert!(verifier.peer_credential_offline(&token, &DEVICE, later(8 * day)).is_ok());
    let late = verifier.peer_credential_offline(&token, &DEVICE, later(8 * day + 5));
    assert!(matches!(late, Err(TokenError::Expired)));
    assert!(verifier.peer_credential_offline(&token, &OTHER, NOW).is_err());
}

#[test]
fn forged_tokens_are_refused() {
    let mint = Mint::new();
    let token = mint.access();
    let parts: Vec<&str> = token.split('.').collect();
    let refused = |token: &str| mint.verifier.access(token, &DEVICE, NOW).unwrap_err();

    let mut claims = part(&token, 1);
    claims["sub"] = "root".into();
    let altered = [parts[0], &encode(&claims), parts[2]].join(".");
    assert!(matches!(refused(&altered), TokenError::Forged));

    let stranger = Mint::new();
    assert!(matches!(refused(&stranger.access()), TokenError::Forged), "an unknown key");
    let mut header = part(&stranger.access(), 0);
    header["kid"] = part(&token, 0)["kid"].clone();
    let renamed = stranger.access();
    let rest = renamed.split_once('.').unwrap().1;
    assert!(matches!(refused(&[&encode(&header), ".", rest].concat()), TokenError::Forged));

    for alg in ["none", "None", "HS256"] {
        let mut header = part(&token, 0);
        header["alg"] = alg.into();
        let unsigned = [&encode(&header), ".", parts[1], "."].concat();
        assert!(matches!(refused(&unsigned), TokenError::Malformed | TokenError::Forged), "{alg}");
    }
    for rubbish in ["", ".", "..", "a.b.c", &token[..token.len() - 1], &parts[..2].join(".")] {
        refused(rubbish);
    }
}

#[test]
fn the_public_key_does_not_serve_as_a_shared_secret() {
    let mint = Mint::new();
    let token = mint.access();
    let mut header = part(&token, 0);
    header["alg"] = "HS256".into();
    let message = [encode(&header), token.split('.').nth(1).unwrap().to_owned()].join(".");
    let secret = hmac::Key::new(hmac::HMAC_SHA256, mint.signer.key_set().keys[0].key.as_bytes());
    let tag = hmac::sign(&secret, message.as_bytes());
    let forged = [message, BASE64URL_NOPAD.encode(tag.as_ref())].join(".");
    assert!(matches!(mint.verifier.access(&forged, &DEVICE, NOW), Err(TokenError::Forged)));
}

#[test]
fn every_claim_is_required_and_checked() {
    let mint = Mint::new();
    let good = part(&mint.access(), 1);
    assert!(mint.verifier.access(&mint.sign(&good), &DEVICE, NOW).is_ok(), "the control");
    for claim in ["typ", "iss", "sub", "aud", "jti", "nbf", "iat", "exp", "cnf", "sid"] {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(claim);
        let refused = mint.verifier.access(&mint.sign(&claims), &DEVICE, NOW);
        assert!(matches!(refused, Err(TokenError::Malformed)), "without {claim}: {refused:?}");
    }
    for (claim, value) in [
        ("typ", json!("peer")),
        ("iss", json!(OTHER)),
        ("sub", json!("a/b")),
        ("aud", json!("peer")),
        ("aud", json!(["coordinator", "peer"])),
        ("jti", json!("")),
        ("nbf", json!(1_790_000_006)),
        ("iat", json!(1_790_000_006)),
        ("exp", json!(1_789_999_995)),
        ("exp", json!(1_790_000_601)),
        ("exp", json!("1790000600")),
        ("cnf", json!({"kid": OTHER})),
        ("cnf", json!({})),
    ] {
        let mut claims = good.clone();
        claims[claim] = value.clone();
        assert!(mint.verifier.access(&mint.sign(&claims), &DEVICE, NOW).is_err(), "{claim}: {value}");
    }
}
