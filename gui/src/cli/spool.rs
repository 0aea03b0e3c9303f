//! Streams on their way: what comes on standard input has no size, so it becomes a file in the profile
//! before it is offered; what goes to standard output becomes one until it is verified and written there.
//! Both go when nobody needs them any more.
//!
//! Each stream has a folder of its own beneath `spool/`, which ends in `.part` while it is read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use landline_peer::api::{Snapshot, TransferState, TransferView};
use landline_protocol::{FileName, MessageId};

use super::exit::{Exit, Problem};
use super::verdict::verdict;

/// How long something is kept of which nobody can say whether it is needed: a stream whose offer is not
/// known here may be in a past that is not loaded; what came for standard output and could not be written
/// there may be asked for again.
const KEPT: Duration = Duration::from_hours(7 * 24);
/// Read at a time.
const STEP: usize = 1 << 20;

/// Reads standard input to its end into a file of this name, which only its owner may read.
pub(crate) async fn read_stdin(profile: &Path, name: FileName) -> Result<PathBuf, Problem> {
    let part = Part::make(&profile.join("spool"))?;
    let path = part.0.join(name.as_str());
    let file = private(&path).map_err(|error| disk(&error))?;
    // Standard input cannot be interrupted; if the command is, the process ends without waiting.
    let reading = tokio::task::spawn_blocking(move || copy(io::stdin().lock(), file));
    match reading.await {
        Ok(Ok(_)) => part.complete(name.as_str()),
        Ok(Err(problem)) => Err(problem),
        Err(_) => Err(Problem::engine_gone()),
    }
}

/// The folder for an offer that is fetched only to be written to standard output: the same at every
/// attempt, so that a later one goes on where this one stopped.
pub(crate) fn passage(profile: &Path, offer: MessageId) -> Result<PathBuf, Problem> {
    let folder = folder_of(profile, offer);
    private_folder(&folder).map_err(|error| disk(&error))?;
    Ok(folder)
}

/// Removes what came for standard output, once it is written there. What came to any other place (the
/// download was begun without that wish) is the person's, and stays with all that is beside it.
pub(crate) fn clear_passage(profile: &Path, offer: MessageId, came: &Path) {
    let folder = folder_of(profile, offer);
    if came.parent() == Some(folder.as_path()) {
        // The next sweep finds what stays.
        let _ = fs::remove_dir_all(folder);
    }
}

/// Whether what came of an offer is in its folder here still.
pub(crate) fn holds(profile: &Path, transfer: &TransferView) -> bool {
    let folder = folder_of(profile, transfer.offer);
    transfer.path.as_ref().is_some_and(|path| path.parent() == Some(folder.as_path()) && path.exists())
}

fn folder_of(profile: &Path, offer: MessageId) -> PathBuf {
    profile.join("spool").join(offer.to_string())
}

/// Removes every stream that nobody needs any more. What cannot be removed now goes next time.
pub(crate) fn sweep(profile: &Path, snapshot: &Snapshot) {
    let Ok(folders) = fs::read_dir(profile.join("spool")) else {
        return;
    };
    for folder in folders.filter_map(Result::ok).map(|entry| entry.path()) {
        if needless(&folder, snapshot)
            && let Err(error) = fs::remove_dir_all(&folder)
        {
            tracing::warn!(folder = %folder.display(), %error, "a stream that nobody needs stays");
        }
    }
}

/// Whether all offers of a stream are over, or it was never read to its end; of what is fetched, whether
/// nobody can want it any more.
fn needless(folder: &Path, snapshot: &Snapshot) -> bool {
    if folder.extension().is_some_and(|ending| ending == "part") {
        return true;
    }
    let of_it = |path: &PathBuf| path.parent() == Some(folder);
    let mut offers =
        snapshot.transfers.values().filter(|one| one.path.as_ref().is_some_and(of_it)).peekable();
    if offers.peek().is_none() {
        return age(folder) > KEPT;
    }
    offers.all(|one| if one.outgoing { verdict(snapshot, one).is_some() } else { is_given_up(one, folder) })
}

/// What failed goes on from what is there, and what is whole may not have been written out.
fn is_given_up(incoming: &TransferView, folder: &Path) -> bool {
    match incoming.state {
        TransferState::Cancelled { .. } | TransferState::Declined => true,
        TransferState::Done | TransferState::Failed(_) => age(folder) > KEPT,
        _ => false,
    }
}

fn age(folder: &Path) -> Duration {
    let modified = fs::metadata(folder).and_then(|found| found.modified());
    modified.ok().and_then(|at| SystemTime::now().duration_since(at).ok()).unwrap_or_default()
}

/// The folder of a stream that is being read; goes when dropped.
struct Part(PathBuf);

impl Part {
    fn make(spool: &Path) -> Result<Self, Problem> {
        let made = private_folder(spool)
            .and_then(|()| private_builder().tempdir_in(spool))
            .map(|folder| Self(folder.keep()));
        made.map_err(|error| disk(&error))
    }

    /// The stream is whole: where its file is now.
    fn complete(mut self, name: &str) -> Result<PathBuf, Problem> {
        let whole = self.0.with_extension("");
        fs::rename(&self.0, &whole).map_err(|error| disk(&error))?;
        // Nothing is left for the drop to remove.
        self.0 = PathBuf::new();
        Ok(whole.join(name))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            // The next sweep finds what stays.
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

fn copy(mut from: impl Read, mut to: File) -> Result<u64, Problem> {
    let mut buffer = vec![0; STEP];
    let mut total = 0;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(Problem::new(Exit::Failed, format!("Standard input cannot be read: {error}.")));
            }
        };
        to.write_all(&buffer[..read]).map_err(|error| disk(&error))?;
        total += read as u64;
    }
}

