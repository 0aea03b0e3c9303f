//! `send`: offer files, and serve them until everyone concerned has answered.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use landline_peer::api::{
    Action, Content, MessageState, Outcome, RecipientState, RecipientView, Snapshot, TransferState,
    TransferView,
};
use landline_protocol::{ConversationKind, MessageId, UserName};

use super::args;
use super::client::Client;
use super::exit::{Exit, Problem};
use super::offers::ended;
use super::progress::Meter;
use super::record::{Offer, Record};
use super::talk::recipient;
use super::text;

/// Offers, then stays until all have it or will not have it.
pub(crate) async fn run(client: &mut Client, args: &args::Send) -> Result<(), Problem> {
    client.connected().await?;
    let offers = if args.resume { unanswered(&client.now()) } else { offer_all(client, args).await? };
    if offers.is_empty() {
        client.out.note("Nothing is left to send: everyone concerned has answered.");
        return Ok(());
    }
    if args.resume {
        for &offer in &offers {
            announce(client, offer, "Serving")?;
        }
    }
    serve(client, offers).await
}

/// Paths and whom they are for.
fn aim(args: &args::Send) -> Result<(&[PathBuf], String), Problem> {
    if let Some(to) = &args.to {
        return Ok((&args.words, to.clone()));
    }
    match args.words.split_last() {
        Some((who, paths)) if !paths.is_empty() => match who.to_str() {
            Some(who) => Ok((paths, who.to_owned())),
            None => {
                Err(Problem::usage("The last word names whom the files are for; it is no readable name."))
            }
        },
        _ => Err(Problem::usage(
            "Say whom it is for: `landline send FILE bob`, or `landline send FILE --to bob`.",
        )),
    }
}

async fn offer_all(client: &mut Client, args: &args::Send) -> Result<Vec<MessageId>, Problem> {
    let (paths, who) = aim(args)?;
    let to = recipient(&client.now(), &who)?;
    // One that is missing is noticed before any is offered.
    let files: Vec<PathBuf> = paths.iter().map(|path| checked(path)).collect::<Result<_, _>>()?;
    let mut offers = Vec::with_capacity(files.len());
    for path in files {
        offers.push(offer_one(client, &to, path).await?);
    }
    Ok(offers)
}

/// An absolute path to something that exists and is a file.
fn checked(path: &Path) -> Result<PathBuf, Problem> {
    let shown = path.display();
    let absolute = std::path::absolute(path).map_err(|error| Problem::usage(format!("{shown}: {error}.")))?;
    match std::fs::metadata(&absolute) {
        Ok(found) if found.is_file() => Ok(absolute),
        Ok(_) => Err(Problem::usage(format!("{shown} is not a file; folders cannot be sent yet."))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Problem::new(Exit::NotFound, format!("There is no file {shown}.")))
        }
        Err(error) => Err(Problem::new(Exit::Disk, format!("{shown} cannot be read: {error}."))),
    }
}

async fn offer_one(client: &mut Client, to: &ConversationKind, path: PathBuf) -> Result<MessageId, Problem> {
    let outcome = client.run(Action::ShareFile { to: to.clone(), path }).await?;
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
    let size = crate::units::size(transfer.size);
    let text = format!("{what} {} ({size}) to {whom}, id {}", transfer.name, text::short_id(&record.id));
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
            client.out.record(&record, &format!("{} has {}, verified", one.user, transfer.name))?;
        }
    }
    Ok(())
}

/// How an offer of ours ended: everyone concerned has it, or why not. Nothing while it goes on.
fn verdict(snapshot: &Snapshot, transfer: &TransferView) -> Option<Result<(), Problem>> {
    if let Some(failed) = refused(snapshot, transfer) {
        return Some(Err(failed));
    }
    match &transfer.state {
        TransferState::Failed(failure) => return Some(Err(failure.clone().into())),
        TransferState::Cancelled { by } => {
            return Some(Err(Problem::new(Exit::Declined, format!("{}: cancelled by {by}.", transfer.name))));
        }
        _ if ended(transfer) => return Some(Ok(())),
        _ => {}
    }
    let expected = concerned(snapshot, transfer);
    let answered =
        |user: &UserName| transfer.recipients.iter().find(|one| one.user.folded() == user.folded());
    let answers: Vec<&RecipientView> = expected.iter().map(answered).collect::<Option<_>>()?;
    if answers.is_empty() || answers.iter().any(|one| one.state == RecipientState::Fetching) {
        return None;
    }
    Some(answers.into_iter().try_for_each(|one| answer(one, transfer)))
}

