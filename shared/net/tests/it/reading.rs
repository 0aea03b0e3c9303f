//! Bodies read by somebody who moves the connection meanwhile, and who need not be woken by each packet.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use landline_net::{DrivenBody, HttpConnection, call};
use landline_protocol::DeviceId;
use tokio::time::timeout;

use crate::support::{BIT, PATIENCE, Server, pattern};

/// Longer than a frame takes that is on its way.
const SHORT: Duration = Duration::from_millis(300);

async fn ask(http: &mut HttpConnection, path: &str) -> DrivenBody {
    let answer = http.send(Request::get(path).body(Full::default()).unwrap()).await.unwrap();
    http.driven(answer.into_body())
}

/// The next frame; `None` when none comes.
async fn next(body: &mut DrivenBody) -> Option<usize> {
    let frame = timeout(SHORT, body.frame()).await.ok()?;
    Some(frame.unwrap().unwrap().into_data().unwrap().len())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_so_is_whole_and_the_connection_goes_on() {
    let server = Server::start().await;
    let mut http = HttpConnection::open(server.dial().await).await.unwrap();
    let all = pattern();
    for _ in 0..3 {
        let body = ask(&mut http, "/much").await;
        let reading = tokio::spawn(async { body.collect().await.unwrap().to_bytes() });
        assert!(timeout(PATIENCE, reading).await.expect("it ends").unwrap() == all);
        // Nobody reads: it is moved by its own task again.
        let seen: DeviceId = call(&mut http, Method::GET, "/who", None, None::<&()>).await.unwrap();
        assert!(!http.is_closed() && seen != server.key.id());
    }
    server.shutdown.cancel();
    let closed = async {
        while !http.is_closed() {
            tokio::time::sleep(SHORT / 10).await; // nothing tells of it
        }
    };
    timeout(PATIENCE, closed).await.expect("the end is noticed though nobody reads");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_reading_and_goes_on_later_misses_nothing() {
    let server = Server::start().await;
    let mut http = HttpConnection::open(server.dial().await).await.unwrap();
    let mut body = ask(&mut http, "/bit-by-bit").await;
    for _ in 0..20 {
        server.go_on.notify_one();
        assert_eq!(next(&mut body).await, Some(BIT));
        server.go_on.notify_one();
        tokio::task::yield_now().await; // it comes, or not, while nobody reads
        assert_eq!(timeout(PATIENCE, next(&mut body)).await, Ok(Some(BIT)));
    }
    assert_eq!(next(&mut body).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_ends_with_its_handle_although_a_body_is_held() {
    let server = Server::start().await;
    let mut http = HttpConnection::open(server.dial().await).await.unwrap();
    let mut body = ask(&mut http, "/flood").await;
    assert!(next(&mut body).await.is_some());
    drop(http);
    timeout(PATIENCE, server.waiting.notified()).await.expect("the other side sees it end");
    let ended = async { while body.frame().await.is_some_and(|frame| frame.is_ok()) {} };
    timeout(PATIENCE, ended).await.expect("so does the reader");
}

/// Less than what is waited for wakes nobody, until it is waited for no more.
#[tokio::test(flavor = "multi_thread")]
async fn little_wakes_only_who_waits_for_little() {
    let server = Server::start().await;
    let mut http = HttpConnection::open(server.dial().await).await.unwrap();
    let wakes = http.wakes().expect("of a dialled connection");
    let mut body = ask(&mut http, "/bit-by-bit").await;
    server.go_on.notify_one();
    assert_eq!(next(&mut body).await, Some(BIT));
    wakes.after(3 * BIT);
    server.go_on.notify_one();
    assert_eq!(next(&mut body).await, None, "there is too little");
    for _ in 0..2 {
        server.go_on.notify_one();
        tokio::time::sleep(SHORT / 10).await; // one after the other: a notice does not count
    }
    let mut came = 0;
    while came < 3 * BIT {
        came += next(&mut body).await.expect("there is enough now");
    }
    server.go_on.notify_one();
    assert_eq!(next(&mut body).await, None);
    wakes.after(1);
    assert_eq!(next(&mut body).await, Some(BIT), "what is there is told at once");
}
