//! Asking to be dialled: passed on to the device named, with addresses that are near, and not often.

use std::net::SocketAddr;

use landline_protocol::{
    ClientFrame, ConversationId, ConversationKind, DeviceId, DialNonce, Seq, ServerFrame,
};

use crate::support::*;

const LOBBY: ConversationKind = ConversationKind::Lobby;

fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

impl Line {
    fn ask(&self, to: DeviceId, texts: &[&str], nonce: u8) {
        let nonce = DialNonce::from_bytes([nonce; 16]);
        self.say(&ClientFrame::DialBack { to, addresses: addresses(texts), nonce });
    }

    /// What was passed on to `of` before something that this one says now.
    async fn passed_on(&mut self, of: &mut Line) -> Vec<(DeviceId, Vec<SocketAddr>, u8)> {
        let last = self.post(&LOBBY, "that was all").await;
        let mut asked = Vec::new();
        of.until(|frame| match frame {
            ServerFrame::DialBack { from, addresses, nonce } => {
                asked.push((from, addresses, nonce.as_bytes()[0]));
                None
            }
            ServerFrame::Deliver { message, .. } if message.seq == last => Some(()),
            _ => None,
        })
        .await;
        asked
    }
}

async fn listening(server: &Server, user: &str) -> Line {
    let mut line = server.person(user).await;
    line.backlog(ConversationId::lobby(), Seq::ZERO).await;
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_reaches_the_device_that_it_names_and_nobody_else() {
    let server = Server::open().await;
    let mut alice = server.person("alice").await;
    let (mut bob, mut carol) = (listening(&server, "bob").await, listening(&server, "carol").await);
    let wanted = ["192.168.7.7:4811", "127.0.0.1:4811", "8.8.8.8:4811", "10.0.0.1:443", "0.0.0.0:5000"];
    alice.ask(bob.device.key.id(), &wanted, 1);
    // Nothing to dial, nobody to ask, and oneself: dropped without a word.
    alice.ask(bob.device.key.id(), &["10.0.0.1:443", "8.8.8.8:80"], 2);
    alice.ask(DeviceId::from_bytes([9; 32]), &wanted, 3);
    alice.ask(alice.device.key.id(), &wanted, 4);
    let asked = alice.passed_on(&mut bob).await;
    assert_eq!(asked.len(), 1);
    let (from, addresses, nonce) = &asked[0];
    assert_eq!((*from, *nonce), (alice.device.key.id(), 1));
    assert_eq!(
        addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["192.168.7.7:4811", "127.0.0.1:4811"],
        "loopback only since all of this is one machine"
    );
    assert!(alice.passed_on(&mut carol).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sixth_request_of_a_minute_is_dropped() {
    let server = Server::open().await;
    let (mut alice, mut eve) = (server.person("alice").await, server.person("eve").await);
    let mut bob = listening(&server, "bob").await;
    let to = bob.device.key.id();
    let nonces = |asked: Vec<(DeviceId, Vec<SocketAddr>, u8)>| {
        asked.into_iter().map(|(_, _, nonce)| nonce).collect::<Vec<_>>()
    };
    (1..=8).for_each(|n| alice.ask(to, &["127.0.0.1:4811"], n));
    assert_eq!(nonces(alice.passed_on(&mut bob).await), [1, 2, 3, 4, 5]);
    eve.ask(to, &["127.0.0.1:4811"], 20);
    assert_eq!(nonces(eve.passed_on(&mut bob).await), [20], "others are not concerned");
    // A new connection is the same device.
    let mut alice = alice.device.connect(&alice.session).await;
    alice.ask(to, &["127.0.0.1:4811"], 9);
    assert!(alice.passed_on(&mut bob).await.is_empty());
    server.clock.advance(60_000);
    alice.ask(to, &["127.0.0.1:4811"], 10);
    assert_eq!(nonces(alice.passed_on(&mut bob).await), [10]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_left_or_was_signed_out_is_asked_nothing() {
    use landline_protocol::account::{self, Refresh};
    let server = Server::open().await;
    let mut alice = server.person("alice").await;
    let mut bob = listening(&server, "bob").await;
    let to = bob.device.key.id();
    let ask = Refresh { refresh_token: bob.session.refresh_token.clone() };
    bob.device.post::<_, ()>(account::SIGN_OUT, None, &ask).await.unwrap();
    alice.ask(to, &["127.0.0.1:4811"], 1);
    alice.post(&LOBBY, "still here").await;
    loop {
        match bob.try_next().await {
            Some(ServerFrame::DialBack { .. }) => panic!("asked"),
            Some(_) => {}
            None => break,
        }
    }
}
