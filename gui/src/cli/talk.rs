//! `peers`, `msg`, `history`.

use std::collections::HashSet;
use std::io::{self, Read};

use landline_peer::api::{Action, ConversationView, MessageState, MessageView, Outcome, Snapshot};
use landline_protocol::{ConversationKind, MessageId, Seq, UserName};

use super::args;
use super::client::{Client, signed_out};
use super::exit::{Exit, Problem};
use super::record::{Message, Person, Record};
use super::text::{self, Here};

/// Lists who there is.
pub(crate) async fn peers(client: &mut Client) -> Result<(), Problem> {
    client.connected_or_old().await?;
    let people: Vec<Person> = client.now().people.iter().map(Person::from).collect();
    let table = || text::people(&people, &Here::now());
    client.out.records(people.iter().cloned().map(Record::Person), table)
}

/// Says something, and returns when it is on the coordinator's disk.
pub(crate) async fn msg(client: &mut Client, args: args::Msg) -> Result<(), Problem> {
    let text = match args.text.as_slice() {
        [] => from_stdin()?,
        [dash] if dash == "-" => from_stdin()?,
        words => words.join(" "),
    };
    // The outbox takes it at once; but whom it is for may only be known once caught up.
    let reached = client.connected().await;
    if let Err(problem) = &reached
        && problem.exit != Exit::Unreachable
    {
        return reached;
    }
    let to = recipient(&client.now(), &args.who)?;
    let Outcome::Queued { message } = client.run(Action::SendText { to: to.clone(), text }).await? else {
        return Err(Problem::engine_gone());
    };
    if let Err(problem) = reached {
        return Err(waits_in_outbox(&problem.text));
    }
    sent(client, &to, message).await?;
    report(client, &to, message)
}

