//! `send`: offer files and folders, and serve them until everyone concerned has answered.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use landline_peer::api::{Action, Outcome, RecipientState, Snapshot, TransferView};
use landline_protocol::{ConversationKind, FileName, MessageId, UserName};

use super::args;
use super::client::Client;
use super::exit::{Exit, Problem};
use super::progress::Meter;
use super::record::{Offer, Record};
use super::spool;
use super::talk::recipient;
use super::text;
use super::verdict::verdict;

/// What standard input is called unless it is named.
const UNNAMED: &str = "stdin";

/// Offers, then stays until all have it or will not have it.
pub(crate) async fn run(client: &mut Client, args: &args::Send) -> Result<(), Problem> {
    let errand = if args.resume { None } else { Some(Errand::of(args)?) };
    client.connected().await?;
    let offers = match errand {
        Some(errand) => offer_all(client, errand).await?,
        None => unanswered(&client.now()),
    };
    if offers.is_empty() {
        spool::sweep(&client.profile, &client.now());
        client.out.note("Nothing is left to send: everyone concerned has answered.");
        return Ok(());
    }
    if args.resume {
        for &offer in &offers {
            announce(client, offer, "Serving")?;
        }
    }
    let served = serve(client, offers).await;
    spool::sweep(&client.profile, &client.now());
    served
}

/// What is to be sent, and to whom.
#[derive(Debug)]
struct Errand {
    what: Vec<What>,
    whom: Vec<String>,
}

/// One thing to send.
#[derive(Debug, PartialEq, Eq)]
enum What {
    /// A file or folder that is there.
    Path(PathBuf),
    /// Standard input, under this name.
    Stdin(FileName),
}

impl Errand {
    /// What the arguments say. A path that is missing is noticed before anything is offered.
    fn of(args: &args::Send) -> Result<Self, Problem> {
        let (words, whom) = aim(args)?;
        let dashes = words.iter().filter(|path| path.as_os_str() == "-").count();
        if dashes > 1 {
            return Err(Problem::usage("Standard input can be sent once: leave one `-` out."));
        }
        if dashes == 0 && args.name.is_some() {
            return Err(Problem::usage(
                "--name is what standard input is called: it needs `-` among the paths.",
            ));
        }
        let name = args.name.as_deref().unwrap_or(UNNAMED);
        let what = |path: &PathBuf| match path.to_str() {
            Some("-") => file_name(name).map(What::Stdin),
            _ => checked(path).map(What::Path),
        };
        Ok(Self { what: words.iter().map(what).collect::<Result<_, _>>()?, whom })
    }
}

/// Paths, and whom they are for.
fn aim(args: &args::Send) -> Result<(&[PathBuf], Vec<String>), Problem> {
    if !args.to.is_empty() {
        return Ok((&args.words, args.to.clone()));
    }
    match args.words.split_last() {
        Some((who, paths)) if !paths.is_empty() => match who.to_str() {
            Some(who) => Ok((paths, vec![who.to_owned()])),
            None => {
                Err(Problem::usage("The last word names whom the files are for; it is no readable name."))
            }
        },
        _ => Err(Problem::usage(
            "Say whom it is for: `landline send FILE bob`, or `landline send FILE --to bob`.",
        )),
    }
}

fn file_name(text: &str) -> Result<FileName, Problem> {
    FileName::parse(text)
        .map_err(|error| Problem::usage(format!("{text:?} cannot be a file's name: it {error}.")))
}

/// An absolute path to a file or folder that exists.
fn checked(path: &Path) -> Result<PathBuf, Problem> {
    let shown = path.display();
    let absolute = std::path::absolute(path).map_err(|error| Problem::usage(format!("{shown}: {error}.")))?;
    match std::fs::metadata(&absolute) {
        Ok(found) if found.is_file() || found.is_dir() => Ok(absolute),
        Ok(_) => Err(Problem::usage(format!(
            "{shown} is neither a file nor a folder; its contents can be sent as a stream: `landline send - … < {shown}`."
        ))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Problem::new(Exit::NotFound, format!("There is no file or folder {shown}.")))
        }
        Err(error) => Err(Problem::new(Exit::Disk, format!("{shown} cannot be read: {error}."))),
    }
}

async fn offer_all(client: &mut Client, errand: Errand) -> Result<Vec<MessageId>, Problem> {
    let now = client.now();
    let mut whom: Vec<ConversationKind> = Vec::with_capacity(errand.whom.len());
    for who in &errand.whom {
        let kind = recipient(&now, who)?;
        if !whom.contains(&kind) {
            whom.push(kind);
        }
    }
    let mut offers = Vec::with_capacity(errand.what.len() * whom.len());
    for what in errand.what {
        let path = match what {
            What::Path(path) => path,
            What::Stdin(name) => spool::read_stdin(&client.profile, name).await?,
        };
        for to in &whom {
            offers.push(offer_one(client, to, path.clone()).await?);
        }
    }
    Ok(offers)
}

