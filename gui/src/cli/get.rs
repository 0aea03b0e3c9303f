//! `get` and `resume`: which offers are meant, and how they are to be accepted.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use landline_peer::api::{
    AcceptHow, Action, FolderEntryView, Outcome, Snapshot, TransferKind, TransferState, TransferView,
};
use landline_protocol::{FileName, MessageId};
use tokio::time::timeout;

use super::args;
use super::client::Client;
use super::exit::{Exit, Problem};
use super::fetching::{Fetching, fetch};
use super::glob::Glob;
use super::offers::{Wish, choose};
use super::record::{Entry, Record};
use super::{spool, text};

/// Picks, accepts, and stays until everything picked is in place or will not come.
pub(crate) async fn run(client: &mut Client, args: &args::Get) -> Result<(), Problem> {
    let to = To::of(args)?;
    client.connected().await?;
    let wishes = wishes(&client.now(), &args.wanted)?;
    let profile = client.profile.clone();
    let unwritten = to.stdout().then_some(&*profile);
    if args.wanted.wait {
        wait(client, &wishes, unwritten, args.give_up).await?;
    }
    let picked = pick(&client.now(), &wishes, &args.wanted, unwritten)?;
    to.check(&client.now(), &picked)?;
    if args.list {
        return list(client, &picked).await;
    }
    let mut fetching = Vec::with_capacity(picked.len());
    for offer in picked {
        fetching.push(accept(client, args, &to, offer).await?);
    }
    if to.stdout() {
        client.out = client.out.beside_data();
    }
    let fetched = fetch(client, fetching, args.give_up, to.stdout()).await;
    spool::sweep(&client.profile, &client.now());
    fetched
}

/// Goes on with what was paused, and stays until it is there.
pub(crate) async fn resume(client: &mut Client, args: &args::Choice) -> Result<(), Problem> {
    let stopped = |one: &TransferView| {
        !one.outgoing && matches!(one.state, TransferState::Paused | TransferState::Waiting(_))
    };
    client.connected().await?;
    let offer = choose(client, args, stopped)?;
    client.run(Action::Resume { offer }).await?;
    fetch(client, vec![Fetching { offer, how: AcceptHow::default() }], None, false).await
}

/// Where it is to go.
#[derive(Debug, PartialEq, Eq)]
enum To {
    /// The usual folder or another, under the offered name or another.
    Place { folder: Option<PathBuf>, name: Option<FileName> },
    /// Standard output.
    Stdout,
}

impl To {
    fn of(args: &args::Get) -> Result<Self, Problem> {
        if args.to_stdout || args.output.as_deref() == Some(Path::new("-")) {
            return Ok(Self::Stdout);
        }
        let Some(path) = &args.output else {
            let folder = args.into.as_deref().map(absolute).transpose()?;
            let name = args.rename.as_deref().map(file_name).transpose()?;
            return Ok(Self::Place { folder, name });
        };
        let path = absolute(path)?;
        let name = path.file_name().and_then(|name| name.to_str());
        let (Some(folder), Some(name)) = (path.parent(), name) else {
            return Err(Problem::usage(format!("{} names no file.", path.display())));
        };
        Ok(Self::Place { folder: Some(folder.to_owned()), name: Some(file_name(name)?) })
    }

    fn stdout(&self) -> bool {
        *self == Self::Stdout
    }

    /// Whether what was picked can go there.
    fn check(&self, snapshot: &Snapshot, picked: &[MessageId]) -> Result<(), Problem> {
        let named = matches!(self, Self::Stdout | Self::Place { name: Some(_), .. });
        if named && picked.len() > 1 {
            return Err(Problem::usage("One name, or standard output, is for one offer: there are several."));
        }
        let folder = |offer: &MessageId| {
            let kind = snapshot.transfers.get(offer).map(|one| one.kind);
            matches!(kind, Some(TransferKind::Folder(_)))
        };
        if self.stdout() && picked.iter().any(folder) {
            return Err(Problem::usage("A folder cannot go to standard output: fetch it into a folder."));
        }
        Ok(())
    }
}

fn file_name(text: &str) -> Result<FileName, Problem> {
    FileName::parse(text)
        .map_err(|error| Problem::usage(format!("{text:?} cannot be a file's name: it {error}.")))
}

fn absolute(path: &Path) -> Result<PathBuf, Problem> {
    std::path::absolute(path).map_err(|error| Problem::usage(format!("{}: {error}.", path.display())))
}

