//! `get`: accept offers and fetch them.

use std::path::Path;
use std::time::Duration;

use landline_peer::api::{Action, FailureKind, Snapshot, TransferState, TransferView};
use landline_protocol::{FileName, MessageId};
use tokio::time::{Instant, sleep_until, timeout};

use super::args;
use super::client::Client;
use super::exit::{Exit, Problem};
use super::offers::Wish;
use super::progress::Meter;
use super::record::Record;

/// Picks, accepts, and stays until everything picked is in place or will not come.
pub(crate) async fn run(client: &mut Client, args: &args::Get) -> Result<(), Problem> {
    let name = args.rename.as_deref().map(file_name).transpose()?;
    let folder = args.into.as_deref().map(folder).transpose()?;
    client.connected().await?;
    let wish = Wish::new(&client.now(), args.what.as_deref(), args.from.as_deref())?;
    if args.wait {
        client.out.note("Waiting for an offer.");
        let offered = client.until(|snapshot| wish.among(snapshot).any(wanted).then_some(()));
        match timeout(args.give_up.unwrap_or(Duration::MAX), offered).await {
            Ok(offered) => offered?,
            Err(_) => return Err(wish.not_found()),
        }
    }
    let picked = pick(&client.now(), &wish, args)?;
    for &offer in &picked {
        still_offered(&client.now(), offer)?;
        if needs_accepting(&client.now(), offer) {
            let (folder, name) = (folder.clone(), name.clone());
            client.run(Action::Accept { offer, folder, name }).await?;
        }
    }
    fetch(client, picked, args.give_up).await
}

fn file_name(text: &str) -> Result<FileName, Problem> {
    FileName::parse(text)
        .map_err(|error| Problem::usage(format!("{text:?} cannot be a file's name: it {error}.")))
}

fn folder(path: &Path) -> Result<std::path::PathBuf, Problem> {
    std::path::absolute(path).map_err(|error| Problem::usage(format!("{}: {error}.", path.display())))
}

/// Offers of others that can still be had, or are here already.
fn wanted(transfer: &TransferView) -> bool {
    use TransferState::{Cancelled, Declined, Done};
    !transfer.outgoing && !matches!(transfer.state, Done | Declined | Cancelled { .. })
}

/// What to fetch: what was named (the newest of that name), everything, or the only one there is.
fn pick(snapshot: &Snapshot, wish: &Wish, args: &args::Get) -> Result<Vec<MessageId>, Problem> {
    let incoming = || wish.among(snapshot).filter(|one| !one.outgoing);
    let open: Vec<MessageId> = incoming().filter(|one| wanted(one)).map(|one| one.offer).collect();
    if args.all && !open.is_empty() {
        return Ok(open);
    }
    if args.what.is_some() {
        // A name that is not on offer any more may have been fetched, declined or withdrawn.
        let newest = open.last().copied().or_else(|| incoming().next_back().map(|one| one.offer));
        return newest.map(|one| vec![one]).ok_or_else(|| wish.not_found());
    }
    match open.as_slice() {
        [] => Err(wish.not_found()),
        [_] => Ok(open),
        several => Err(Problem::usage(format!(
            "There are {} open offers: name one as `landline offers` lists them, or take them with --all.",
            several.len()
        ))),
    }
}

/// What its author has taken back cannot be had.
fn still_offered(snapshot: &Snapshot, offer: MessageId) -> Result<(), Problem> {
    match snapshot.transfers.get(&offer) {
        Some(TransferView { state: TransferState::Cancelled { by }, author, name, .. }) if by == author => {
            Err(Problem::new(Exit::Declined, format!("The offer of {name} was withdrawn by {author}.")))
        }
        _ => Ok(()),
    }
}

/// Whether it must be asked for: not when it is here, or on its way since an earlier start.
fn needs_accepting(snapshot: &Snapshot, offer: MessageId) -> bool {
    use TransferState::{Active, Connecting, Done, Hashing, Waiting};
    snapshot.transfers.get(&offer).is_none_or(|transfer| match &transfer.state {
        Done => transfer.path.as_ref().is_none_or(|path| !path.exists()),
        Hashing | Connecting | Active | Waiting(_) => false,
        _ => true,
    })
}