fn answer(one: &RecipientView, transfer: &TransferView) -> Result<(), Problem> {
    let what = match one.state {
        RecipientState::Done | RecipientState::Fetching => return Ok(()),
        RecipientState::Declined => "declined",
        RecipientState::Cancelled => "gave up",
    };
    Err(Problem::new(Exit::Declined, format!("{}: {} {what}.", transfer.name, one.user)))
}

/// The offer is a message too, and the coordinator may not take it.
fn refused(snapshot: &Snapshot, transfer: &TransferView) -> Option<Problem> {
    let view = snapshot.conversations.iter().find(|one| one.id == transfer.conversation)?;
    let message =
        view.messages.iter().rev().find(|one| one.id == transfer.offer && one.content == Content::Offer)?;
    match &message.state {
        MessageState::Failed(failure) => Some(failure.clone().into()),
        _ => None,
    }
}

/// Who ought to answer: the other person, or in the lobby everybody else.
fn concerned(snapshot: &Snapshot, transfer: &TransferView) -> Vec<UserName> {
    let view = snapshot.conversations.iter().find(|one| one.id == transfer.conversation);
    let Some((view, me)) = view.zip(snapshot.me.as_ref()) else { return Vec::new() };
    match view.kind.other(&me.user) {
        Some(other) => vec![other.clone()],
        None => snapshot.people.iter().map(|person| person.user.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::offers::tests::{snapshot, transfer};
    use super::*;

    fn answered(answers: &[(&str, RecipientState)]) -> Option<Exit> {
        let mut offer = transfer(1, "me", "a.txt", TransferState::Offered);
        offer.recipients = answers
            .iter()
            .map(|&(user, state)| RecipientView { user: user.parse().unwrap(), state, bytes: 0 })
            .collect();
        let now = snapshot(vec![offer.clone()]);
        verdict(&now, &offer).map(|result| result.map_or_else(|problem| problem.exit, |()| Exit::Ok))
    }

    #[test]
    fn an_offer_to_all_ends_with_the_last_answer() {
        use RecipientState::{Declined, Done, Fetching};
        assert_eq!(answered(&[]), None);
        assert_eq!(answered(&[("alice", Done)]), None, "bob has not answered");
        assert_eq!(answered(&[("alice", Done), ("bob", Fetching)]), None);
        assert_eq!(answered(&[("alice", Done), ("bob", Done)]), Some(Exit::Ok));
        assert_eq!(answered(&[("alice", Done), ("bob", Declined)]), Some(Exit::Declined));
    }

    #[test]
    fn an_offer_whose_conversation_is_not_loaded_stays_open() {
        let mut offer = transfer(1, "me", "a.txt", TransferState::Offered);
        offer.conversation = landline_protocol::ConversationId::from_bytes([9; 32]);
        assert_eq!(verdict(&snapshot(vec![offer.clone()]), &offer), None);
    }

    #[test]
    fn whom_it_is_for_stands_last_or_after_to() {
        let args = |words: &[&str], to: Option<&str>| args::Send {
            words: words.iter().map(PathBuf::from).collect(),
            to: to.map(str::to_owned),
            resume: false,
        };
        let given = args(&["a", "b", "bob"], None);
        let (paths, who) = aim(&given).unwrap();
        assert_eq!((paths.len(), who.as_str()), (2, "bob"));
        let given = args(&["a", "b"], Some("bob"));
        let (paths, who) = aim(&given).unwrap();
        assert_eq!((paths.len(), who.as_str()), (2, "bob"));
        assert_eq!(aim(&args(&["a"], None)).unwrap_err().exit, Exit::Usage);
    }
}
