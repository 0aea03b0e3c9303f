//! Downloads that were asked for, until each has ended.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use landline_peer::api::{AcceptHow, Action, Conflict, FailureKind, Snapshot, TransferState, TransferView};
use landline_protocol::MessageId;
use landline_protocol::name::printable;
use tokio::time::{Instant, sleep_until};

use super::client::Client;
use super::exit::{Exit, Problem};
use super::progress::Meter;
use super::record::Record;
use super::{spool, text};

/// A download that was asked for.
pub(crate) struct Fetching {
    /// The offer.
    pub(crate) offer: MessageId,
    /// How it was accepted.
    pub(crate) how: AcceptHow,
}

/// Shows how it goes until each has ended. The first failure is the command's. `to_stdout`: what has
/// come is written to standard output, and not kept.
pub(crate) async fn fetch(
    client: &mut Client,
    mut wanted: Vec<Fetching>,
    give_up: Option<Duration>,
    to_stdout: bool,
) -> Result<(), Problem> {
    let mut meter = Meter::new(client.out);
    let mut stall = Stall::new(give_up);
    let mut result = Ok(());
    while !wanted.is_empty() {
        let now = client.now();
        let mut open = Vec::with_capacity(wanted.len());
        for one in wanted {
            let Some(transfer) = now.transfers.get(&one.offer) else {
                continue;
            };
            if let (TransferState::Conflict(path), true) = (&transfer.state, can_ask()) {
                meter.finish(one.offer);
                answer(client, &one, path).await?;
                open.push(one);
            } else if was_skipped(transfer, &one, &now) {
                // Why, the engine has said.
                meter.finish(one.offer);
            } else if let Some(end) = end(transfer) {
                meter.finish(one.offer);
                let end = match end {
                    Ok(()) => received(client, transfer, to_stdout).await,
                    failed => failed,
                };
                result = result.and(end);
            } else {
                meter.show(transfer, transfer.size)?;
                open.push(one);
            }
        }
        wanted = open;
        stall.moved(&now, &wanted);
        if !wanted.is_empty() {
            tokio::select! {
                changed = client.until(|snapshot| (snapshot.revision != now.revision).then_some(())) => changed?,
                () = stall.over() => return Err(stall.problem(&now, &wanted)),
            }
        }
    }
    result
}

/// Whether somebody is there who could be asked.
fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks what to do about a taken name, and does it.
async fn answer(client: &mut Client, one: &Fetching, path: &Path) -> Result<(), Problem> {
    let shown = printable(&path.to_string_lossy());
    let asked = tokio::task::spawn_blocking(move || ask(&shown));
    let action = match asked.await.map_err(|_| Problem::engine_gone())?? {
        Answer::With(conflict) => {
            let how = AcceptHow { conflict: Some(conflict), ..one.how.clone() };
            Action::Accept { offer: one.offer, how }
        }
        Answer::Cancel => Action::Cancel { offer: one.offer },
    };
    client.run(action).await.map(drop)
}

/// What somebody says about a taken name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// Do this.
    With(Conflict),
    /// It is not wanted after all.
    Cancel,
}

fn ask(path: &str) -> Result<Answer, Problem> {
    loop {
        let mut stderr = io::stderr().lock();
        write!(stderr, "{path} is there already. [k]eep both, [s]kip, [r]eplace it, or [c]ancel? ")?;
        stderr.flush()?;
        drop(stderr);
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line)? == 0 {
            return Ok(Answer::Cancel);
        }
        if let Some(answer) = understood(&line) {
            return Ok(answer);
        }
    }
}

fn understood(line: &str) -> Option<Answer> {
    match line.trim().to_ascii_lowercase().as_str() {
        "k" | "keep" | "keep both" => Some(Answer::With(Conflict::Rename)),
        "s" | "skip" => Some(Answer::With(Conflict::Skip)),
        "r" | "replace" => Some(Answer::With(Conflict::Replace)),
        "c" | "cancel" => Some(Answer::Cancel),
        _ => None,
    }
}

async fn received(client: &Client, transfer: &TransferView, to_stdout: bool) -> Result<(), Problem> {
    let path = transfer.path.as_ref().filter(|_| !to_stdout);
    if let (Some(path), true) = (&transfer.path, to_stdout) {
        write_out(path.clone()).await?;
        spool::clear_passage(&client.profile, transfer.offer, path);
    }
    let path = path.map(|path| path.to_string_lossy().into_owned());
    let (name, size) = (text::transfer_name(transfer), crate::units::size(transfer.size));
    let place = path.as_ref().map_or(String::new(), |path| format!(": {}", printable(path)));
    let text = format!("Received {name} ({size}), verified{place}");
    let record = Record::Received {
        offer: transfer.offer.to_string(),
        name: transfer.name.as_raw().to_owned(),
        from: transfer.author.to_string(),
        size: transfer.size,
        path,
    };
    client.out.record(&record, &text)
}

