//! Who holds what was offered: told with a pass to those who may see the offer, and to nobody else.

use landline_protocol::account::{self, KeySet, Refresh};
use landline_protocol::{
    ClientFrame, ConversationKind, DeviceId, Holder, MessageId, OfferRef, ServerFrame, Timestamp,
};
use landline_trust::{TokenError, TokenVerifier};

use crate::support::*;

const LOBBY: ConversationKind = ConversationKind::Lobby;

/// The answer to a `seek`: the holders with the pass, or that there is nothing.
struct Found {
    holders: Vec<Holder>,
    pass: String,
    expires_at: Timestamp,
}

impl Line {
    async fn seek(&mut self, sought: OfferRef) -> Option<Found> {
        self.say(&ClientFrame::Seek { offer: sought });
        self.until(|frame| match frame {
            ServerFrame::Holders { offer, holders, pass, expires_at } if offer == sought => {
                Some(Some(Found { holders, pass, expires_at }))
            }
            ServerFrame::NotFound { offer } if offer == sought => Some(None),
            _ => None,
        })
        .await
    }

    /// The devices that hold it, and whether they have all of it.
    async fn holders(&mut self, offer: OfferRef) -> Vec<(DeviceId, bool)> {
        let mut found: Vec<_> = self.seek(offer).await.expect("it is there").holders;
        found.sort_by_key(|holder| holder.device);
        found.into_iter().map(|holder| (holder.device, holder.complete)).collect()
    }

    /// Says that it holds something, and waits until that has been heard.
    async fn hold(&mut self, offer: OfferRef, complete: bool) {
        self.say(&ClientFrame::Hold { offer, complete });
        self.seek(offer).await;
    }

    async fn release(&mut self, offer: OfferRef) {
        self.say(&ClientFrame::Release { offer });
        self.seek(offer).await;
    }

