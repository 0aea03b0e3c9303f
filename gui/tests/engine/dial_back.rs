//! A sender that cannot be dialled: it is asked to dial back.

use landline_peer::Clock;
use landline_peer::api::TransferState;

use crate::office::Office;
use crate::person::Machine;
use crate::probe::fixed_address;
use crate::views::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_behind_a_firewall_dials_back() {
    let office = Office::open().await;
    let listen = fixed_address(9);
    let mut alice = office.person_on("alice", Machine { listen, clock: Clock::system() }).await;
    let mut bob = office.person("bob").await;
    let file = alice.file("report.pdf", 6 * MIB);
    let offer = alice.shares(&LOBBY, file.clone()).await;
    bob.is_offered(offer).await;
    bob.accepts(offer).await;
    assert_same_content(&file, &bob.receives(offer).await);
    bob.transfer("done", offer, |view| view.state == TransferState::Done).await;
}
