//! The ends of sockets: each has its reason, and the other side is told.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use landline_net::{Closed, Inbound, SendError, WsClientStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::support::{CALM, PATIENCE, Server};

/// Everything up to the close frame, and that.
async fn rest(socket: &mut WsClientStream) -> (Vec<String>, CloseFrame) {
    let mut texts = Vec::new();
    loop {
        match timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap() {
            Message::Text(text) => texts.push(text.to_string()),
            Message::Close(close) => return (texts, close.unwrap()),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_last_words_come_after_everything_and_before_the_close() {
    let mut server = Server::start().await;
    let (mut client, sender, mut receiver) = server.raw_client(CALM).await;
    for n in 0..100 {
        sender.send(n.to_string().into()).unwrap();
    }
    sender.close(Some("goodbye".into()));
    assert_eq!(sender.send("late".into()), Err(SendError::Closed));
    sender.close(Some("again".into()));
    let (texts, close) = rest(&mut client).await;
    let wanted: Vec<String> = (0..100).map(|n| n.to_string()).chain(["goodbye".to_owned()]).collect();
    assert_eq!(texts, wanted);
    assert_eq!(close.code, CloseCode::Normal);
    assert_eq!(receiver.recv().await, None);
    assert_eq!((receiver.closed(), sender.closed()), (Some(Closed::Local), Some(Closed::Local)));
}

#[tokio::test]
async fn a_message_of_one_mebibyte_or_more_is_refused_with_a_reason() {
    let mut server = Server::start().await;
    // The larger one does not fit into the buffers of the system: it is still being written when it
    // is refused, and must neither hang nor break before the reason is read.
    for size in [1024 * 1024, 12 * 1024 * 1024] {
        refused_for_size(&mut server, size).await;
    }
}

async fn refused_for_size(server: &mut Server, size: usize) {
    let (client, _sender, mut receiver) = server.raw_client(CALM).await;
    // Our own client cannot even send one.
    let mut client = WebSocketStream::from_raw_socket(client.into_inner(), Role::Client, None).await;
    client.send(Message::text("fine")).await.unwrap();
    client.send(Message::text("x".repeat(size))).await.unwrap();
    let (_, close) = rest(&mut client).await;
    assert_eq!(close.code, CloseCode::Size);
    assert!(close.reason.contains("256 KiB"), "{}", close.reason);
    assert_eq!(receiver.recv().await, Some(Inbound::Text("fine".into())));
    assert_eq!(receiver.recv().await, None);
    assert_eq!(receiver.closed(), Some(Closed::TooLarge));
}

#[tokio::test]
async fn a_large_message_in_small_pieces_is_refused_too() {
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
    let mut server = Server::start().await;
    let (mut client, _sender, mut receiver) = server.raw_client(CALM).await;
    let piece = Bytes::from(vec![b'x'; 60 * 1024]);
    for n in 0..5 {
        let kind = if n == 0 { Data::Text } else { Data::Continue };
        let frame = Frame::message(piece.clone(), OpCode::Data(kind), false);
        client.send(Message::Frame(frame)).await.unwrap();
    }
    assert_eq!(rest(&mut client).await.1.code, CloseCode::Size);
    assert_eq!(receiver.recv().await, None);
    assert_eq!(receiver.closed(), Some(Closed::TooLarge));
}

#[tokio::test]
async fn what_is_not_text_is_refused() {
    let mut server = Server::start().await;
    let (mut client, _sender, mut receiver) = server.raw_client(CALM).await;
    client.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(rest(&mut client).await.1.code, CloseCode::Protocol);
    assert_eq!(receiver.recv().await, None);
    assert!(matches!(receiver.closed(), Some(Closed::Protocol(_))));

    let (client, _sender, mut receiver) = server.raw_client(CALM).await;
    let mut tls = client.into_inner();
    tokio::io::AsyncWriteExt::write_all(&mut tls, b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    tokio::io::AsyncWriteExt::flush(&mut tls).await.unwrap();
    assert_eq!(receiver.recv().await, None);
    assert!(matches!(receiver.closed(), Some(Closed::Protocol(_))), "{:?}", receiver.closed());
}

#[tokio::test]
async fn dropping_both_halves_closes() {
    let mut server = Server::start().await;
    let (mut client, sender, receiver) = server.raw_client(CALM).await;
    let other = sender.clone();
    drop((sender, receiver));
    other.send("still".into()).unwrap();
    drop(other);
    let (texts, close) = rest(&mut client).await;
    assert_eq!((texts, close.code), (vec!["still".to_owned()], CloseCode::Normal));
}

#[tokio::test]
async fn an_end_from_the_other_side_is_told_apart_from_a_broken_line() {
    let mut server = Server::start().await;
    let ((client, _client_end), (_sender, mut receiver)) = server.pair(CALM).await;
    client.close(None);
    assert_eq!(timeout(PATIENCE, receiver.recv()).await.unwrap(), None);
    assert_eq!(receiver.closed(), Some(Closed::ByPeer));

    let (client, sender, mut receiver) = server.raw_client(CALM).await;
    drop(client);
    assert_eq!(timeout(PATIENCE, receiver.recv()).await.unwrap(), None);
    assert!(matches!(receiver.closed(), Some(Closed::Io(_))), "{:?}", receiver.closed());
    assert_eq!(sender.send("x".into()), Err(SendError::Closed));
}

#[tokio::test]
async fn both_ends_of_an_orderly_close_are_done_at_once() {
    let mut server = Server::start().await;
    let ((client, to_client), (sender, receiver)) = server.pair(CALM).await;
    let begun = Instant::now();
    sender.close(None);
    drop((client, to_client, sender, receiver));
    server.shutdown.cancel();
    // The loop ends when the place of the last connection is free.
    timeout(PATIENCE, server.task).await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_millis(1_500), "{:?}", begun.elapsed());
}