/// Shows how it goes until each has ended. The first failure is the command's.
async fn fetch(
    client: &mut Client,
    mut offers: Vec<MessageId>,
    give_up: Option<Duration>,
) -> Result<(), Problem> {
    let mut meter = Meter::new(client.out);
    let mut stall = Stall::new(give_up);
    let mut result = Ok(());
    while !offers.is_empty() {
        let now = client.now();
        let mut open = Vec::with_capacity(offers.len());
        for offer in offers {
            let Some(transfer) = now.transfers.get(&offer) else {
                continue;
            };
            if let Some(end) = end(transfer) {
                meter.finish(offer);
                let end = end.and_then(|()| received(client, transfer));
                result = result.and(end);
            } else {
                meter.show(transfer, transfer.size)?;
                open.push(offer);
            }
        }
        offers = open;
        stall.moved(&now, &offers);
        if !offers.is_empty() {
            tokio::select! {
                changed = client.until(|snapshot| (snapshot.revision != now.revision).then_some(())) => changed?,
                () = stall.over() => return Err(stall.problem(&now, &offers)),
            }
        }
    }
    result
}

fn received(client: &Client, transfer: &TransferView) -> Result<(), Problem> {
    let path = transfer.path.as_ref().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    let text =
        format!("Received {} ({}), verified: {path}", transfer.name, crate::units::size(transfer.size));
    let record = Record::Received {
        offer: transfer.offer.to_string(),
        name: transfer.name.as_raw().to_owned(),
        from: transfer.author.to_string(),
        size: transfer.size,
        path,
    };
    client.out.record(&record, &text)
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
        // It goes on by itself if the sender turns up elsewhere; whoever waits here should know.
        TransferState::Waiting(cause) if cause.kind == FailureKind::KeyChanged => {
            Some(Err(cause.clone().into()))
        }
        _ => None,
    }
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

    fn moved(&mut self, snapshot: &Snapshot, offers: &[MessageId]) {
        let bytes =
            offers.iter().filter_map(|offer| snapshot.transfers.get(offer)).map(|one| one.bytes).sum();
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

    fn problem(&self, snapshot: &Snapshot, offers: &[MessageId]) -> Problem {
        let cause = offers.iter().find_map(|offer| match &snapshot.transfers.get(offer)?.state {
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
    use landline_peer::api::{Failure, FailureKind};

    use super::super::offers::tests::{snapshot, transfer};
    use super::*;

    fn args(what: Option<&str>, all: bool) -> args::Get {
        args::Get {
            what: what.map(str::to_owned),
            from: None,
            into: None,
            rename: None,
            wait: false,
            all,
            give_up: None,
        }
    }

    fn picked(now: &Snapshot, what: Option<&str>, all: bool) -> Result<Vec<u64>, Exit> {
        let args = args(what, all);
        let wish = Wish::new(now, what, None).unwrap();
        let ids = pick(now, &wish, &args).map_err(|problem| problem.exit)?;
        let number = |id: &MessageId| u64::from(id.as_bytes()[15]);
        Ok(ids.iter().map(number).collect())
    }

    #[test]
    fn the_only_open_offer_needs_no_name() {
        let one = snapshot(vec![
            transfer(1, "alice", "old", TransferState::Done),
            transfer(2, "alice", "new", TransferState::Offered),
            transfer(3, "me", "mine", TransferState::Offered),
        ]);
        assert_eq!(picked(&one, None, false), Ok(vec![2]));
        assert_eq!(picked(&one, Some("old"), false), Ok(vec![1]), "what is here already can be named");
        assert_eq!(picked(&one, Some("mine"), false), Err(Exit::NotFound));
        assert_eq!(picked(&snapshot(vec![]), None, true), Err(Exit::NotFound));
    }

    #[test]
    fn among_several_one_must_choose() {
        let failed = TransferState::Failed(Failure::new(FailureKind::Io, ""));
        let several = snapshot(vec![
            transfer(1, "alice", "a", failed),
            transfer(2, "bob", "a", TransferState::Offered),
            transfer(3, "bob", "b", TransferState::Offered),
        ]);
        assert_eq!(picked(&several, None, false), Err(Exit::Usage));
        assert_eq!(picked(&several, None, true), Ok(vec![1, 2, 3]));
        assert_eq!(picked(&several, Some("a"), false), Ok(vec![2]), "the newest of that name");
    }

    #[test]
    fn what_runs_already_is_not_accepted_again() {
        let waiting = TransferState::Waiting(Failure::new(FailureKind::Unreachable, ""));
        let now = snapshot(vec![
            transfer(1, "alice", "a", waiting),
            transfer(2, "alice", "b", TransferState::Offered),
            transfer(3, "alice", "c", TransferState::Done),
        ]);
        let needed: Vec<bool> = now.transfers.keys().map(|&offer| needs_accepting(&now, offer)).collect();
        assert_eq!(needed, [false, true, true], "a finished file that is gone is fetched again");
    }
}
