//! A device that was signed out gets nothing from other peers, though its credential still lasts.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::Method;
use landline_net::{CallError, HttpConnection, call, dial};
use landline_peer::Clock;
use landline_peer::api::Action;
use landline_protocol::peer_routes::ShareRoute;
use landline_protocol::{ErrorCode, ShareId};
use landline_trust::{DeviceKey, Expect};
use tokio::time::Instant;

use crate::office::Office;
use crate::person::{Machine, PATIENCE, Person};

/// From the sign-out to the refusal.
const SOON: Duration = Duration::from_secs(3);

/// What a thief of somebody's device would hold.
struct Device {
    key: DeviceKey,
    credential: String,
}

impl Device {
    fn of(person: &Person) -> Self {
        let stored = std::fs::read(person.profile().join("secrets.json")).unwrap();
        let stored: serde_json::Value = serde_json::from_slice(&stored).unwrap();
        let credential = stored["peer_credential"].as_str().unwrap().to_owned();
        Self { key: DeviceKey::load_or_create(&person.profile()).unwrap(), credential }
    }

    async fn connect(&self, server: SocketAddr) -> HttpConnection {
        let dialled = dial(&[server], &self.key, Expect::FirstUse, PATIENCE).await.unwrap();
        HttpConnection::open(dialled).await.unwrap()
    }

    /// Asks for a share that does not exist; absent when the connection is closed instead.
    async fn ask(&self, connection: &mut HttpConnection) -> Option<ErrorCode> {
        let path = ShareRoute::Content { share: ShareId::from_bytes([7; 16]), entry: 0 }.path();
        let bearer = Some(self.credential.as_str());
        match call::<(), serde_json::Value>(connection, Method::GET, &path, bearer, None).await {
            Err(CallError::Refused(refused)) => Some(refused.code),
            Err(CallError::Http(_)) => None,
            Ok(answer) => panic!("{answer}"),
        }
    }
}

/// Whether an answer means that the asker is not let in at all.
fn is_turned_away(answer: Option<ErrorCode>) -> bool {
    let codes = [ErrorCode::Unauthenticated, ErrorCode::SessionRevoked, ErrorCode::Forbidden];
    answer.is_none_or(|code| codes.contains(&code))
}

async fn turned_away(device: &Device, server: SocketAddr) {
    let signed_out = Instant::now();
    loop {
        let mut fresh = device.connect(server).await;
        if is_turned_away(device.ask(&mut fresh).await) {
            return;
        }
        assert!(signed_out.elapsed() < SOON, "a revoked device is still served");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An address of this machine, known before anybody listens there; nobody else uses its host.
fn fixed_address(host: [u8; 4]) -> SocketAddr {
    std::net::TcpListener::bind(SocketAddr::from((host, 0))).unwrap().local_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_signed_out_is_served_no_more() {
    let mut office = Office::open().await;
    let server = fixed_address([127, 78, 0, 1]);
    let machine = Machine { listen: server, clock: Clock::system() };
    let mut alice = office.person_on("alice", machine).await;
    let (mut bob, carol) = (office.person("bob").await, office.person("carol").await);
    let (stolen, honest) = (Device::of(&bob), Device::of(&carol));
    let mut open = stolen.connect(server).await;
    assert_eq!(stolen.ask(&mut open).await, Some(ErrorCode::NotFound), "let in, and nothing is there");

    bob.run(Action::SignOut).await.unwrap();
    turned_away(&stolen, server).await;
    let answer = stolen.ask(&mut open).await;
    assert!(is_turned_away(answer), "an open connection goes on: {answer:?}");
    let mut other = honest.connect(server).await;
    assert_eq!(honest.ask(&mut other).await, Some(ErrorCode::NotFound), "carol is still let in");

    // The list is remembered for when there is nobody to ask.
    office.stop().await;
    alice.is_offline().await;
    alice.restart().await;
    let mut fresh = stolen.connect(server).await;
    let answer = stolen.ask(&mut fresh).await;
    assert!(is_turned_away(answer), "served again without the coordinator: {answer:?}");
    let mut other = honest.connect(server).await;
    assert_eq!(honest.ask(&mut other).await, Some(ErrorCode::NotFound), "carol is let in offline");
}
