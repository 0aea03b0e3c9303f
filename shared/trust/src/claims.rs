//! What stands in a token, and the rules by which it is believed.

use landline_protocol::{DeviceId, ErrorCode, Timestamp};
use serde::{Deserialize, Serialize};

use crate::secret::RandomError;

/// A token that proves nothing, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of the form in use, or a claim is missing.
    #[error("the token cannot be read")]
    Malformed,
    /// The signature is wrong, the algorithm is not `EdDSA`, or the key is not the issuer's.
    #[error("the token is not genuine")]
    Forged,
    /// Made by another coordinator.
    #[error("the token was made by another coordinator")]
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

/// The registered claims (RFC 7519, 4.1) and ours. All are required but `sid`, which only access
/// tokens have.
#[derive(Debug, Serialize, Deserialize)]
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
}

/// The key that must be shown along with the token, by its id (RFC 7800, 3.4).
#[derive(Debug, Serialize, Deserialize)]
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

    pub(crate) fn issued_at(&self) -> Timestamp {
        Timestamp::from_millis(self.iat.saturating_mul(1000))
    }

    pub(crate) fn expires_at(&self) -> Timestamp {
        Timestamp::from_millis(self.exp.saturating_mul(1000))
    }
}