/// One wish for each word, or one for anything.
fn wishes(snapshot: &Snapshot, wanted: &args::Wanted) -> Result<Vec<Wish>, Problem> {
    let from = wanted.from.as_deref();
    if wanted.what.is_empty() {
        return Ok(vec![Wish::new(snapshot, None, from)?]);
    }
    wanted.what.iter().map(|what| Wish::new(snapshot, Some(what), from)).collect()
}

/// Waits until there is an offer for each wish.
async fn wait(
    client: &mut Client,
    wishes: &[Wish],
    unwritten: Option<&Path>,
    give_up: Option<Duration>,
) -> Result<(), Problem> {
    client.out.note("Waiting for an offer.");
    for wish in wishes {
        let open = |one: &TransferView| obtainable(one, unwritten);
        let offered = client.until(|snapshot| wish.among(snapshot).any(open).then_some(()));
        match timeout(give_up.unwrap_or(Duration::MAX), offered).await {
            Ok(offered) => offered?,
            Err(_) => return Err(wish.not_found()),
        }
    }
    Ok(())
}

/// Offers of others that can still be had and are not here already. With the profile that `unwritten` is,
/// so is what came for standard output and could not be written there.
fn obtainable(transfer: &TransferView, unwritten: Option<&Path>) -> bool {
    use TransferState::{Cancelled, Declined, Done};
    !transfer.outgoing
        && match transfer.state {
            Done => unwritten.is_some_and(|profile| spool::holds(profile, transfer)),
            Declined | Cancelled { .. } => false,
            _ => true,
        }
}

/// What to fetch: what was named (the newest of each name), everything, or the only one there is.
fn pick(
    snapshot: &Snapshot,
    wishes: &[Wish],
    wanted: &args::Wanted,
    unwritten: Option<&Path>,
) -> Result<Vec<MessageId>, Problem> {
    if !wanted.what.is_empty() {
        let mut picked: Vec<MessageId> = Vec::with_capacity(wishes.len());
        for wish in wishes {
            let offer = named(snapshot, wish, unwritten)?;
            if !picked.contains(&offer) {
                picked.push(offer);
            }
        }
        return Ok(picked);
    }
    let Some(wish) = wishes.first() else { return Ok(Vec::new()) };
    let open: Vec<MessageId> =
        wish.among(snapshot).filter(|one| obtainable(one, unwritten)).map(|one| one.offer).collect();
    match open.as_slice() {
        [] => Err(wish.not_found()),
        [_] => Ok(open),
        _ if wanted.all => Ok(open),
        several => Err(Problem::usage(format!(
            "There are {} open offers: name those you want as `landline offers` lists them, or take them with --all.",
            several.len()
        ))),
    }
}

/// The newest that is meant. One that is not on offer any more may have been fetched, declined or
/// withdrawn.
fn named(snapshot: &Snapshot, wish: &Wish, unwritten: Option<&Path>) -> Result<MessageId, Problem> {
    let incoming = || wish.among(snapshot).filter(|one| !one.outgoing);
    let newest = incoming().rfind(|one| obtainable(one, unwritten)).or_else(|| incoming().next_back());
    newest.map(|one| one.offer).ok_or_else(|| wish.not_found())
}

/// Prints what is in the folders.
async fn list(client: &mut Client, picked: &[MessageId]) -> Result<(), Problem> {
    for &offer in picked {
        let now = client.now();
        let Some(transfer) = now.transfers.get(&offer) else { continue };
        let entries: Vec<Entry> = match transfer.kind {
            TransferKind::Folder(_) => {
                contents(client, offer).await?.iter().map(|entry| Entry::of(transfer, entry)).collect()
            }
            TransferKind::File => {
                let entry = FolderEntryView { path: transfer.name.clone(), size: transfer.size };
                vec![Entry::of(transfer, &entry)]
            }
        };
        client.out.records(entries.iter().cloned().map(Record::Entry), || text::entries(&entries))?;
    }
    Ok(())
}

async fn contents(client: &mut Client, offer: MessageId) -> Result<Arc<[FolderEntryView]>, Problem> {
    match client.run(Action::List { offer }).await? {
        Outcome::Listing(entries) => Ok(entries),
        _ => Err(Problem::engine_gone()),
    }
}

