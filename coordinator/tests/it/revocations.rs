//! What a sign-out or a theft voids, who hears of it, and that signing in again is not voided with it.

use std::time::{Duration, Instant};

use landline_protocol::account::{self, KeySet, Refresh, Session};
use landline_protocol::{RevocationList, ServerFrame, SignedRevocations};
use landline_trust::TokenVerifier;
use landline_trust::revocation::{KEPT_MILLIS, open};

use crate::support::*;

/// A list as a client believes it.
fn read(device: &Device, signed: &SignedRevocations) -> RevocationList {
    open(signed, &device.coordinator).unwrap()
}

async fn next_list(line: &mut Line) -> RevocationList {
    let signed = line
        .until(|frame| match frame {
            ServerFrame::Revocations { revocations } => Some(revocations),
            _ => None,
        })
        .await;
    read(&line.device, &signed)
}

async fn sign_out(device: &Device, session: &Session) {
    let ask = Refresh { refresh_token: session.refresh_token.clone() };
    device.post::<_, ()>(account::SIGN_OUT, None, &ask).await.unwrap();
}

/// Whether others would still let a peer credential pass.
async fn is_void(server: &Server, list: &RevocationList, device: &Device, session: &Session) -> bool {
    let keys: KeySet = device.get(account::KEYS).await.unwrap();
    let id = device.key.id();
    let verifier = TokenVerifier::new(keys);
    let claims = verifier.peer_credential(&session.peer_credential, &id, server.clock.now()).unwrap();
    list.voids(&id, claims.issued_at)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_is_told_to_everybody_within_a_second_and_voids_that_device_alone() {
    let server = Server::open().await;
    let mut bob = server.person("bob").await;
    let first = read(&bob.device, bob.revocations.as_ref().unwrap());
    assert!(first.revoked.is_empty());
    let alice = server.device();
    let session = alice.sign_up("alice", None).await.unwrap();
    sign_out(&alice, &session).await;
    let begun = Instant::now();
    let list = next_list(&mut bob).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert!(list.version > first.version && list.issuer == server.coordinator.device());
    assert!(is_void(&server, &list, &alice, &session).await);
    assert!(!is_void(&server, &list, &bob.device.clone(), &bob.session.clone()).await);
    let carol = server.person("carol").await;
    assert_eq!(read(&carol.device, carol.revocations.as_ref().unwrap()), list, "newcomers get it as well");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_again_at_once_gets_a_credential_that_is_good() {
    let server = Server::open().await;
    let alice = server.device();
    // The clock stands still: all of it happens in one millisecond.
    let mut session = alice.sign_up("alice", None).await.unwrap();
    for _ in 0..3 {
        let earlier = session;
        sign_out(&alice, &earlier).await;
        session = alice.sign_in("alice", PASSWORD).await.unwrap();
        let line = alice.connect(&session).await;
        let list = read(&alice, line.revocations.as_ref().unwrap());
        assert!(is_void(&server, &list, &alice, &earlier).await);
        assert!(!is_void(&server, &list, &alice, &session).await);
        // A dead token that comes again changes nothing.
        assert!(alice.refresh(&earlier.refresh_token).await.is_err());
        session = alice.refresh(&session.refresh_token).await.unwrap();
        let line = alice.connect(&session).await;
        assert_eq!(read(&alice, line.revocations.as_ref().unwrap()), list);
        assert!(!is_void(&server, &list, &alice, &session).await, "renewed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_token_voids_the_device_also_after_a_restart_until_nothing_is_left_to_void() {
    let server = Server::open().await;
    let alice = server.device();
    let session = alice.sign_up("alice", None).await.unwrap();
    assert!(server.device().refresh(&session.refresh_token).await.is_err());
    let line = server.person("bob").await;
    let told = read(&line.device, line.revocations.as_ref().unwrap());
    assert!(is_void(&server, &told, &alice, &session).await);

    let (mut config, clock) = (config(server.dir.path()), server.clock.clone());
    config.registration = landline_coordinator::Registration::Open;
    let bob = line.device.clone();
    server.coordinator.shutdown().await;
    let again = landline_coordinator::Coordinator::start_with_clock(config, clock.clone()).await.unwrap();
    let bob = Device { address: again.address(), ..bob };
    let line = bob.connect(&bob.sign_in("bob", PASSWORD).await.unwrap()).await;
    assert_eq!(read(&bob, line.revocations.as_ref().unwrap()), told);

    clock.advance(KEPT_MILLIS + 1);
    let session = bob.sign_in("bob", PASSWORD).await.unwrap();
    sign_out(&bob, &session).await;
    let line = bob.connect(&bob.sign_in("bob", PASSWORD).await.unwrap()).await;
    let list = read(&bob, line.revocations.as_ref().unwrap());
    assert!(list.version > told.version);
    let left: Vec<_> = list.revoked.iter().map(|one| one.device).collect();
    assert_eq!(left, [bob.key.id()], "alice's entry has dropped out");
}
