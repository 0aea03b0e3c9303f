//! The end in the middle of a storm, by `kill -9` and in order: what was acknowledged is there, once,
//! in its place.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use landline_protocol::{
    ClientFrame, ConversationId, ConversationKind, ErrorCode, MessageId, Seq, ServerFrame, Signed,
};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::binary::Process;
use crate::support::*;

const LOBBY: ConversationKind = ConversationKind::Lobby;
const CLIENTS: usize = 10;
const EACH: usize = 600;
/// Messages sent and not yet acknowledged, for each client.
const IN_FLIGHT: usize = 50;
/// The kill comes after so many acks.
const KILL_AFTER: usize = 1_500;

/// What one client knows at the end.
#[derive(Default)]
struct Memory {
    sent: Vec<Signed>,
    acked: HashMap<MessageId, Seq>,
    seen: HashMap<Seq, MessageId>,
    goodbye: Option<ErrorCode>,
}

/// Sends until all is acknowledged or the line breaks.
async fn talk(mut line: Line, acks: mpsc::Sender<()>) -> (Line, Memory) {
    let mut memory = Memory::default();
    while memory.acked.len() < EACH {
        // A line that has ended still has to be read to its end.
        while memory.sent.len() < EACH
            && memory.sent.len() - memory.acked.len() < IN_FLIGHT
            && !line.sender.is_closed()
        {
            let message = line.compose(&LOBBY, &format!("message {}", memory.sent.len()));
            let frame = ClientFrame::Send { to: LOBBY, message: message.clone() };
            let _ = line.sender.send(serde_json::to_string(&frame).unwrap().into());
            memory.sent.push(message);
        }
        match line.try_next().await {
            Some(ServerFrame::Ack { id, seq, .. }) => {
                memory.acked.insert(id, seq);
                let _ = acks.send(()).await;
            }
            Some(ServerFrame::Deliver { message, .. }) => {
                memory.seen.insert(message.seq, message.message.parse_head().unwrap().id);
            }
            Some(ServerFrame::Goodbye { error }) => memory.goodbye = Some(error.code),
            Some(_) => {}
            None => break,
        }
    }
    (line, memory)
}

/// Starts a storm, waits until it is well under way, and ends the coordinator.
async fn storm(process: &mut Process, end: impl FnOnce(&mut Process)) -> Vec<(Line, Memory)> {
    let mut talkers = JoinSet::new();
    let (acks, mut acked) = mpsc::channel(64);
    for n in 0..CLIENTS {
        let device = process.device();
        let session = device.sign_up(&format!("talker {n}"), None).await.unwrap();
        let mut line = device.connect(&session).await;
        line.backlog(ConversationId::lobby(), Seq::ZERO).await;
        talkers.spawn(talk(line, acks.clone()));
    }
    drop(acks);
    let begun = Instant::now();
    for _ in 0..KILL_AFTER {
        acked.recv().await.unwrap();
    }
    println!("{KILL_AFTER} acks in {:?}", begun.elapsed());
    end(process);
    while acked.recv().await.is_some() {}
    let clients = talkers.join_all().await;
    let count = acknowledged(&clients);
    assert!((KILL_AFTER..CLIENTS * EACH).contains(&count), "{count} acks: the end came too late");
    clients
}

fn acknowledged(clients: &[(Line, Memory)]) -> usize {
    clients.iter().map(|(_, memory)| memory.acked.len()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_end_acknowledges_everything_it_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::start(dir.path(), 0, &["--registration", "open"]);
    let clients = storm(&mut process, |process| process.terminate()).await;
    assert!(process.child.wait().unwrap().success());
    assert!(clients.iter().all(|(_, memory)| memory.goodbye == Some(ErrorCode::ShuttingDown)));
    let _again = Process::start(dir.path(), process.device().address.port(), &[]);
    let log = recall(&clients[0].0).await;
    let promised: HashMap<_, _> =
        clients.iter().flat_map(|(_, memory)| memory.acked.iter().map(|(id, seq)| (*seq, *id))).collect();
    assert_eq!(log, promised);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_message_survives_kill_9_exactly_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::start(dir.path(), 0, &["--registration", "open"]);
    let mut clients = storm(&mut process, |process| {
        process.child.kill().unwrap();
        process.child.wait().unwrap();
    })
    .await;
    assert!(clients.iter().all(|(_, memory)| memory.goodbye.is_none()), "somebody was cut off before");
    let count = acknowledged(&clients);
    let port = process.device().address.port();
    let _again = Process::start(dir.path(), port, &[]);
    let log = recall(&clients[0].0).await;
    for (_, memory) in &clients {
        for (id, seq) in
            memory.acked.iter().map(|(id, seq)| (*id, *seq)).chain(memory.seen.iter().map(|(s, i)| (*i, *s)))
        {
            assert_eq!(log.get(&seq), Some(&id), "{seq} was promised");
        }
    }
    // Everything that had no ack is sent again: now all is there, and nothing twice.
    for (line, memory) in &mut clients {
        let mut again = line.device.connect(&line.session).await;
        for message in &memory.sent {
            let id = message.parse_head().unwrap().id;
            let seq = again.post_signed(&LOBBY, message.clone()).await.unwrap();
            assert!(memory.acked.get(&id).is_none_or(|first| *first == seq), "a repetition keeps its place");
        }
    }
    let all: usize = clients.iter().map(|(_, memory)| memory.sent.len()).sum();
    assert_eq!(recall(&clients[0].0).await.len(), all);
    println!("{count} acknowledged before the kill, {} on disk, {all} in the end", log.len());
}

/// The lobby as it is on disk, whose places must have no gap and no message twice.
async fn recall(of: &Line) -> HashMap<Seq, MessageId> {
    let mut line = of.device.connect(&of.session).await;
    let log = line.backlog(ConversationId::lobby(), Seq::ZERO).await;
    assert!(log.iter().map(|m| m.seq.0).eq(1..=log.len() as u64));
    let ids: HashMap<_, _> = log.iter().map(|m| (m.seq, m.message.parse_head().unwrap().id)).collect();
    assert_eq!(ids.values().collect::<HashSet<_>>().len(), ids.len());
    ids
}