fn from_stdin() -> Result<String, Problem> {
    let mut text = String::new();
    io::stdin()
        .lock()
        .read_to_string(&mut text)
        .map_err(|error| Problem::usage(format!("The text on standard input could not be read: {error}.")))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn waits_in_outbox(cause: &str) -> Problem {
    let text = format!("{cause} The message waits in the outbox, and goes out when landline next connects.");
    Problem::new(Exit::Unreachable, text)
}

/// Waits until the coordinator has the message, or will not take it.
async fn sent(client: &mut Client, to: &ConversationKind, id: MessageId) -> Result<(), Problem> {
    let look = |snapshot: &Snapshot| match &message_in(conversation(snapshot, to)?, id)?.state {
        MessageState::Pending => None,
        MessageState::Sent(_) => Some(Ok(())),
        MessageState::Failed(failure) => Some(Err(failure.clone().into())),
    };
    let patience = client.patience();
    match tokio::time::timeout(patience, client.until(look)).await {
        Ok(found) => found?,
        Err(_) => Err(waits_in_outbox("The coordinator has not acknowledged it in time.")),
    }
}

/// Scripts get the message back; people see that no news is good news.
fn report(client: &Client, to: &ConversationKind, id: MessageId) -> Result<(), Problem> {
    let now = client.now();
    let Some(found) = conversation(&now, to).and_then(|one| Some((one, message_in(one, id)?))) else {
        return Ok(());
    };
    client.out.record(&Record::Message(Message::of(found.1, found.0, &now)), "")
}

/// Prints what was said, the newest last, and stays for more if asked to.
pub(crate) async fn history(client: &mut Client, args: &args::History) -> Result<(), Problem> {
    client.connected_or_old().await?;
    let whom = recipient(&client.now(), &args.who)?;
    load(client, &whom, args.limit).await?;
    let mut printed = HashSet::new();
    print_new(client, &whom, args.limit, &mut printed)?;
    mark_read(client, &whom).await?;
    if !args.follow {
        return Ok(());
    }
    loop {
        let revision = client.now().revision;
        client.until(|snapshot| (snapshot.revision != revision).then_some(())).await?;
        if print_new(client, &whom, usize::MAX, &mut printed)? {
            mark_read(client, &whom).await?;
        }
    }
}

/// Loads the past until there is enough of it or no more.
async fn load(client: &mut Client, whom: &ConversationKind, wanted: usize) -> Result<(), Problem> {
    loop {
        let now = client.now();
        let Some(view) = conversation(&now, whom) else {
            return Ok(());
        };
        let loaded = view.messages.len();
        if loaded >= wanted || !view.has_older {
            return Ok(());
        }
        client.run(Action::LoadOlder { conversation: view.id }).await?;
        let grown = |view: &ConversationView| view.messages.len() > loaded || !view.has_older;
        if !conversation(&client.now(), whom).is_some_and(grown) {
            return Ok(());
        }
    }
}

/// Prints the newest messages that were not printed before; whether there were any.
fn print_new(
    client: &Client,
    whom: &ConversationKind,
    most: usize,
    printed: &mut HashSet<MessageId>,
) -> Result<bool, Problem> {
    let now = client.now();
    let Some(view) = conversation(&now, whom) else {
        return Ok(false);
    };
    let skipped = view.messages.len().saturating_sub(most);
    // What the limit left out is not news later.
    printed.extend(view.messages[..skipped].iter().map(|message| message.id));
    let fresh: Vec<&MessageView> =
        view.messages.iter().filter(|message| printed.insert(message.id)).collect();
    let fresh: Vec<Message> = fresh.into_iter().map(|message| Message::of(message, view, &now)).collect();
    let lines = || text::messages(&fresh, &Here::now());
    client.out.records(fresh.iter().cloned().map(Record::Message), lines)?;
    Ok(!fresh.is_empty())
}

/// What was printed was seen.
async fn mark_read(client: &mut Client, whom: &ConversationKind) -> Result<(), Problem> {
    let now = client.now();
    let Some(view) = conversation(&now, whom) else {
        return Ok(());
    };
    let newest = view.messages.iter().filter_map(|message| match message.state {
        MessageState::Sent(seq) => Some(seq),
        _ => None,
    });
    let seq = newest.max().unwrap_or(Seq::ZERO);
    if seq > view.read {
        client.run(Action::MarkRead { conversation: view.id, seq }).await?;
    }
    Ok(())
}

fn conversation<'a>(snapshot: &'a Snapshot, kind: &ConversationKind) -> Option<&'a ConversationView> {
    let id = kind.id();
    snapshot.conversations.iter().find(|one| one.id == id)
}

fn message_in(view: &ConversationView, id: MessageId) -> Option<&MessageView> {
    // It is among the newest.
    view.messages.iter().rev().find(|message| message.id == id)
}

/// Whom a word means: `lobby`, or a person known here, `@` before the name or not.
pub(crate) fn recipient(snapshot: &Snapshot, who: &str) -> Result<ConversationKind, Problem> {
    if who == "lobby" {
        return Ok(ConversationKind::Lobby);
    }
    let me = &snapshot.me.as_ref().ok_or_else(signed_out)?.user;
    let user = known(snapshot, who.strip_prefix('@').unwrap_or(who))?;
    Ok(ConversationKind::direct(me.clone(), user))
}

/// The person of that name, however it is capitalised.
pub(crate) fn known(snapshot: &Snapshot, name: &str) -> Result<UserName, Problem> {
    let wanted: UserName = name
        .parse()
        .map_err(|error| Problem::usage(format!("{name:?} cannot be anybody's name: {error}.")))?;
    let everybody =
        snapshot.people.iter().map(|person| &person.user).chain(snapshot.me.as_ref().map(|me| &me.user));
    let folded = wanted.folded();
    everybody.into_iter().find(|user| user.folded() == folded).cloned().ok_or_else(|| {
        let text = format!("There is nobody called {wanted} here: `landline peers` lists everybody.");
        Problem::new(Exit::NotFound, text)
    })
}
