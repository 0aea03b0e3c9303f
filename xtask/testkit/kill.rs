//! The coordinator is killed while everybody talks, and started again: nothing acknowledged is
//! lost, nothing is there twice, and everybody comes back by themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use landline_peer::api::Snapshot;
use landline_protocol::{ConversationKind, UserName};
use tokio::task::JoinSet;

use crate::campaign::{Campaign, Kind, Verdict};
use crate::check::{Evidence, Place};
use crate::client::{Client, waiting};
use crate::coordinator::Coordinator;
use crate::random::Random;

/// How many clients talk.
const CLIENTS: usize = 20;
/// How often the coordinator is killed.
const KILLS: usize = 3;

/// Something that one client will say.
type Line = (ConversationKind, String);

/// Runs it, and tells of every message that is not where it should be.
pub(crate) async fn run(cli: &Campaign) -> Result<Verdict> {
    let folder = tempfile::tempdir()?;
    let mut coordinator = Coordinator::start(&cli.landline, &folder.path().join("coordinator"))?;
    let mut random = Random::new(cli.seed);
    let users = users(CLIENTS)?;
    let script = script(&users, cli.count, &mut random);
    let mut clients = Vec::new();
    for user in &users {
        let folder = folder.path().join(user.as_str());
        clients.push(Client::join(&folder, user.clone(), &coordinator.address).await?);
    }

    let begun = Instant::now();
    let said = Arc::new(AtomicUsize::new(0));
    let expected = Arc::new(expected(&script));
    let mut talking = JoinSet::new();
    for (client, lines) in clients.into_iter().zip(script.clone()) {
        talking.spawn(talk(client, lines, Arc::clone(&said), Arc::clone(&expected)));
    }
    for at in kill_points(cli.count, &mut random) {
        while said.load(Ordering::Relaxed) < at && !talking.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        coordinator.kill_and_restart()?;
        println!("coordinator killed after {} messages, and started again", said.load(Ordering::Relaxed));
    }
    let mut clients = Vec::new();
    while let Some(client) = talking.join_next().await {
        clients.push(client??);
    }
    let took = begun.elapsed().as_secs_f64();
    let mut evidence = gather(&mut clients, &script).await?;
    // What the coordinator itself kept: somebody new pulls all of it.
    let folder = folder.path().join("newcomer");
    let mut newcomer = Client::join(&folder, "newcomer".parse()?, &coordinator.address).await?;
    let lobby = expected.get("lobby").copied().unwrap_or(0) as u64;
    newcomer.until("the lobby's past", |snapshot| lobby_length(snapshot) >= lobby).await?;
    let history = newcomer.history(&ConversationKind::Lobby).await?;
    evidence.held.insert(("lobby".to_owned(), "newcomer".to_owned()), history);
    newcomer.leave().await?;
    for client in clients {
        client.leave().await?;
    }
    println!("{CLIENTS} clients, {} messages, {KILLS} kills, seed {}: {took:.1} s", cli.count, cli.seed);
    let checked = evidence.held.values().map(Vec::len).sum::<usize>() as u64;
    let failures = evidence.faults().into_iter().map(|fault| Kind::History.failure(fault)).collect();
    Ok(Verdict { injected: KILLS as u64, checked, failures })
}

fn users(count: usize) -> Result<Vec<UserName>> {
    let name = |number| format!("client-{number:02}").parse().context("a user name");
    (0..count).map(name).collect()
}

/// Who says what: three in five to everybody, the others to one person.
fn script(users: &[UserName], count: usize, random: &mut Random) -> Vec<Vec<Line>> {
    let mut script = vec![Vec::new(); users.len()];
    for number in 0..count {
        let author = number % users.len();
        let other = (author + 1 + random.below(users.len() - 1)) % users.len();
        let kind = match random.below(5) {
            0..3 => ConversationKind::Lobby,
            _ => ConversationKind::direct(users[author].clone(), users[other].clone()),
        };
        script[author].push((kind, format!("{number} by {}", users[author])));
    }
    script
}

/// How many messages each conversation has at the end.
fn expected(script: &[Vec<Line>]) -> BTreeMap<Place, usize> {
    let mut counts = BTreeMap::new();
    for (kind, _) in script.iter().flatten() {
        *counts.entry(place(kind)).or_insert(0) += 1;
    }
    counts
}

fn place(kind: &ConversationKind) -> Place {
    match kind {
        ConversationKind::Lobby => "lobby".to_owned(),
        ConversationKind::Direct { users: [one, other] } => format!("{one} and {other}"),
    }
}

/// Spread over the run, each somewhere in its own part.
fn kill_points(count: usize, random: &mut Random) -> Vec<usize> {
    let part = count / (KILLS + 1);
    (1..=KILLS).map(|kill| kill * part - random.below(part / 2 + 1)).collect()
}

/// One client says its lines, and stays until everything has come that will come.
async fn talk(
    mut client: Client,
    lines: Vec<Line>,
    said: Arc<AtomicUsize>,
    expected: Arc<BTreeMap<Place, usize>>,
) -> Result<Client> {
    for (kind, text) in lines {
        client.say(kind, text).await?;
        said.fetch_add(1, Ordering::Relaxed);
    }
    let user = client.user.clone();
    client.until("everybody's last messages", |snapshot| complete(snapshot, &user, &expected)).await?;
    Ok(client)
}

/// Nothing waits, and every conversation of this user is as long as it will be.
fn complete(snapshot: &Snapshot, user: &UserName, expected: &BTreeMap<Place, usize>) -> bool {
    let lengths: BTreeMap<Place, u64> = snapshot
        .conversations
        .iter()
        .map(|conversation| (place(&conversation.kind), last_place(&conversation.messages)))
        .collect();
    let theirs = expected
        .iter()
        .filter(|(place, _)| *place == "lobby" || place.split(" and ").any(|name| name == user.as_str()));
    waiting(snapshot) == 0
        && theirs
            .into_iter()
            .all(|(place, count)| lengths.get(place).is_some_and(|last| *last >= *count as u64))
}

fn lobby_length(snapshot: &Snapshot) -> u64 {
    let lobby = snapshot.conversations.iter().find(|one| one.kind == ConversationKind::Lobby);
    lobby.map_or(0, |lobby| last_place(&lobby.messages))
}

fn last_place(messages: &[landline_peer::api::MessageView]) -> u64 {
    let seq = |message: &landline_peer::api::MessageView| match message.state {
        landline_peer::api::MessageState::Sent(seq) => Some(seq.0),
        _ => None,
    };
    messages.iter().filter_map(seq).max().unwrap_or(0)
}

/// What everybody has, from their own histories.
async fn gather(clients: &mut [Client], script: &[Vec<Line>]) -> Result<Evidence> {
    let mut evidence = Evidence::default();
    let mut kinds = BTreeMap::new();
    for (kind, text) in script.iter().flatten() {
        evidence.said.entry(place(kind)).or_insert_with(BTreeSet::new).insert(text.clone());
        kinds.insert(place(kind), kind.clone());
    }
    for client in clients {
        evidence.acknowledged.append(&mut client.acknowledged.clone());
        let user = client.user.clone();
        for (place, kind) in kinds.iter().filter(|(_, kind)| kind.includes(&user)) {
            let history = client.history(kind).await?;
            evidence.held.insert((place.clone(), user.to_string()), history);
        }
    }
    Ok(evidence)
}
