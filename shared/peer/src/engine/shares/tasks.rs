//! What reads the disk for shares, away from the engine's loop: opening, hashing, opening again.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use landline_protocol::{ConversationKind, MessageId};
use landline_transfer::share::{Hashed, Kind, SharedVersion};
use landline_transfer::tree::HashError;
use landline_transfer::{FileVersion, ShareError, Shared, Shares};
use landline_trust::private_file::private_dir;

use super::Hashing;
use crate::api::{Failure, FailureKind, Ticket};
use crate::history::{OfferRow, ShareRow};

/// What has up to this many bytes, and few files, is hashed before it is offered: that takes a few
/// milliseconds. The rest is offered first and sealed later.
const HASH_FIRST: u64 = 4 * 1024 * 1024;
const HASH_FIRST_FILES: u64 = 100;

/// What a task that opens or hashes says.
pub(in crate::engine) enum ShareReport {
    /// Something to be offered was opened.
    Opened {
        ticket: Ticket,
        to: ConversationKind,
        path: PathBuf,
        /// The offer whose place it takes.
        replaces: Option<MessageId>,
        result: Result<Opened, Failure>,
    },
    /// What was offered has been hashed.
    Hashed { offer: MessageId, result: Result<Hashed, HashFailure> },
    /// What was shared in an earlier run was opened again.
    Reopened { row: ShareRow, result: Result<Opened, Failure> },
}

/// Something ready to be served.
pub(in crate::engine) struct Opened {
    pub(super) shared: Shared,
    pub(super) hashed: Option<Hashed>,
}

/// Why something could not be hashed.
pub(in crate::engine) enum HashFailure {
    /// It was changed, or cannot be read.
    Source(String),
    /// The profile's disk has no room for what was found.
    Disk(io::Error),
}

/// Opens what is to be offered, and hashes it if it is small.
pub(super) fn open(path: &Path) -> Result<Opened, Failure> {
    let shared = Shares::open(path).map_err(|error| failure_of(&error))?;
    let small = shared.size() <= HASH_FIRST
        && shared.summary().is_none_or(|summary| summary.files <= HASH_FIRST_FILES);
    if !small {
        return Ok(Opened { shared, hashed: None });
    }
    let hashed = shared.hash(&mut |_| ControlFlow::Continue(())).map_err(|error| {
        Failure::new(FailureKind::Io, format!("{} cannot be read: {error}.", path.display()))
    })?;
    Ok(Opened { shared, hashed: Some(hashed) })
}

/// Hashes what was offered; the manifest of a folder is on disk when this returns.
pub(super) fn hash(shared: &Shared, progress: &Hashing, manifest: &Path) -> Result<Hashed, HashFailure> {
    let hashed = shared
        .hash(&mut |done| progress.advance(done))
        .map_err(|error: HashError| HashFailure::Source(error.to_string()))?;
    keep_manifest(&hashed, manifest).map_err(HashFailure::Disk)?;
    Ok(hashed)
}

/// Opens what was shared in an earlier run, with its hashes if they were kept.
pub(super) fn reopen(row: &ShareRow, offer: &OfferRow, manifest: &Path) -> Result<Opened, Failure> {
    let version = version_of(&row.version).ok_or_else(internal)?;
    let shared = Shares::reopen(&row.path, &version).map_err(|error| failure_of(&error))?;
    let hashed = offer.root.and_then(|root| match &shared {
        Shared::File(_) => Hashed::read(Kind::File, row.tree.as_deref()?, offer.size, &root).ok(),
        Shared::Folder(_) => {
            let kept = BufReader::new(File::open(manifest).ok()?);
            Hashed::read(Kind::Folder, kept, offer.size, &root).ok()
        }
    });
    Ok(Opened { shared, hashed })
}

/// Writes the manifest of a folder down, whole or not at all. Files have their trees in the database.
pub(super) fn keep_manifest(hashed: &Hashed, to: &Path) -> io::Result<()> {
    let (Hashed::Folder { .. }, Some(folder)) = (hashed, to.parent()) else {
        return Ok(());
    };
    private_dir(folder).map_err(io::Error::other)?;
    let partial = to.with_extension("part");
    let mut file = BufWriter::new(File::create(&partial)?);
    hashed.write(&mut file).map_err(io::Error::other)?;
    file.flush()?;
    file.get_ref().sync_data()?;
    fs::rename(&partial, to)
}

/// What was written down about a share; the first release wrote that of a file without saying so.
fn version_of(text: &str) -> Option<SharedVersion> {
    let file = || serde_json::from_str::<FileVersion>(text).ok().map(SharedVersion::File);
    serde_json::from_str(text).ok().or_else(file)
}

pub(super) fn failure_of(error: &ShareError) -> Failure {
    let kind = match error {
        ShareError::Missing(_) => FailureKind::NotFound,
        ShareError::Changed(_) => FailureKind::SourceChanged,
        ShareError::Io { .. } => FailureKind::Io,
        _ => FailureKind::Invalid,
    };
    Failure::new(kind, format!("{error}."))
}

pub(super) fn internal() -> Failure {
    Failure::new(FailureKind::Internal, "Reading the file stopped unexpectedly. Try again.")
}
