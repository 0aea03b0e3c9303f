//! Who may come in: accounts, passwords, tokens, refresh families, invites.
//!
//! Refusals are [`WireError`]s: what is decided here is said to the client as it stands.

mod accounts;
mod invites;
mod passwords;
mod rates;
mod sessions;

use landline_protocol::account::{KeySet, Session};
use landline_protocol::{DeviceId, ErrorCode, OfferRef, Timestamp, UserName, WireError, limits};
use landline_protocol::{RevocationList, SignedRevocations};
use landline_trust::{DeviceKey, TokenError, TokenSigner, TokenVerifier, revocation};

pub(crate) use invites::new_invite;
pub(crate) use passwords::Passwords;
pub(crate) use rates::Rates;
pub(crate) use sessions::{Ended, RefreshOutcome};

use crate::config::Registration;
use crate::store::revocations::Revocations;
use crate::store::{Store, StoreError};
use landline_net::Clock;

/// Judges who may come in.
pub(crate) struct Auth {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    /// Signs the list of revocations; it is what clients have pinned.
    pub(crate) key: DeviceKey,
    pub(crate) signer: TokenSigner,
    pub(crate) verifier: TokenVerifier,
    pub(crate) passwords: Passwords,
    pub(crate) rates: Rates,
    pub(crate) registration: Registration,
}

/// Whom an access token stands for, after every check.
#[derive(Clone, Debug)]
pub(crate) struct Authorized {
    /// The account.
    pub(crate) user: UserName,
    /// Whether it may invite people.
    pub(crate) admin: bool,
    /// The device whose key both the connection and the token have.
    pub(crate) device: DeviceId,
    /// The refresh family.
    pub(crate) session: String,
    /// When the token stops being good.
    pub(crate) expires_at: Timestamp,
}

/// What the database has of a new or renewed session.
struct Keep {
    /// The refresh family.
    family: String,
    /// Its newest token.
    refresh_token: String,
    /// How to date the peer credential: see [`crate::store::revocations::next_issue`].
    at: Timestamp,
}

impl Auth {
    /// The keys that check this coordinator's tokens.
    pub(crate) fn key_set(&self) -> KeySet {
        self.signer.key_set()
    }

    /// Reads an access token as shown by `device`, and looks up whether its family still lives.
    pub(crate) async fn authorize(&self, token: &str, device: DeviceId) -> Result<Authorized, WireError> {
        let claims = self.verifier.access(token, &device, self.clock.now()).map_err(|e| refused(&e))?;
        let session = claims.session.clone();
        let alive = self.store.read(move |db| crate::store::sessions::alive(db, &session)).await?;
        match alive {
            Some(of) if of.user == claims.user => Ok(Authorized {
                user: of.user,
                admin: of.admin,
                device,
                session: of.session,
                expires_at: claims.expires_at,
            }),
            _ => Err(revoked()),
        }
    }

    /// A pass with which a device may fetch what was offered. The caller has checked that the
    /// account may see it.
    pub(crate) fn content_pass(
        &self,
        who: &Authorized,
        offer: &OfferRef,
    ) -> Result<(String, Timestamp), WireError> {
        self.signer.content_pass(&who.user, &who.device, offer, self.clock.now()).map_err(internal)
    }

    /// The list of revocations as everybody gets it.
    pub(crate) fn sign_revocations(&self, list: Revocations) -> SignedRevocations {
        let Revocations { version, revoked } = list;
        revocation::sign(&self.key, &RevocationList { issuer: self.key.id(), version, revoked })
    }

    /// The tokens of one sign-in or refresh.
    fn session(
        &self,
        user: UserName,
        admin: bool,
        device: &DeviceId,
        keep: Keep,
    ) -> Result<Session, WireError> {
        let Keep { family, refresh_token, at } = keep;
        let (access_token, access_expires_at) =
            self.signer.access(&user, device, &family, self.clock.now()).map_err(internal)?;
        let (peer_credential, peer_expires_at) =
            self.signer.peer_credential(&user, device, at).map_err(internal)?;
        Ok(Session {
            user,
            admin,
            access_token,
            access_expires_at,
            peer_credential,
            peer_expires_at,
            refresh_token,
        })
    }
}

fn refused(error: &TokenError) -> WireError {
    let advice = if error.code() == ErrorCode::TokenExpired { "refresh it" } else { "sign in again" };
    WireError::new(error.code(), format!("{error}: {advice}"))
}

/// The family of a token is over.
pub(crate) fn revoked() -> WireError {
    WireError::new(ErrorCode::SessionRevoked, "this session has ended: sign in again")
}

/// A fault of ours: the log says which, the client only that.
pub(crate) fn internal(error: impl std::fmt::Display) -> WireError {
    StoreError::Other(error.to_string()).into()
}

impl From<StoreError> for WireError {
    fn from(error: StoreError) -> Self {
        if !matches!(error, StoreError::Full | StoreError::Closed) {
            tracing::error!(%error, "a request failed");
        }
        error.to_wire()
    }
}

/// A device's name as it is kept: trimmed, and cut to what the directory can carry.
pub(crate) fn device_name(wanted: &str) -> String {
    let wanted = wanted.trim();
    let cut = wanted.floor_char_boundary(limits::DEVICE_NAME_BYTES.min(wanted.len()));
    match wanted[..cut].trim_end() {
        "" => "unnamed device".to_owned(),
        name => name.to_owned(),
    }
}
