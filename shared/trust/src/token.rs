//! Access tokens, peer credentials and content passes: JWT signed with Ed25519, bound to a device key.
//!
//! The moment always comes from the caller, so the library's own clock checks are off and
//! [`crate::claims`] makes them instead.

use std::fmt;
use std::path::Path;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use data_encoding::HEXLOWER;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use landline_protocol::account::{KeySet, SigningKey};
use landline_protocol::{DeviceId, OfferRef, PublicKey, Timestamp, UserName};

pub use crate::claims::TokenError;
use crate::claims::{ACCESS, CONTENT, Check, Claims, PEER, Purpose, Statement};
use crate::device::KeyError;
use crate::genuine::Genuine;
use crate::identity::Identity;
use crate::private_file;
use crate::secret::sha256;

/// How long past its expiry a peer credential is honoured while the coordinator is out of reach.
pub const OFFLINE_GRACE_SECS: u64 = 7 * 24 * 60 * 60;

/// Makes tokens: the coordinator's half.
pub struct TokenSigner {
    issuer: DeviceId,
    key: EncodingKey,
    public: SigningKey,
}

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// The account.
    pub user: UserName,
    /// The refresh family it came from; revoking that one ends this.
    pub session: String,
    /// `exp`.
    pub expires_at: Timestamp,
}

/// What a peer credential says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerClaims {
    /// The account that the device belongs to.
    pub user: UserName,
    /// `iat`: what a revocation is held against.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
}

impl PeerClaims {
    fn read(claims: &Claims) -> Result<Self, TokenError> {
        Ok(Self { user: claims.user()?, issued_at: claims.issued_at(), expires_at: claims.expires_at() })
    }
}

/// What a content pass says, whoever made it: this device may fetch what was offered from any holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassClaims {
    /// The account that the device belongs to. Whoever serves compares it with the peer credential's.
    pub user: UserName,
    /// The offer whose content may be fetched, and nothing else.
    pub offer: OfferRef,
    /// `exp`.
    pub expires_at: Timestamp,
}

impl PassClaims {
    pub(crate) fn read(claims: &Claims) -> Result<Self, TokenError> {
        let offer = claims.offer.ok_or(TokenError::Malformed)?;
        Ok(Self { user: claims.user()?, offer, expires_at: claims.expires_at() })
    }
}

impl TokenSigner {
    /// The key kept in `dir/tokens.pem` (0600), made once. It is not the device's key: a signature
    /// made for one purpose must never serve another.
    pub fn load_or_create(dir: &Path, issuer: DeviceId) -> Result<Self, KeyError> {
        private_file::private_dir(dir)?;
        let path = dir.join("tokens.pem");
        let identity = Identity::load_or_create(&path, &rcgen::PKCS_ED25519)?;
        let der = identity.key.secret_pkcs8_der();
        let key = Ed25519KeyPair::from_pkcs8(der)
            .ok()
            .and_then(|pair| PublicKey::from_slice(pair.public_key().as_ref()))
            .ok_or_else(|| KeyError::Damaged { path, why: "its key is not an Ed25519 key".to_owned() })?;
        let id = HEXLOWER.encode(&sha256(key.as_bytes())[..8]);
        let public = SigningKey { id, key };
        Ok(Self { issuer, key: EncodingKey::from_ed_der(der), public })
    }

    /// What others need to check these tokens.
    pub fn key_set(&self) -> KeySet {
        KeySet { issuer: self.issuer, keys: vec![self.public.clone()] }
    }

    /// A token for the coordinator alone, good for ten minutes; `session` names the refresh family.
    pub fn access(
        &self,
        user: &UserName,
        device: &DeviceId,
        session: &str,
        now: Timestamp,
    ) -> Result<(String, Timestamp), TokenError> {
        let says = Statement { issuer: self.issuer, user, device, sid: Some(session), offer: None };
        self.sign(ACCESS, &says, now)
    }

    /// A credential that tells other peers whose device this is, good for 24 hours.
    pub fn peer_credential(
        &self,
        user: &UserName,
        device: &DeviceId,
        now: Timestamp,
    ) -> Result<(String, Timestamp), TokenError> {
        let says = Statement { issuer: self.issuer, user, device, sid: None, offer: None };
        self.sign(PEER, &says, now)
    }

