//! Content passes made by an offer's author, for use where there is no coordinator that could.
//!
//! `CLAIMS.SIGNATURE`, each base64url without padding (RFC 4648, 5): the claims of a token, and the
//! device key's signature over a domain tag and the BLAKE3 of their bytes
//! ([`swarm::pass_signing_bytes`]). Two parts where a JWT has three, a domain tag where a JWT has a
//! header, and a `typ` and `aud` of their own: neither is ever taken for the other, and nothing else
//! that a device signs is taken for a pass.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use data_encoding::BASE64URL_NOPAD;
use landline_protocol::{DeviceId, OfferRef, PublicKey, Signature, Timestamp, UserName, swarm};

use crate::claims::{Check, Claims, OWNED, Statement};
use crate::device::{DeviceKey, device_id};
use crate::token::{PassClaims, TokenError};

/// A pass with which `device` may fetch what was offered from whoever holds it, good for ten
/// minutes. `key` must be the author's of the offer: holders ask nobody else.
pub fn issue(
    key: &DeviceKey,
    user: &UserName,
    device: &DeviceId,
    offer: &OfferRef,
    now: Timestamp,
) -> Result<(String, Timestamp), TokenError> {
    if offer.device != key.id() {
        return Err(TokenError::Issuer);
    }
    let says = Statement { issuer: key.id(), user, device, sid: None, offer: Some(*offer) };
    let claims = Claims::new(OWNED, &says, now)?;
    let text = serde_json::to_string(&claims).map_err(|error| TokenError::Sign(error.to_string()))?;
    let signature = key.sign(&swarm::pass_signing_bytes(&text));
    let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    let token = format!("{}.{}", encode(text.as_bytes()), encode(signature.as_bytes()));
    Ok((token, claims.expires_at()))
}

/// Checks a pass shown by `device`: made with `author`, which must be the key of the device that
/// made the offer.
pub fn verify(
    token: &str,
    author: &PublicKey,
    device: &DeviceId,
    now: Timestamp,
) -> Result<PassClaims, TokenError> {
    let (text, signature) = parts(token).ok_or(TokenError::Malformed)?;
    UnparsedPublicKey::new(&ED25519, author.as_bytes())
        .verify(&swarm::pass_signing_bytes(&text), signature.as_bytes())
        .map_err(|_| TokenError::Forged)?;
    let claims: Claims = serde_json::from_str(&text).map_err(|_| TokenError::Malformed)?;
    let issuer = device_id(author);
    claims.check(OWNED, &Check { issuer: &issuer, device, now, grace_secs: 0 })?;
    let pass = PassClaims::read(&claims)?;
    if pass.offer.device == issuer { Ok(pass) } else { Err(TokenError::Issuer) }
}

/// The offer that a pass of an author names, proving nothing: to find the author's key by. `None`
/// for anything else, such as a coordinator's pass.
pub fn named_offer(token: &str) -> Option<OfferRef> {
    let (text, _) = parts(token)?;
    serde_json::from_str::<Claims>(&text).ok()?.offer
}

fn parts(token: &str) -> Option<(String, Signature)> {
    let (claims, signature) = token.split_once('.')?;
    let text = String::from_utf8(BASE64URL_NOPAD.decode(claims.as_bytes()).ok()?).ok()?;
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).ok()?;
    Some((text, Signature::from_slice(&signature)?))
}