/// Writes what has come, verified, to standard output. Whoever reads there may take their time: an
/// interruption does not wait for them.
async fn write_out(path: PathBuf) -> Result<(), Problem> {
    let writing = tokio::task::spawn_blocking(move || {
        let mut file = std::fs::File::open(path)?;
        let mut stdout = io::stdout().lock();
        io::copy(&mut file, &mut stdout)?;
        stdout.flush()
    });
    let written = writing.await.map_err(|_| Problem::engine_gone())?;
    written.map_err(|error| not_written(&error))
}

/// Nothing is lost by it: what has come is kept for another try.
fn not_written(error: &io::Error) -> Problem {
    let (exit, why) = match error.kind() {
        io::ErrorKind::BrokenPipe => {
            (Exit::Failed, "Whoever reads standard output ended before it was all written".to_owned())
        }
        _ => (Exit::Disk, format!("Writing to standard output failed: {error}")),
    };
    let text = format!("{why}. It is here whole and verified: the same command writes it again.");
    Problem::new(exit, text)
}

/// Whether it was left alone because its name is taken, as was wished.
fn was_skipped(transfer: &TransferView, one: &Fetching, now: &Snapshot) -> bool {
    let wish = one.how.conflict.unwrap_or(now.settings.conflict);
    wish == Conflict::Skip && transfer.state == TransferState::Declined
}

/// How it ended, if it did.
fn end(transfer: &TransferView) -> Option<Result<(), Problem>> {
    let name = &transfer.name;
    match &transfer.state {
        TransferState::Done => Some(Ok(())),
        TransferState::Failed(failure) => Some(Err(failure.clone().into())),
        TransferState::Cancelled { by } => {
            Some(Err(Problem::new(Exit::Declined, format!("{name}: cancelled by {by}."))))
        }
        TransferState::Declined => {
            Some(Err(Problem::new(Exit::Declined, format!("{name} was declined here."))))
        }
        TransferState::Conflict(path) => Some(Err(taken(path))),
        // It goes on by itself if the sender turns up elsewhere; whoever waits here should know.
        TransferState::Waiting(cause) if cause.kind == FailureKind::KeyChanged => {
            Some(Err(cause.clone().into()))
        }
        _ => None,
    }
}

fn taken(path: &Path) -> Problem {
    let text = format!(
        "{} is there already. Say what to do with --on-conflict rename, skip or replace, or save it elsewhere with \
         --as or --into.",
        printable(&path.to_string_lossy())
    );
    Problem::new(Exit::NameTaken, text)
}

/// How long nothing has moved.
struct Stall {
    limit: Option<Duration>,
    bytes: u64,
    since: Instant,
}

impl Stall {
    fn new(limit: Option<Duration>) -> Self {
        Self { limit, bytes: 0, since: Instant::now() }
    }

    fn moved(&mut self, snapshot: &Snapshot, wanted: &[Fetching]) {
        let there = wanted.iter().filter_map(|one| snapshot.transfers.get(&one.offer));
        let bytes = there.map(|one| one.bytes.wrapping_add(one.hashed.unwrap_or(0))).sum();
        if bytes != self.bytes {
            (self.bytes, self.since) = (bytes, Instant::now());
        }
    }

    async fn over(&self) {
        match self.limit {
            Some(limit) => sleep_until(self.since + limit).await,
            None => std::future::pending().await,
        }
    }

    fn problem(&self, snapshot: &Snapshot, wanted: &[Fetching]) -> Problem {
        let cause = wanted.iter().find_map(|one| match &snapshot.transfers.get(&one.offer)?.state {
            TransferState::Waiting(failure) => Some(failure.clone()),
            _ => None,
        });
        let seconds = self.limit.unwrap_or_default().as_secs_f64();
        let why = cause.as_ref().map(|failure| format!("{} ", failure.text)).unwrap_or_default();
        let exit = cause.map_or(Exit::Unreachable, |failure| failure.kind.into());
        Problem::new(exit, format!("{why}Nothing arrived for {seconds} seconds; what has arrived is kept."))
    }
}

#[cfg(test)]
mod tests {
    use super::super::offers::tests::transfer;
    use super::*;

    #[test]
    fn a_taken_name_that_nobody_decides_has_its_code_and_says_what_to_do() {
        let stuck = transfer(1, "alice", "a", TransferState::Conflict("/d/a".into()));
        let problem = end(&stuck).unwrap().unwrap_err();
        assert_eq!(problem.exit, Exit::NameTaken);
        assert!(problem.text.contains("/d/a") && problem.text.contains("--on-conflict"), "{problem}");
    }

    #[test]
    fn answers_are_understood() {
        for (line, expected) in [
            ("k\n", Some(Answer::With(Conflict::Rename))),
            (" Skip \n", Some(Answer::With(Conflict::Skip))),
            ("r", Some(Answer::With(Conflict::Replace))),
            ("c\n", Some(Answer::Cancel)),
            ("\n", None),
            ("yes\n", None),
        ] {
            assert_eq!(understood(line), expected, "{line:?}");
        }
    }
}
