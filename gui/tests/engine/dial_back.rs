//! A sender that cannot be dialled: it is asked to dial back.

use landline_peer::api::{Action, TransferState};

use crate::office::Office;
use crate::person::Machine;
use crate::probe::{fixed_address, overview};
use crate::views::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_behind_a_firewall_dials_back() {
    let office = Office::open().await;
    // Nobody listens where others are told to dial, as behind a firewall that lets nobody in.
    let closed = fixed_address(9);
    let mut alice =
        office.person_on("alice", Machine { announce: Some(vec![closed]), ..Machine::default() }).await;
    let mut bob = office.person("bob").await;
    let device = alice.snapshot().device;
    let servers = overview(&office, "visitor").await.servers;
    assert!(servers[&device].iter().all(|server| server.port() == closed.port()), "{servers:?}");
    alice.sends_at(20 * MIB).await;
    let file = alice.file("report.pdf", 30 * MIB);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    bob.accepts(offer).await;
    bob.is_midway(offer).await;
    bob.run(Action::Pause { offer }).await.unwrap();
    bob.transfer("paused", offer, |view| view.state == TransferState::Paused).await;
    bob.run(Action::Resume { offer }).await.unwrap();
    assert_same_content(&file, &bob.receives(offer).await);
}
