//! Dialling: which address wins, and what is said when none does.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use landline_net::{DialError, dial, local_addresses, resolve};
use landline_trust::{DeviceKey, Expect};
use tokio::net::TcpListener;

use crate::support::{PATIENCE, Server};

/// An address where nobody listens.
async fn closed() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// An address where somebody listens and never says a word.
async fn silent() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn key() -> DeviceKey {
    DeviceKey::generate().unwrap()
}

#[tokio::test]
async fn a_changed_key_is_refused_with_both_fingerprints() {
    let server = Server::start().await;
    let expected = key().id();
    let error = dial(&[server.address], &key(), Expect::Pinned(expected), PATIENCE).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&expected.fingerprint()), "{text}");
    assert!(text.contains(&server.key.id().fingerprint()), "{text}");
    match error {
        DialError::KeyChanged(mismatch) => {
            assert_eq!((mismatch.expected, mismatch.seen), (expected, server.key.id()));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_dead_address_does_not_hold_up_a_live_one() {
    let server = Server::start().await;
    let (_held, silent) = silent().await;
    let begun = Instant::now();
    let addresses = [silent, closed().await, server.address];
    let dialled = dial(&addresses, &key(), Expect::Pinned(server.key.id()), PATIENCE).await.unwrap();
    assert_eq!(dialled.remote, server.address);
    // One head start of 250 ms for the silent address; the closed one gives way at once.
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_address_with_another_device_does_not_hide_the_right_one() {
    let (other, server) = (Server::start().await, Server::start().await);
    let expect = Expect::Pinned(server.key.id());
    let dialled = dial(&[other.address, server.address], &key(), expect, PATIENCE).await.unwrap();
    assert_eq!(dialled.device, server.key.id());
    let failed = dial(&[other.address, closed().await], &key(), expect, PATIENCE).await;
    assert!(matches!(failed, Err(DialError::KeyChanged(_))), "what helps most is said: {failed:?}");
}

#[tokio::test]
async fn an_address_of_this_machine_is_not_a_changed_key_of_another() {
    let (own, other) = (Server::start().await, Server::start().await);
    let expect = Expect::Pinned(key().id());
    let failed = dial(&[own.address], &own.key, expect, PATIENCE).await.unwrap_err();
    assert!(matches!(failed, DialError::Unreachable(_)), "{failed:?}");
    assert!(failed.to_string().contains("this machine itself"), "{failed}");
    let failed = dial(&[own.address, other.address], &own.key, expect, PATIENCE).await;
    assert!(matches!(failed, Err(DialError::KeyChanged(m)) if m.seen == other.key.id()), "{failed:?}");
}

#[tokio::test]
async fn first_contact_tells_whom_it_met() {
    let server = Server::start().await;
    let dialled = dial(&[server.address], &key(), Expect::FirstUse, PATIENCE).await.unwrap();
    assert_eq!(dialled.device, server.key.id());
    assert!(dialled.local.ip().is_loopback());
}

#[tokio::test]
async fn failures_are_told_apart() {
    let nobody = closed().await;
    let failed = dial(&[nobody], &key(), Expect::FirstUse, PATIENCE).await.unwrap_err();
    assert!(matches!(failed, DialError::Unreachable(_)), "{failed:?}");
    assert!(failed.to_string().contains(&nobody.to_string()), "{failed}");

    let (_held, silent) = silent().await;
    let begun = Instant::now();
    let limit = Duration::from_millis(400);
    let failed = dial(&[silent], &key(), Expect::FirstUse, limit).await;
    assert!(matches!(failed, Err(DialError::Timeout)), "{failed:?}");
    assert!(begun.elapsed() >= limit && begun.elapsed() < Duration::from_secs(3));

    let none = dial(&[], &key(), Expect::FirstUse, PATIENCE).await;
    assert!(matches!(none, Err(DialError::NoAddress)));
}

#[tokio::test]
async fn what_speaks_no_tls_is_named_as_such() {
    let (listener, address) = silent().await;
    let answering = async {
        use tokio::io::AsyncWriteExt;
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.write_all(b"220 mail.example.org ESMTP\r\n").await.unwrap();
        tcp
    };
    let (key, addresses) = (key(), [address]);
    let (failed, _tcp) = tokio::join!(dial(&addresses, &key, Expect::FirstUse, PATIENCE), answering);
    assert!(matches!(failed, Err(DialError::Tls(_))), "{failed:?}");
}

#[tokio::test]
async fn hosts_are_found_by_name_and_by_number() {
    assert!(
        resolve("localhost", 4810).await.unwrap().iter().all(|a| a.ip().is_loopback() && a.port() == 4810)
    );
    assert_eq!(resolve("127.0.0.1", 1).await.unwrap(), ["127.0.0.1:1".parse().unwrap()]);
    for host in ["::1", "[::1]", " [::1] "] {
        assert_eq!(resolve(host, 1).await.unwrap(), ["[::1]:1".parse().unwrap()]);
    }
}

#[test]
fn own_addresses_are_useful_to_others_first() {
    let addresses = local_addresses(4810);
    assert!(addresses.contains(&"127.0.0.1:4810".parse().unwrap()), "{addresses:?}");
    let loopbacks: Vec<bool> = addresses.iter().map(|a| a.ip().is_loopback()).collect();
    assert!(loopbacks.is_sorted(), "loopback last: {addresses:?}");
    let link_local = |ip: IpAddr| matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    assert!(!addresses.iter().any(|a| link_local(a.ip())), "{addresses:?}");
}