fn disk(error: &io::Error) -> Problem {
    let text = match error.kind() {
        io::ErrorKind::StorageFull => {
            "The disk of the profile is full: a stream is kept there until everyone has it.".to_owned()
        }
        _ => format!("The stream cannot be kept in the profile: {error}."),
    };
    Problem::new(Exit::Disk, text)
}

fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn private_builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.suffix(".part");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder
}

fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use landline_peer::api::{Failure, FailureKind, RecipientState, RecipientView};

    use super::super::offers::tests::{snapshot, transfer};
    use super::*;

    fn stream(profile: &Path, bytes: &[u8]) -> PathBuf {
        let part = Part::make(&profile.join("spool")).unwrap();
        let path = part.0.join("x.tar");
        copy(bytes, private(&path).unwrap()).unwrap();
        part.complete("x.tar").unwrap()
    }

    fn offered(path: &Path, number: u64, answers: &[RecipientState]) -> TransferView {
        let mut offer = transfer(number, "me", "x.tar", TransferState::Offered);
        offer.outgoing = true;
        offer.path = Some(path.to_owned());
        let users = ["alice", "bob"].iter().zip(answers);
        offer.recipients = users
            .map(|(user, state)| RecipientView {
                user: user.parse().unwrap(),
                state: *state,
                bytes: 0,
                rate: None,
            })
            .collect();
        offer
    }

    #[test]
    fn only_the_passage_goes_never_the_folder_of_somebodys_downloads() {
        let temp = tempfile::tempdir().unwrap();
        let offer = transfer(1, "me", "x.tar", TransferState::Done).offer;
        let downloads = temp.path().join("Downloads");
        fs::create_dir(&downloads).unwrap();
        fs::write(downloads.join("x.tar"), "came here").unwrap();
        fs::write(downloads.join("precious"), "precious").unwrap();
        clear_passage(temp.path(), offer, &downloads.join("x.tar"));
        assert_eq!(fs::read_dir(&downloads).unwrap().count(), 2);
        let passage = passage(temp.path(), offer).unwrap();
        fs::write(passage.join("x.tar"), "came here").unwrap();
        clear_passage(temp.path(), offer, &passage.join("x.tar"));
        assert!(!passage.exists());
    }

    #[test]
    fn a_stream_is_kept_until_everyone_has_answered() {
        use RecipientState::{Declined, Done, Fetching};
        let profile = tempfile::tempdir().unwrap();
        let path = stream(profile.path(), b"data");
        for answers in [&[][..], &[Done], &[Done, Fetching]] {
            sweep(profile.path(), &snapshot(vec![offered(&path, 1, answers)]));
            assert_eq!(fs::read(&path).unwrap(), b"data", "{answers:?}");
        }
        sweep(profile.path(), &snapshot(vec![]));
        assert!(path.exists(), "its offer may be in a past that is not loaded");
        let two = vec![offered(&path, 1, &[Done, Declined]), offered(&path, 2, &[Done])];
        sweep(profile.path(), &snapshot(two));
        assert!(path.exists(), "the same stream is offered twice");
        sweep(profile.path(), &snapshot(vec![offered(&path, 1, &[Done, Declined])]));
        assert!(!path.exists());
        assert_eq!(fs::read_dir(profile.path().join("spool")).unwrap().count(), 0);
    }

    #[test]
    fn what_is_fetched_for_standard_output_stays_until_it_is_given_up() {
        let profile = tempfile::tempdir().unwrap();
        let fetched = |state| {
            let mut one = transfer(1, "alice", "x.tar", state);
            let passage = passage(profile.path(), one.offer).unwrap();
            fs::write(passage.join("x.tar"), "much of it").unwrap();
            one.path = Some(passage.join("x.tar"));
            sweep(profile.path(), &snapshot(vec![one]));
            passage.exists()
        };
        let failure = Failure::new(FailureKind::DiskFull, "the disk is full");
        let by = "alice".parse().unwrap();
        assert!(fetched(TransferState::Failed(failure)), "what has arrived is kept, it says");
        assert!(fetched(TransferState::Done), "it may not have been written out");
        assert!(fetched(TransferState::Paused));
        assert!(!fetched(TransferState::Declined));
        assert!(!fetched(TransferState::Cancelled { by }));
    }

    #[test]
    fn what_was_not_read_to_its_end_goes_at_once() {
        let profile = tempfile::tempdir().unwrap();
        let part = Part::make(&profile.path().join("spool")).unwrap();
        let folder = part.0.clone();
        std::mem::forget(part);
        sweep(profile.path(), &snapshot(vec![]));
        assert!(!folder.exists());
        let part = Part::make(&profile.path().join("spool")).unwrap();
        let folder = part.0.clone();
        drop(part);
        assert!(!folder.exists());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_a_stream() {
        use std::os::unix::fs::PermissionsExt;
        let profile = tempfile::tempdir().unwrap();
        let path = stream(profile.path(), b"secret");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!(mode(&profile.path().join("spool")), 0o700);
    }
}