/// Accepts an offer, or goes on with it, unless it is here or on its way already.
async fn accept(
    client: &mut Client,
    args: &args::Get,
    to: &To,
    offer: MessageId,
) -> Result<Fetching, Problem> {
    let now = client.now();
    let mut how = AcceptHow { conflict: args.on_conflict.map(Into::into), ..AcceptHow::default() };
    match to {
        To::Place { folder, name } => (how.folder, how.name) = (folder.clone(), name.clone()),
        To::Stdout => {
            how.folder = Some(spool::passage(&client.profile, offer)?);
            how.conflict = Some(landline_peer::api::Conflict::Replace);
        }
    }
    let fetching = Fetching { offer, how };
    let Some(transfer) = now.transfers.get(&offer) else { return Ok(fetching) };
    still_offered(transfer)?;
    match next(transfer, to.stdout().then_some(fetching.how.folder.as_deref()).flatten(), args) {
        Next::Nothing => Ok(fetching),
        Next::Resume => client.run(Action::Resume { offer }).await.map(|_| fetching),
        Next::Accept => {
            let picks = picks(client, args, transfer).await?;
            let how = AcceptHow { picks, ..fetching.how };
            client.run(Action::Accept { offer, how: how.clone() }).await?;
            Ok(Fetching { offer, how })
        }
    }
}

/// What its author has taken back cannot be had.
fn still_offered(transfer: &TransferView) -> Result<(), Problem> {
    match &transfer.state {
        TransferState::Cancelled { by } if *by == transfer.author => {
            let text = format!("The offer of {} was withdrawn by {by}.", transfer.name);
            Err(Problem::new(Exit::Declined, text))
        }
        _ => Ok(()),
    }
}

/// What an offer needs so that it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// It is here, or on its way since an earlier start.
    Nothing,
    /// To be woken.
    Resume,
    /// To be asked for.
    Accept,
}

/// `passage` is where it has to be for standard output.
fn next(transfer: &TransferView, passage: Option<&Path>, args: &args::Get) -> Next {
    use TransferState as S;
    match &transfer.state {
        S::Done => match (&transfer.path, passage) {
            (Some(path), None) if path.exists() && is_as_asked(path, args) => Next::Nothing,
            (Some(path), Some(passage)) if path.exists() && path.parent() == Some(passage) => Next::Nothing,
            _ => Next::Accept,
        },
        S::Paused => Next::Resume,
        // Without an answer it is asked for, or said, by whoever waits.
        S::Conflict(_) if args.on_conflict.is_none() && passage.is_none() => Next::Nothing,
        S::Hashing
        | S::Queued(_)
        | S::QueuedThere(_)
        | S::Connecting
        | S::Checking
        | S::Active
        | S::Finishing
        | S::Waiting(_) => Next::Nothing,
        S::Offered | S::Conflict(_) | S::Declined | S::Cancelled { .. } | S::Failed(_) => Next::Accept,
    }
}

/// Whether what has come before is what is asked for now.
fn is_as_asked(there: &Path, args: &args::Get) -> bool {
    let Ok(To::Place { folder, name }) = To::of(args) else { return false };
    args.only.is_empty()
        && folder.is_none_or(|folder| there.parent() == Some(&folder))
        && name.is_none_or(|name| there.file_name() == Some(name.as_str().as_ref()))
}