    fn id(&self) -> DeviceId {
        self.device.key.id()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn holders_are_found_while_they_hold() {
    let server = Server::open().await;
    let (mut alice, mut bob) = (server.person("Alice").await, server.person("bob").await);
    let mut carol = server.person("carol").await;
    let offer = alice.offer(&LOBBY).await;
    assert!(carol.holders(offer).await.is_empty());
    bob.hold(offer, false).await;
    assert_eq!(carol.holders(offer).await, [(bob.id(), false)]);
    assert!(bob.holders(offer).await.is_empty(), "the asker is not told of itself");
    alice.hold(offer, true).await;
    bob.hold(offer, true).await;
    let mut both = [(alice.id(), true), (bob.id(), true)];
    both.sort();
    assert_eq!(carol.holders(offer).await, both);
    let named = carol.seek(offer).await.unwrap().holders;
    assert!(named.contains(&Holder { user: name("Alice"), device: alice.id(), complete: true }));
    alice.release(offer).await;
    assert_eq!(carol.holders(offer).await, [(bob.id(), true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_in_the_conversation_learns_nothing_and_holds_nothing() {
    let server = Server::open().await;
    let (mut alice, mut bob) = (server.person("alice").await, server.person("bob").await);
    let mut eve = server.person("eve").await;
    let private = ConversationKind::direct(name("alice"), name("bob"));
    let offer = alice.offer(&private).await;
    alice.hold(offer, true).await;
    assert_eq!(bob.holders(offer).await, [(alice.id(), true)]);
    assert!(eve.seek(offer).await.is_none(), "though somebody holds it");
    eve.say(&ClientFrame::Hold { offer, complete: true });
    let ServerFrame::NotFound { offer: refused } = eve.next_about_offers().await else { panic!() };
    assert_eq!(refused, offer);
    assert_eq!(bob.holders(offer).await, [(alice.id(), true)], "nobody is sent to eve");
    // Nor by giving the id to a message of her own, or by naming another conversation or author.
    let own = eve.offer(&LOBBY).await;
    for wrong in [
        OfferRef { id: offer.id, ..own },
        OfferRef { conversation: own.conversation, ..offer },
        OfferRef { device: own.device, ..offer },
        OfferRef { id: own.id, ..offer },
        OfferRef { id: MessageId::new(Timestamp::from_millis(5), [9; 10]), ..own },
        OfferRef { device: alice.id(), ..own },
    ] {
        assert!(eve.seek(wrong).await.is_none(), "{wrong:?}");
    }
    assert!(bob.seek(OfferRef { device: bob.id(), ..offer }).await.is_none(), "not his");
    assert!(eve.seek(own).await.is_some(), "the control");
}

impl Line {
    async fn next_about_offers(&mut self) -> ServerFrame {
        self.until(|frame| {
            matches!(frame, ServerFrame::Holders { .. } | ServerFrame::NotFound { .. }).then_some(frame)
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_or_is_revoked_holds_nothing_any_more() {
    let server = Server::open().await;
    let (mut alice, mut bob) = (server.person("alice").await, server.person("bob").await);
    let mut carol = server.person("carol").await;
    let offer = alice.offer(&LOBBY).await;
    bob.hold(offer, true).await;
    carol.hold(offer, true).await;
    // A new connection of a device begins with nothing.
    let mut again = carol.device.connect(&carol.session).await;
    assert_eq!(alice.holders(offer).await, [(bob.id(), true)]);
    again.hold(offer, true).await;
    assert_eq!(alice.holders(offer).await.len(), 2);
    bob.sender.close(None);
    while alice.presence_of("bob").await.online {}
    assert_eq!(alice.holders(offer).await, [(carol.id(), true)]);
    let ask = Refresh { refresh_token: again.session.refresh_token.clone() };
    again.device.post::<_, ()>(account::SIGN_OUT, None, &ask).await.unwrap();
    assert!(alice.holders(offer).await.is_empty(), "at once, though the socket is still closing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_is_good_for_the_asking_device_and_that_offer_for_ten_minutes() {
    let server = Server::open().await;
    let (mut alice, mut bob) = (server.person("alice").await, server.person("Bob").await);
    let (offer, other) = (alice.offer(&LOBBY).await, alice.offer(&LOBBY).await);
    let Found { pass, expires_at, .. } = bob.seek(offer).await.unwrap();
    let keys: KeySet = bob.device.get(account::KEYS).await.unwrap();
    let (verifier, now) = (TokenVerifier::new(keys), server.clock.now());
    let claims = verifier.content_pass(&pass, &bob.id(), now).unwrap();
    assert_eq!((claims.user, claims.offer, claims.expires_at), (name("Bob"), offer, expires_at));
    assert_eq!(expires_at.as_secs(), now.as_secs() + 600);
    assert_eq!(verifier.content_pass(&pass, &alice.id(), now), Err(TokenError::Device));
    assert!(verifier.access(&pass, &bob.id(), now).is_err());
    assert!(verifier.peer_credential(&pass, &bob.id(), now).is_err());
    let second = bob.seek(other).await.unwrap().pass;
    assert_eq!(verifier.content_pass(&second, &bob.id(), now).unwrap().offer, other);
    let late = now.plus_millis(605_000);
    assert_eq!(verifier.content_pass(&pass, &bob.id(), late), Err(TokenError::Expired));
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_are_found_after_a_restart_and_holders_say_so_again() {
    let server = Server::open().await;
    let (mut alice, bob) = (server.person("alice").await, server.person("bob").await);
    let offer = alice.offer(&LOBBY).await;
    alice.hold(offer, true).await;
    let (config, clock) = (config(server.dir.path()), server.clock.clone());
    server.coordinator.shutdown().await;
    let again = landline_coordinator::Coordinator::start_with_clock(config, clock).await.unwrap();
    let at = |line: &Line| Device { address: again.address(), ..line.device.clone() };
    let mut bob = at(&bob).connect(&bob.session).await;
    assert!(bob.holders(offer).await.is_empty());
    let mut alice = at(&alice).connect(&alice.session).await;
    alice.hold(offer, true).await;
    assert_eq!(bob.holders(offer).await, [(alice.id(), true)]);
}
