//! Hanging up: the connection and what it held are gone at once, whatever the other side does.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use landline_net::{HttpConnection, call};
use landline_protocol::DeviceId;
use tokio::time::timeout;

use crate::support::{PATIENCE, Server};

/// A tenth of a second and what a busy machine needs.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Returns when the server has stopped sending because nobody reads.
async fn stuck(server: &Server) {
    let mut before = usize::MAX;
    loop {
        let now = server.chunks.load(Ordering::Relaxed);
        if now == before && now > 0 {
            return;
        }
        before = now;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn what_is_sent_to_somebody_who_does_not_read_ends_at_once() {
    let mut server = Server::start().await;
    let mut http = HttpConnection::open(server.dial().await).await.unwrap();
    let unread = http.send(Request::get("/flood").body(Full::default()).unwrap()).await.unwrap();
    let caller = server.flooded.recv().await.unwrap();
    stuck(&server).await;
    let begun = Instant::now();
    caller.hangup.cancel();
    timeout(AT_ONCE, server.waiting.notified()).await.expect("the body and what it holds are dropped");
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert!(timeout(PATIENCE, unread.into_body().collect()).await.unwrap().is_err(), "the reader is told");
}

#[tokio::test]
async fn what_is_sent_to_somebody_who_reads_ends_too_and_nobody_elses() {
    let mut server = Server::start().await;
    let mut other = HttpConnection::open(server.dial().await).await.unwrap();
    let mut http = HttpConnection::open(server.dial().await).await.unwrap();
    let mut body =
        http.send(Request::get("/flood").body(Full::default()).unwrap()).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    server.flooded.recv().await.unwrap().hangup.cancel();
    let draining = async { while body.frame().await.is_some_and(|frame| frame.is_ok()) {} };
    timeout(PATIENCE, draining).await.expect("a flood that ends");
    timeout(AT_ONCE, server.waiting.notified()).await.unwrap();
    let _: DeviceId = call(&mut other, Method::GET, "/who", None, None::<&()>).await.unwrap();
}
