//! What goes wrong between this machine and one source, sorted by what is to be done about it.

use std::time::Duration;

use landline_net::client::HttpError;
use landline_net::dial::DialError;
use landline_protocol::name::printable;
use landline_protocol::{ErrorCode, WireError};
use landline_trust::tls::KeyMismatch;

use super::FetchError;

/// The longest that a source may tell us to wait.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// For a source that is busy and does not say for how long.
const BUSY_WAIT: Duration = Duration::from_secs(1);

/// Why one step with a source came to nothing.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Tried again after a while; a sentence for people.
    Passing(String),
    /// It said when to come back, and how many it serves before.
    Busy {
        /// How many are served before.
        ahead: Option<u32>,
        /// When to come back.
        after: Duration,
        /// A sentence for people.
        why: String,
    },
    /// It sent what it cannot have by mistake: it is not asked again. What it did, after "it".
    Lied(&'static str),
    /// Somebody else answers at its address: not talked to, and tried again later, for addresses change hands.
    WrongKey(KeyMismatch),
    /// It has said no for good.
    Final(FetchError),
    /// Not its fault, and the same for every source: the download ends.
    Local(FetchError),
    /// Somebody else was faster: nothing is wrong.
    Beaten,
    /// What was on disk from earlier was wrong, and perhaps nothing else: the piece is fetched whole.
    Stale,
}

impl Trouble {
    /// The line broke, or nothing came over it for too long.
    pub(super) fn broken(why: impl std::fmt::Display) -> Self {
        Self::Passing(format!("The connection broke: {why}. What has arrived is kept."))
    }

    /// Nobody answered at any of the addresses.
    pub(super) fn unreachable(why: impl std::fmt::Display) -> Self {
        Self::Passing(format!("The device cannot be reached: {why}. The download goes on when it is back."))
    }

    /// What a refusal on the wire means. What an author says for good, a holder says for now: whoever
    /// passes something on may hold it again later.
    pub(super) fn refused(error: WireError, by_author: bool) -> Self {
        let after = error.details.retry_after_ms.map(|ms| Duration::from_millis(ms).min(LONGEST_WAIT));
        match error.code {
            ErrorCode::NotFound if by_author => Self::Final(FetchError::NotFound),
            ErrorCode::Changed if by_author => Self::Final(FetchError::SourceChanged),
            ErrorCode::Gone if by_author => Self::Final(FetchError::Gone),
            ErrorCode::TooManyRequests => Self::Busy {
                ahead: error.details.ahead,
                after: after.unwrap_or(BUSY_WAIT),
                why: said(&error),
            },
            _ if after.is_some() => {
                Self::Busy { ahead: None, after: after.unwrap_or(BUSY_WAIT), why: said(&error) }
            }
            ErrorCode::BadRequest | ErrorCode::Forbidden | ErrorCode::VersionUnsupported if by_author => {
                Self::Final(FetchError::Refused(error))
            }
            ErrorCode::NotFound | ErrorCode::Changed | ErrorCode::Gone => {
                Self::Passing("It does not hold this any more.".to_owned())
            }
            _ => Self::Passing(said(&error)),
        }
    }
}

fn said(error: &WireError) -> String {
    format!("The device refused: {}", printable(&error.message))
}

impl From<DialError> for Trouble {
    fn from(error: DialError) -> Self {
        match error {
            DialError::KeyChanged(mismatch) => Self::WrongKey(mismatch),
            other => Self::unreachable(other),
        }
    }
}

impl From<HttpError> for Trouble {
    fn from(error: HttpError) -> Self {
        Self::broken(error)
    }
}
