//! What stands in a token, and the rules by which it is believed.

use landline_protocol::{DeviceId, ErrorCode, OfferRef, Timestamp, UserName, limits};
use serde::{Deserialize, Serialize};

use crate::secret::{self, RandomError};

/// A token that proves nothing, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of the form in use, or a claim is missing.
    #[error("the token cannot be read")]
    Malformed,
    /// The signature is wrong, the algorithm is not `EdDSA`, or the key is not the issuer's.
    #[error("the token is not genuine")]
    Forged,
    /// Made by another coordinator, or by a device whose offer it is not.
    #[error("the token was made by another coordinator or device than it should be")]
    Issuer,
    /// Made for another use.
    #[error("the token is meant for something else")]
    Purpose,
    /// Bound to another device's key.
    #[error("the token belongs to another device")]
    Device,
    /// Not good yet.
    #[error("the token is not valid yet: compare the clocks of both machines")]
    NotYet,
    /// Good once.
    #[error("the token has expired")]
    Expired,
    /// No token could be made.
    #[error("no token could be made: {0}")]
    Sign(String),
}

impl TokenError {
    /// The code under which a refusal travels.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Expired => ErrorCode::TokenExpired,
            Self::Sign(_) => ErrorCode::Internal,
            _ => ErrorCode::Unauthenticated,
        }
    }
}

impl From<RandomError> for TokenError {
    fn from(error: RandomError) -> Self {
        Self::Sign(error.to_string())
    }
}

/// Clocks may differ by this much.
pub(crate) const LEEWAY_SECS: u64 = 5;

/// A purpose: `typ` and `aud` of its tokens, and how long they live.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Purpose {
    pub(crate) typ: &'static str,
    pub(crate) aud: &'static str,
    pub(crate) lifetime_secs: u64,
}

pub(crate) const ACCESS: Purpose = Purpose { typ: "access", aud: "coordinator", lifetime_secs: 10 * 60 };
pub(crate) const PEER: Purpose = Purpose { typ: "peer", aud: "peer", lifetime_secs: 24 * 60 * 60 };
/// Made by the coordinator for those who may see an offer.
pub(crate) const CONTENT: Purpose =
    Purpose { typ: "content", aud: "content", lifetime_secs: limits::CONTENT_PASS_SECS };
/// Made by an offer's author, where there is no coordinator.
pub(crate) const OWNED: Purpose =
    Purpose { typ: "owned", aud: "owned-content", lifetime_secs: limits::CONTENT_PASS_SECS };

/// The registered claims (RFC 7519, 4.1) and ours. All are required but `sid`, which only access
/// tokens have, and `offer`, which only passes have.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) typ: String,
    pub(crate) iss: DeviceId,
    pub(crate) sub: String,
    pub(crate) aud: String,
    pub(crate) jti: String,
    pub(crate) nbf: u64,
    pub(crate) iat: u64,
    pub(crate) exp: u64,
    pub(crate) cnf: Confirmation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) offer: Option<OfferRef>,
}

/// What a token is to say, beside what follows from its purpose.
pub(crate) struct Statement<'a> {
    pub(crate) issuer: DeviceId,
    pub(crate) user: &'a UserName,
    pub(crate) device: &'a DeviceId,
    pub(crate) sid: Option<&'a str>,
    pub(crate) offer: Option<OfferRef>,
}

/// The key that must be shown along with the token, by its id (RFC 7800, 3.4).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Confirmation {
    pub(crate) kid: DeviceId,
}

/// Who asks, and when: what the claims are held against.
pub(crate) struct Check<'a> {
    pub(crate) issuer: &'a DeviceId,
    pub(crate) device: &'a DeviceId,
    pub(crate) now: Timestamp,
    /// How long past `exp` it is still honoured, beside the leeway.
    pub(crate) grace_secs: u64,
}

impl Claims {
    /// Fresh claims, good from `now` on.
    pub(crate) fn new(purpose: Purpose, says: &Statement<'_>, now: Timestamp) -> Result<Self, TokenError> {
        Ok(Self {
            typ: purpose.typ.to_owned(),
            iss: says.issuer,
            sub: says.user.as_str().to_owned(),
            aud: purpose.aud.to_owned(),
            jti: secret::random_code(16)?,
            nbf: now.as_secs(),
            iat: now.as_secs(),
            exp: now.as_secs() + purpose.lifetime_secs,
            cnf: Confirmation { kid: *says.device },
            sid: says.sid.map(str::to_owned),
            offer: says.offer,
        })
    }

    pub(crate) fn check(&self, purpose: Purpose, check: &Check<'_>) -> Result<(), TokenError> {
        let now = check.now.as_secs();
        if self.iss != *check.issuer {
            return Err(TokenError::Issuer);
        }
        if self.typ != purpose.typ || self.aud != purpose.aud {
            return Err(TokenError::Purpose);
        }
        if self.cnf.kid != *check.device {
            return Err(TokenError::Device);
        }
        if self.jti.is_empty() || self.exp.saturating_sub(self.iat) > purpose.lifetime_secs {
            return Err(TokenError::Malformed);
        }
        if self.nbf.max(self.iat) > now.saturating_add(LEEWAY_SECS) {
            return Err(TokenError::NotYet);
        }
        // RFC 7519, 4.1.4: on or after `exp` it is not accepted.
        if now >= self.exp.saturating_add(LEEWAY_SECS + check.grace_secs) {
            return Err(TokenError::Expired);
        }
        Ok(())
    }

    pub(crate) fn user(&self) -> Result<UserName, TokenError> {
        self.sub.parse().map_err(|_| TokenError::Malformed)
    }

    pub(crate) fn issued_at(&self) -> Timestamp {
        Timestamp::from_millis(self.iat.saturating_mul(1000))
    }

    pub(crate) fn expires_at(&self) -> Timestamp {
        Timestamp::from_millis(self.exp.saturating_mul(1000))
    }
}
