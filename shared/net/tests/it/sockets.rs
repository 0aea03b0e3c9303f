//! Live sockets: messages both ways, round trips, and nobody held up by anybody else.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use landline_net::{Closed, Inbound, SendError, SocketSettings, Utf8Bytes};
use landline_protocol::limits;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::support::{CALM, PATIENCE, Server};

const BRISK: SocketSettings =
    SocketSettings { heartbeat: Duration::from_millis(60), timeout: Duration::from_millis(400) };

#[tokio::test]
async fn messages_of_every_size_arrive_whole_and_in_order() {
    let mut server = Server::start().await;
    let ((client, mut to_client), (server_side, mut to_server)) = server.pair(CALM).await;
    let sizes = [0, 1, 125, 126, 16 * 1024, 16 * 1024 + 1, 65_536, limits::FRAME_BYTES];
    let texts: Vec<Utf8Bytes> = sizes.iter().map(|size| "ж".repeat(size / 2).into()).collect();
    for text in &texts {
        client.send(text.clone()).unwrap();
        server_side.send(text.clone()).unwrap();
    }
    for text in texts {
        assert!(to_server.recv().await == Some(Inbound::Text(text.clone())), "{} bytes up", text.len());
        assert!(to_client.recv().await == Some(Inbound::Text(text.clone())), "{} bytes down", text.len());
    }
    let over = "x".repeat(limits::FRAME_BYTES + 1);
    assert_eq!(client.send(over.into()), Err(SendError::TooLarge));
    assert!(!client.is_closed());
}

#[tokio::test]
async fn a_quiet_line_stays_open_and_tells_its_round_trip() {
    let mut server = Server::start().await;
    let ((_client, mut to_client), (_server, mut to_server)) = server.pair(BRISK).await;
    let begun = Instant::now();
    while begun.elapsed() < BRISK.timeout * 3 {
        for side in [&mut to_client, &mut to_server] {
            match timeout(PATIENCE, side.recv()).await.unwrap() {
                Some(Inbound::RoundTrip(time)) => assert!(time < BRISK.timeout),
                other => panic!("{other:?}, {:?}", side.closed()),
            }
        }
    }
}

#[tokio::test]
async fn silence_is_noticed_in_time() {
    let mut server = Server::start().await;
    // The client's socket is open, but nobody answers its pings.
    let (_client, _sender, mut receiver) = server.raw_client(BRISK).await;
    let begun = Instant::now();
    assert_eq!(timeout(PATIENCE, receiver.recv()).await.unwrap(), None);
    assert_eq!(receiver.closed(), Some(Closed::Timeout));
    let taken = begun.elapsed();
    assert!(taken + Duration::from_millis(50) >= BRISK.timeout && taken < BRISK.timeout * 3, "{taken:?}");
}

#[tokio::test]
async fn the_heartbeat_can_be_changed_while_it_runs() {
    let mut server = Server::start().await;
    let (_client, sender, mut receiver) = server.raw_client(CALM).await;
    sender.set_heartbeat(BRISK);
    assert_eq!(timeout(PATIENCE, receiver.recv()).await.unwrap(), None);
    assert_eq!(receiver.closed(), Some(Closed::Timeout));
}

#[tokio::test]
async fn a_slow_reader_is_cut_off_and_its_neighbour_is_not() {
    let mut server = Server::start().await;
    let (mut slow, to_slow, slow_end) = server.raw_client(CALM).await;
    let ((_quick, mut quick), (to_quick, _)) = server.pair(CALM).await;
    to_slow.set_farewell("too slow".into());
    let text: Utf8Bytes = "x".repeat(60 * 1024).into();
    let mut sent = 0;
    let overflow = loop {
        to_quick.send(text.clone()).unwrap();
        assert_eq!(timeout(PATIENCE, quick.recv()).await.unwrap(), Some(Inbound::Text(text.clone())));
        match to_slow.send(text.clone()) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        assert!(sent < 2_000, "the queue has no end");
    };
    assert_eq!(overflow, SendError::Overflow);
    assert_eq!(slow_end.closed(), Some(Closed::Overflow));
    assert_eq!(to_slow.send(text.clone()), Err(SendError::Closed));
    to_quick.send("still here".into()).unwrap();
    assert_eq!(quick.recv().await, Some(Inbound::Text("still here".into())));

    // When it reads at last: whole messages, the farewell, and a close that says why.
    let mut whole = 0;
    let mut last = None;
    let close = loop {
        match timeout(PATIENCE, slow.next()).await.unwrap().unwrap().unwrap() {
            Message::Text(got) if got == text => whole += 1,
            Message::Text(got) => last = Some(got),
            Message::Close(close) => break close.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert!(whole < sent, "{whole} of {sent}");
    assert_eq!(last.unwrap(), "too slow");
    assert_eq!((close.code, close.reason.as_str()), (CloseCode::Again, "slow_consumer"));
}

#[tokio::test]
async fn many_small_messages_count_too() {
    let mut server = Server::start().await;
    let (mut slow, sender, _receiver) = server.raw_client(CALM).await;
    // Without an await the actor has no chance to take any (one thread).
    for _ in 0..limits::QUEUE_MESSAGES {
        sender.send("x".into()).unwrap();
    }
    assert_eq!(sender.send("x".into()), Err(SendError::Overflow));
    // What was queued is dropped, for it will be asked for again; the word after it is not.
    sender.close(Some("resume".into()));
    assert_eq!(slow.next().await.unwrap().unwrap(), Message::text("resume"));
    assert!(
        matches!(slow.next().await.unwrap().unwrap(), Message::Close(Some(close)) if close.code == CloseCode::Again)
    );
}

#[tokio::test]
async fn a_receiver_that_takes_nothing_stops_the_other_side_not_the_memory() {
    let mut server = Server::start().await;
    let ((client, _to_client), (_server, mut held)) = server.pair(BRISK).await;
    let text: Utf8Bytes = "x".repeat(limits::FRAME_BYTES).into();
    let begun = Instant::now();
    let mut sent = 0_usize;
    while begun.elapsed() < BRISK.timeout / 2 && client.send(text.clone()).is_ok() {
        sent += 1;
        assert!(sent < 1_000, "everything was taken");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(client.closed(), Some(Closed::Overflow), "after {sent}");
    // What was taken before the other side gave up is still there to be had.
    assert_eq!(held.recv().await, Some(Inbound::Text(text)));
}