    /// A pass with which `device` may fetch what was offered from whoever holds it, good for ten
    /// minutes. Only for an account that may see the offer: holders ask no further.
    pub fn content_pass(
        &self,
        user: &UserName,
        device: &DeviceId,
        offer: &OfferRef,
        now: Timestamp,
    ) -> Result<(String, Timestamp), TokenError> {
        let says = Statement { issuer: self.issuer, user, device, sid: None, offer: Some(*offer) };
        self.sign(CONTENT, &says, now)
    }

    fn sign(
        &self,
        purpose: Purpose,
        says: &Statement<'_>,
        now: Timestamp,
    ) -> Result<(String, Timestamp), TokenError> {
        let claims = Claims::new(purpose, says, now)?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.public.id.clone());
        let token = jsonwebtoken::encode(&header, &claims, &self.key)
            .map_err(|error| TokenError::Sign(error.to_string()))?;
        Ok((token, claims.expires_at()))
    }
}

impl fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenSigner({})", self.public.id)
    }
}

/// Checks tokens: the coordinator's own, and every peer with the coordinator's key set.
#[derive(Clone, Debug)]
pub struct TokenVerifier {
    keys: KeySet,
    genuine: Genuine,
}

impl TokenVerifier {
    /// Believes exactly these keys.
    pub fn new(keys: KeySet) -> Self {
        Self { keys, genuine: Genuine::default() }
    }

    /// Checks an access token shown by `device` (the key it proved in the handshake).
    pub fn access(&self, token: &str, device: &DeviceId, now: Timestamp) -> Result<AccessClaims, TokenError> {
        let claims = self.verify(ACCESS, token, device, now, 0)?;
        Ok(AccessClaims {
            user: claims.user()?,
            expires_at: claims.expires_at(),
            session: claims.sid.ok_or(TokenError::Malformed)?,
        })
    }

    /// Checks a peer credential shown by `device`.
    pub fn peer_credential(
        &self,
        token: &str,
        device: &DeviceId,
        now: Timestamp,
    ) -> Result<PeerClaims, TokenError> {
        let claims = self.verify(PEER, token, device, now, 0)?;
        PeerClaims::read(&claims)
    }

    /// The same while the coordinator is out of reach: good for [`OFFLINE_GRACE_SECS`] longer. Only
    /// for a binding of user and device that was known before.
    pub fn peer_credential_offline(
        &self,
        token: &str,
        device: &DeviceId,
        now: Timestamp,
    ) -> Result<PeerClaims, TokenError> {
        let claims = self.verify(PEER, token, device, now, OFFLINE_GRACE_SECS)?;
        PeerClaims::read(&claims)
    }

    /// Checks a content pass shown by `device`. Made by the coordinator; what an offer's author made
    /// is read by [`crate::pass::verify`].
    pub fn content_pass(
        &self,
        token: &str,
        device: &DeviceId,
        now: Timestamp,
    ) -> Result<PassClaims, TokenError> {
        let claims = self.verify(CONTENT, token, device, now, 0)?;
        PassClaims::read(&claims)
    }

    fn verify(
        &self,
        purpose: Purpose,
        token: &str,
        device: &DeviceId,
        now: Timestamp,
        grace_secs: u64,
    ) -> Result<Claims, TokenError> {
        let claims = match self.genuine.claims(token) {
            Some(claims) => claims,
            None => self.signed(token)?,
        };
        claims.check(purpose, &Check { issuer: &self.keys.issuer, device, now, grace_secs })?;
        Ok(claims)
    }

    /// What a token claims, if one of the keys signed it.
    fn signed(&self, token: &str) -> Result<Claims, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
        let key = header.kid.and_then(|kid| self.keys.keys.iter().find(|key| key.id == kid));
        let key = DecodingKey::from_ed_der(key.ok_or(TokenError::Forged)?.key.as_bytes());
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &signature_only())
            .map_err(|error| refusal(&error))?
            .claims;
        self.genuine.add(token, &claims);
        Ok(claims)
    }
}

/// The library checks algorithm and signature; the claims are ours to check, against our clock.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn refusal(error: &jsonwebtoken::errors::Error) -> TokenError {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm => TokenError::Forged,
        _ => TokenError::Malformed,
    }
}
