//! What goes wrong with a download, as a sentence for the person who waits for it.

use landline_protocol::UserName;
use landline_transfer::fetch::FetchError;
use landline_trust::tls::KeyMismatch;

use crate::api::{Failure, FailureKind};

/// A download that ended without its content.
pub(in crate::engine) fn of_fetch(error: &FetchError, author: &UserName) -> Failure {
    let (kind, text) = match error {
        FetchError::KeyChanged(mismatch) => return wrong_key(mismatch, author),
        FetchError::NotFound => {
            (FailureKind::NotFound, format!("This is not shared by {author} any more, or not with you."))
        }
        FetchError::Gone => (
            FailureKind::SourceChanged,
            format!(
                "It is gone from {author}’s machine. {author} has been told; if they offer it again, that is \
                 shown here."
            ),
        ),
        FetchError::SourceChanged => (
            FailureKind::SourceChanged,
            format!(
                "It changed on {author}’s machine after it was offered. {author} has been told; once they offer \
                 the new version, it can be accepted here."
            ),
        ),
        FetchError::Corrupt => (
            FailureKind::Corrupt,
            format!(
                "What {author}’s machine sent is not what was offered. None of that was kept; what arrived whole \
                 before is, for another try."
            ),
        ),
        error => (kind_of(error), error.to_string()),
    };
    Failure::new(kind, text)
}

/// Somebody else answers where the author's machine was.
pub(in crate::engine) fn wrong_key(mismatch: &KeyMismatch, author: &UserName) -> Failure {
    let text = format!(
        "The machine at {author}’s address has another key than the one that made this offer. \
         Expected {}, seen {}. Nothing was fetched from it. It goes on when the right one answers; ask {author} \
         whether they changed machines.",
        mismatch.expected.fingerprint(),
        mismatch.seen.fingerprint()
    );
    Failure::new(FailureKind::KeyChanged, text)
}

fn kind_of(error: &FetchError) -> FailureKind {
    match error {
        FetchError::DiskFull { .. } => FailureKind::DiskFull,
        FetchError::Refused(_) => FailureKind::Unauthorized,
        FetchError::Io { .. } => FailureKind::Io,
        FetchError::NameTaken(_) => FailureKind::NameTaken,
        _ => FailureKind::Internal,
    }
}
