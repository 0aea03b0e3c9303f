//! The end of the accept loop: what is under way finishes, everything else is ended.

use std::time::{Duration, Instant};

use hyper::Method;
use landline_net::{Closed, HttpConnection, Inbound, call, dial};
use landline_trust::{DeviceKey, Expect};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{CALM, PATIENCE, Server};

#[tokio::test]
async fn a_request_under_way_finishes_and_an_idle_connection_ends() {
    let server = Server::start().await;
    let mut idle = HttpConnection::open(server.dial().await).await.unwrap();
    let _: String = {
        server.go_on.notify_one();
        call(&mut idle, Method::GET, "/wait", None, None::<&()>).await.unwrap()
    };
    server.waiting.notified().await;
    // Neither a handshake in progress nor a silent connection holds up the end.
    let _half_open = TcpStream::connect(server.address).await.unwrap();

    let mut busy = HttpConnection::open(server.dial().await).await.unwrap();
    let asking =
        tokio::spawn(
            async move { call::<_, String>(&mut busy, Method::GET, "/wait", None, None::<&()>).await },
        );
    server.waiting.notified().await;
    let begun = Instant::now();
    server.shutdown.cancel();
    let key = DeviceKey::generate().unwrap();
    while dial(&[server.address], &key, Expect::FirstUse, PATIENCE).await.is_ok() {}
    server.go_on.notify_one();
    assert_eq!(asking.await.unwrap().unwrap(), "done");
    timeout(PATIENCE, server.task).await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_millis(1_900), "no grace was needed: {:?}", begun.elapsed());
    assert!(call::<_, String>(&mut idle, Method::GET, "/wait", None, None::<&()>).await.is_err());
}

#[tokio::test]
async fn a_request_that_never_ends_is_dropped_after_the_grace() {
    let server = Server::start().await;
    let mut busy = HttpConnection::open(server.dial().await).await.unwrap();
    let asking =
        tokio::spawn(
            async move { call::<_, String>(&mut busy, Method::GET, "/wait", None, None::<&()>).await },
        );
    server.waiting.notified().await;
    server.shutdown.cancel();
    timeout(Duration::from_secs(4), server.task).await.unwrap().unwrap();
    assert!(asking.await.unwrap().is_err());
}

#[tokio::test]
async fn an_upgraded_socket_says_goodbye_and_ends_with_the_loop() {
    let mut server = Server::start().await;
    let ((_client, mut heard), (sender, _receiver)) = server.pair(CALM).await;
    server.shutdown.cancel();
    sender.close(Some("goodbye".into()));
    assert_eq!(heard.recv().await, Some(Inbound::Text("goodbye".into())));
    assert_eq!(heard.recv().await, None);
    assert_eq!(heard.closed(), Some(Closed::ByPeer));
    timeout(Duration::from_millis(1_900), server.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_socket_that_stays_is_cut_off() {
    let mut server = Server::start().await;
    let ((_client, mut heard), (_sender, mut receiver)) = server.pair(CALM).await;
    server.shutdown.cancel();
    timeout(Duration::from_secs(4), server.task).await.unwrap().unwrap();
    assert_eq!(timeout(PATIENCE, receiver.recv()).await.unwrap(), None);
    assert!(matches!(receiver.closed(), Some(Closed::Io(_))), "{:?}", receiver.closed());
    assert_eq!(timeout(PATIENCE, heard.recv()).await.unwrap(), None);
}