/// The files of a folder that `--only` means; nothing where all are wanted.
async fn picks(
    client: &mut Client,
    args: &args::Get,
    transfer: &TransferView,
) -> Result<Option<Arc<[u32]>>, Problem> {
    if args.only.is_empty() || transfer.kind == TransferKind::File {
        return Ok(None);
    }
    let globs: Vec<Glob> = args.only.iter().map(|glob| Glob::new(glob)).collect();
    let entries = contents(client, transfer.offer).await?;
    let meant = |entry: &FolderEntryView| globs.iter().any(|glob| glob.matches(entry.path.as_raw()));
    let picks: Arc<[u32]> =
        (0..).zip(entries.iter()).filter(|(_, entry)| meant(entry)).map(|(index, _)| index).collect();
    if picks.is_empty() {
        let text = format!(
            "Nothing in {} matches: `landline get --list` shows what is in it.",
            text::transfer_name(transfer)
        );
        return Err(Problem::new(Exit::NotFound, text));
    }
    Ok(Some(picks))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use landline_peer::api::{Failure, FailureKind};

    use super::super::offers::tests::{snapshot, transfer};
    use super::*;

    fn args(line: &str) -> args::Get {
        let line = format!("landline get {line}");
        match args::Cli::try_parse_from(line.split_whitespace()).unwrap().command {
            Some(args::Command::Get(get)) => get,
            _ => panic!("not a get"),
        }
    }

    fn picked(now: &Snapshot, line: &str) -> Result<Vec<u64>, Exit> {
        let args = args(line);
        let ids = wishes(now, &args.wanted).and_then(|wishes| pick(now, &wishes, &args.wanted, None));
        let number = |id: &MessageId| u64::from(id.as_bytes()[15]);
        ids.map(|ids| ids.iter().map(number).collect()).map_err(|problem| problem.exit)
    }

    #[test]
    fn the_only_open_offer_needs_no_name() {
        let one = snapshot(vec![
            transfer(1, "alice", "old", TransferState::Done),
            transfer(2, "alice", "new", TransferState::Offered),
            transfer(3, "me", "mine", TransferState::Offered),
        ]);
        assert_eq!(picked(&one, ""), Ok(vec![2]));
        assert_eq!(picked(&one, "old"), Ok(vec![1]), "what is here already can be named");
        assert_eq!(picked(&one, "mine"), Err(Exit::NotFound));
        assert_eq!(picked(&snapshot(vec![]), "--all"), Err(Exit::NotFound));
    }

    #[test]
    fn among_several_one_must_choose() {
        let failed = TransferState::Failed(Failure::new(FailureKind::Io, ""));
        let several = snapshot(vec![
            transfer(1, "alice", "a", failed),
            transfer(2, "bob", "a", TransferState::Offered),
            transfer(3, "bob", "b", TransferState::Offered),
        ]);
        assert_eq!(picked(&several, ""), Err(Exit::Usage));
        assert_eq!(picked(&several, "--all"), Ok(vec![1, 2, 3]));
        assert_eq!(picked(&several, "a"), Ok(vec![2]), "the newest of that name");
        assert_eq!(picked(&several, "b a b"), Ok(vec![3, 2]), "several, each once");
        assert_eq!(picked(&several, "a c"), Err(Exit::NotFound));
    }

    #[test]
    fn what_runs_already_is_not_accepted_again() {
        let waiting = TransferState::Waiting(Failure::new(FailureKind::Unreachable, ""));
        let of = |state, line| next(&transfer(1, "alice", "a", state), None, &args(line));
        assert_eq!(of(waiting, ""), Next::Nothing);
        assert_eq!(of(TransferState::Queued(1), ""), Next::Nothing);
        assert_eq!(of(TransferState::Offered, ""), Next::Accept);
        assert_eq!(of(TransferState::Paused, ""), Next::Resume);
        let there = tempfile::NamedTempFile::new().unwrap();
        let done = TransferView {
            path: Some(there.path().to_owned()),
            ..transfer(1, "alice", "a", TransferState::Done)
        };
        let again = |line: &str| next(&done, None, &args(line));
        assert_eq!(again(""), Next::Nothing);
        for other in ["--into /elsewhere", "--as b", "-o /elsewhere/a", "--only *.pdf"] {
            assert_eq!(again(other), Next::Accept, "{other}: it is asked for otherwise than before");
        }
        assert_eq!(
            of(TransferState::Done, ""),
            Next::Accept,
            "a finished file that is gone is fetched again"
        );
        let taken = || TransferState::Conflict("/a".into());
        assert_eq!(of(taken(), ""), Next::Nothing);
        assert_eq!(of(taken(), "--on-conflict skip"), Next::Accept);
    }

    #[test]
    fn where_it_goes() {
        let to = |line: &str| To::of(&args(line)).map_err(|problem| problem.exit);
        for line in ["-o -", "--to-stdout", "--output -"] {
            assert_eq!(to(line), Ok(To::Stdout), "{line}");
        }
        let name = FileName::parse("b").unwrap();
        assert_eq!(to("-o /a/b"), Ok(To::Place { folder: Some("/a".into()), name: Some(name) }));
        assert_eq!(to(""), Ok(To::Place { folder: None, name: None }));
        assert_eq!(to("-o /"), Err(Exit::Usage));
        assert_eq!(to("--as a/b"), Err(Exit::Usage));
        let several = snapshot(vec![]);
        let ids: Vec<MessageId> =
            [1, 2].map(|n| transfer(n, "bob", "a", TransferState::Offered).offer).into();
        assert_eq!(To::Stdout.check(&several, &ids).unwrap_err().exit, Exit::Usage);
        assert!(To::Stdout.check(&several, &ids[..1]).is_ok());
    }
}
