//! Errors as they travel: a code that decides, a text that explains.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What went wrong, for programs. The list grows; a code from a later version reads as
/// [`ErrorCode::Unknown`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request or frame cannot be read.
    BadRequest,
    /// No token, or one that does not prove who this is.
    Unauthenticated,
    /// The token was good once: refresh it.
    TokenExpired,
    /// The refresh token was used twice or its family was revoked: sign in again.
    SessionRevoked,
    /// The name or the password is wrong. Says not which.
    WrongCredentials,
    /// Registration needs an invite code.
    InviteRequired,
    /// The invite code is unknown, used or past its seven days.
    InviteInvalid,
    /// The name belongs to someone, or looks like one that does.
    NameTaken,
    /// The password is too short or too long.
    PasswordUnfit,
    /// Known, and not allowed.
    Forbidden,
    /// There is nothing here, or not for you.
    NotFound,
    /// Over a limit on size.
    TooLarge,
    /// Over a limit on rate: wait `retry_after_ms`.
    TooManyRequests,
    /// The same message id arrived with other bytes.
    Conflict,
    /// The disk that would have to keep this is full. Nothing was acknowledged.
    StorageFull,
    /// A fault on the other side; its log says more.
    Internal,
    /// The coordinator is going down in an orderly way: come back after `retry_after_ms`.
    ShuttingDown,
    /// This connection read too slowly; resume from the cursors.
    SlowConsumer,
    /// No protocol version in common.
    VersionUnsupported,
    /// Another connection of the same device took over.
    Replaced,
    /// The file behind a share was changed after it was offered.
    Changed,
    /// The file behind a share is gone.
    Gone,
    /// A code from a later version.
    #[serde(other)]
    Unknown,
}

/// An error as it is sent: over HTTP as the body of a 4xx or 5xx, over the WebSocket in frames.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct WireError {
    /// What decides.
    pub code: ErrorCode,
    /// One sentence for people: what happened and what to do.
    pub message: String,
    /// What a program needs to act.
    #[serde(default, skip_serializing_if = "ErrorDetails::is_empty")]
    pub details: ErrorDetails,
}

/// The particulars of an error, each present where it means something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetails {
    /// Wait this long before trying again, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// How many are served before this one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<u32>,
}

impl ErrorDetails {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl WireError {
    /// An error without particulars.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: ErrorDetails::default() }
    }

    /// The same, to be tried again after so many milliseconds.
    #[must_use]
    pub fn retry_after_ms(mut self, millis: u64) -> Self {
        self.details.retry_after_ms = Some(millis);
        self
    }
}

impl ErrorCode {
    /// The HTTP status (RFC 9110, 15) that carries this code.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::BadRequest | Self::PasswordUnfit | Self::VersionUnsupported => 400,
            Self::Unauthenticated | Self::TokenExpired | Self::SessionRevoked | Self::WrongCredentials => 401,
            Self::InviteRequired | Self::InviteInvalid | Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::NameTaken | Self::Conflict | Self::Replaced => 409,
            Self::Gone => 410,
            Self::Changed => 412,
            Self::TooLarge => 413,
            Self::TooManyRequests | Self::SlowConsumer => 429,
            Self::Internal | Self::Unknown => 500,
            Self::ShuttingDown => 503,
            Self::StorageFull => 507,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