async fn offer_one(client: &mut Client, to: &ConversationKind, path: PathBuf) -> Result<MessageId, Problem> {
    let outcome = client.run(Action::Share { to: to.clone(), path }).await?;
    let Outcome::Queued { message: offer } = outcome else {
        return Err(Problem::engine_gone());
    };
    client.until(|snapshot| snapshot.transfers.contains_key(&offer).then_some(())).await?;
    announce(client, offer, "Offered")?;
    Ok(offer)
}

fn announce(client: &Client, offer: MessageId, what: &str) -> Result<(), Problem> {
    let now = client.now();
    let Some(transfer) = now.transfers.get(&offer) else {
        return Ok(());
    };
    let record = Offer::of(transfer, &now);
    let whom = if record.conversation == "lobby" { "everybody" } else { &record.conversation };
    let (name, size) = (text::transfer_name(transfer), text::amount(&record));
    let text = format!("{what} {name} ({size}) to {whom}, id {}", text::short_id(&record.id));
    client.out.record(&Record::Offer(record), &text)
}

/// Own offers that somebody has not answered for good.
fn unanswered(snapshot: &Snapshot) -> Vec<MessageId> {
    let open = snapshot.transfers.values().filter(|one| one.outgoing && verdict(snapshot, one).is_none());
    open.map(|one| one.offer).collect()
}

/// Shows how it goes, until every offer has its verdict. The worst of them is the command's.
async fn serve(client: &mut Client, mut offers: Vec<MessageId>) -> Result<(), Problem> {
    let mut meter = Meter::new(client.out);
    let mut told = HashSet::new();
    let mut worst = Ok(());
    while !offers.is_empty() {
        let now = client.now();
        let mut open = Vec::with_capacity(offers.len());
        for offer in offers {
            let Some(transfer) = now.transfers.get(&offer) else {
                continue;
            };
            tell_deliveries(client, transfer, &mut told)?;
            if let Some(result) = verdict(&now, transfer) {
                meter.finish(offer);
                worst = worst.and(result);
            } else {
                meter.show(transfer, expected_bytes(transfer))?;
                open.push(offer);
            }
        }
        offers = open;
        if !offers.is_empty() {
            client.until(|snapshot| (snapshot.revision != now.revision).then_some(())).await?;
        }
    }
    worst
}

/// What will have been sent when everyone who fetches now has it.
fn expected_bytes(transfer: &TransferView) -> u64 {
    let fetching = transfer.recipients.iter().filter(|one| one.state == RecipientState::Fetching).count();
    transfer.size.saturating_mul(u64::try_from(fetching.max(1)).unwrap_or(1))
}

fn tell_deliveries(
    client: &Client,
    transfer: &TransferView,
    told: &mut HashSet<(MessageId, UserName)>,
) -> Result<(), Problem> {
    let done = transfer.recipients.iter().filter(|one| one.state == RecipientState::Done);
    for one in done {
        if told.insert((transfer.offer, one.user.clone())) {
            let record = Record::Delivered {
                offer: transfer.offer.to_string(),
                name: transfer.name.as_raw().to_owned(),
                to: one.user.to_string(),
                size: transfer.size,
            };
            let text = format!("{} has {}, verified", one.user, text::transfer_name(transfer));
            client.out.record(&record, &text)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str], to: &[&str], name: Option<&str>) -> args::Send {
        args::Send {
            words: words.iter().map(PathBuf::from).collect(),
            to: to.iter().map(|&who| who.to_owned()).collect(),
            name: name.map(str::to_owned),
            limit: None,
            resume: false,
        }
    }

    #[test]
    fn whom_it_is_for_stands_last_or_after_to() {
        let given = args(&["a", "b", "bob"], &[], None);
        assert_eq!(aim(&given).unwrap(), (&given.words[..2], vec!["bob".to_owned()]));
        let given = args(&["a", "b"], &["bob", "lobby"], None);
        assert_eq!(aim(&given).unwrap(), (&given.words[..], vec!["bob".to_owned(), "lobby".to_owned()]));
        assert_eq!(aim(&args(&["a"], &[], None)).unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn standard_input_has_a_name_and_comes_once() {
        let errand = |words: &[&str], name| Errand::of(&args(words, &["bob"], name));
        let named = FileName::parse("x.tar").unwrap();
        assert_eq!(errand(&["-"], Some("x.tar")).unwrap().what, [What::Stdin(named)]);
        assert_eq!(errand(&["-"], None).unwrap().what, [What::Stdin(FileName::parse("stdin").unwrap())]);
        for (words, name) in [(&["-", "-"][..], None), (&["."], Some("x")), (&["-"], Some("a/b"))] {
            assert_eq!(errand(words, name).unwrap_err().exit, Exit::Usage, "{words:?} {name:?}");
        }
    }

    #[test]
    fn folders_are_taken_and_what_is_missing_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let errand = Errand::of(&args(&[path], &["bob"], None)).unwrap();
        assert_eq!(errand.what, [What::Path(folder.path().to_owned())]);
        let missing = folder.path().join("missing");
        let problem = Errand::of(&args(&[path, missing.to_str().unwrap()], &["bob"], None)).unwrap_err();
        assert_eq!(problem.exit, Exit::NotFound);
    }
}
