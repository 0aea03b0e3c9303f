//! The accept loop: who is asking, what is refused, which limits hold.

use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode};
use landline_net::{AcceptLimits, CallError, HttpConnection, HttpError, call, dial, websocket};
use landline_protocol::{DeviceId, ErrorCode};
use landline_trust::{ClientAuth, DeviceKey, Expect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{PATIENCE, Server};

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn the_handler_knows_which_device_asks() {
    let server = Server::start().await;
    let key = DeviceKey::generate().unwrap();
    let dialled = dial(&[server.address], &key, Expect::Pinned(server.key.id()), PATIENCE).await.unwrap();
    assert_eq!((dialled.device, dialled.remote), (server.key.id(), server.address));
    let mut http = HttpConnection::open(dialled).await.unwrap();
    for _ in 0..2 {
        let seen: DeviceId = call(&mut http, Method::GET, "/who", None, None::<&()>).await.unwrap();
        assert_eq!(seen, key.id());
    }
    let token: String = call(&mut http, Method::GET, "/bearer", Some("a.b.c"), None::<&()>).await.unwrap();
    assert_eq!(token, "a.b.c");
    let () = call(&mut http, Method::POST, "/nothing", None, None::<&()>).await.unwrap();
}

#[tokio::test]
async fn a_kept_connection_goes_on_and_one_in_the_middle_of_an_answer_does_not() {
    let server = Server::start().await;
    let (keep, mut kept) = tokio::sync::mpsc::channel(2);
    let keeper = || {
        let keep = keep.clone();
        Box::new(move |connection| keep.try_send(connection).unwrap_or(()))
    };
    let mut http = HttpConnection::open(server.dial().await).await.unwrap().kept_by(keeper());
    let seen: DeviceId = call(&mut http, Method::GET, "/who", None, None::<&()>).await.unwrap();
    drop(http);
    let mut http = kept.try_recv().expect("it is as good as new");
    assert_eq!((http.device(), http.remote()), (server.key.id(), server.address));
    let again: DeviceId = call(&mut http, Method::GET, "/who", None, None::<&()>).await.unwrap();
    assert_eq!(again, seen, "the same connection");

    let mut http = http.kept_by(keeper());
    let unread = http.send(Request::get("/flood").body(Full::default()).unwrap()).await.unwrap();
    drop(http);
    assert!(kept.try_recv().is_err());
    drop(unread);
    timeout(PATIENCE, server.waiting.notified()).await.expect("it ended");
}

#[tokio::test]
async fn errors_arrive_with_their_code() {
    let server = Server::start().await;
    let mut http = HttpConnection::open(server.dial().await).await.unwrap();
    match call::<_, ()>(&mut http, Method::GET, "/busy", None, None::<&()>).await {
        Err(CallError::Refused(error)) => {
            assert_eq!((error.code, error.details.retry_after_ms), (ErrorCode::TooManyRequests, Some(1_500)));
        }
        other => panic!("{other:?}"),
    }
    let response = http.send(Request::get("/busy").body(Full::default()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "2");
    assert_eq!(response.headers()["content-type"], "application/json");
    response.into_body().collect().await.unwrap();

    let large = "x".repeat(2_000);
    for (body, code) in [(large.as_str(), ErrorCode::TooLarge), ("x", ErrorCode::BadRequest)] {
        let mut http = HttpConnection::open(server.dial().await).await.unwrap();
        let request = Request::post("/echo").body(body.to_owned().into()).unwrap();
        let response = http.send(request).await.unwrap();
        assert_eq!(response.status().as_u16(), code.http_status());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let error: landline_protocol::WireError = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(error.code, code);
    }
}

#[tokio::test]
async fn a_connection_without_a_certificate_is_refused() {
    let server = Server::start().await;
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    tcp.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, tcp.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert!(!answer.starts_with(b"HTTP"), "only TLS is spoken");
}

#[tokio::test]
async fn a_handshake_that_takes_too_long_is_ended() {
    let limits = AcceptLimits { handshake: SHORT, ..AcceptLimits::default() };
    let server = Server::with(limits, ClientAuth::Required).await;
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    let begun = Instant::now();
    assert_eq!(timeout(PATIENCE, tcp.read(&mut [0; 16])).await.unwrap().unwrap(), 0);
    assert!(begun.elapsed() + Duration::from_millis(20) >= SHORT, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_head_that_takes_too_long_is_ended() {
    let limits = AcceptLimits { header: SHORT, ..AcceptLimits::default() };
    let server = Server::with(limits, ClientAuth::Required).await;
    let mut tls = server.dial().await.stream;
    let begun = Instant::now();
    tls.write_all(b"GET /who HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    tls.flush().await.unwrap();
    let mut answer = Vec::new();
    // What matters is that it ends; with or without an orderly goodbye.
    let _ = timeout(PATIENCE, tls.read_to_end(&mut answer)).await.unwrap();
    assert!(begun.elapsed() + Duration::from_millis(20) >= SHORT, "{:?}", begun.elapsed());
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn who_takes_nothing_of_the_answer_is_ended() {
    let limits = AcceptLimits { stall: SHORT, ..AcceptLimits::default() };
    let server = Server::with(limits, ClientAuth::Required).await;
    let mut http = HttpConnection::open(server.dial().await).await.unwrap();
    let begun = Instant::now();
    let _unread = http.send(Request::get("/flood").body(Full::default()).unwrap()).await.unwrap();
    timeout(PATIENCE, server.waiting.notified()).await.unwrap();
    assert!(begun.elapsed() >= SHORT, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn one_address_has_only_so_many_connections() {
    let limits = AcceptLimits { per_address: 2, ..AcceptLimits::default() };
    let mut server = Server::with(limits, ClientAuth::Required).await;
    let mut first = HttpConnection::open(server.dial().await).await.unwrap();
    let _: DeviceId = call(&mut first, Method::GET, "/who", None, None::<&()>).await.unwrap();
    // An upgraded connection keeps its place.
    let socket = websocket(server.dial().await, "/socket", "token").await.unwrap();
    let accepted = server.sockets.recv().await.unwrap();

    let key = DeviceKey::generate().unwrap();
    let expect = Expect::Pinned(server.key.id());
    assert!(dial(&[server.address], &key, expect, PATIENCE).await.is_err(), "a third one");
    let _: DeviceId = call(&mut first, Method::GET, "/who", None, None::<&()>).await.unwrap();

    drop((socket, accepted));
    let mut next = HttpConnection::open(server.dial().await).await.unwrap();
    let _: DeviceId = call(&mut next, Method::GET, "/who", None, None::<&()>).await.unwrap();
}

#[tokio::test]
async fn only_a_websocket_without_an_origin_is_let_in() {
    let server = Server::start().await;
    let asked = |headers: &[(&'static str, &'static str)]| {
        let mut request = Request::get("/socket");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Full::default()).unwrap()
    };
    let good = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let without = |name: &str| good.iter().copied().filter(|(n, _)| *n != name).collect::<Vec<_>>();
    let mut cases = vec![
        (good.to_vec(), 101),
        ([good.as_slice(), &[("origin", "https://example.org")]].concat(), 403),
        ([without("sec-websocket-version").as_slice(), &[("sec-websocket-version", "8")]].concat(), 426),
        ([without("sec-websocket-key").as_slice(), &[("sec-websocket-key", "c2hvcnQ=")]].concat(), 426),
    ];
    cases.extend(good.iter().map(|(name, _)| (without(name), 426)));
    for (headers, status) in cases {
        let mut http = HttpConnection::open(server.dial().await).await.unwrap();
        let response = http.send(asked(&headers)).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{headers:?}");
        if status == 101 {
            // The example of RFC 6455, 1.3.
            assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        }
    }
}

#[tokio::test]
async fn a_refused_websocket_says_why() {
    let server = Server::start().await;
    match websocket(server.dial().await, "/busy", "token").await {
        Err(CallError::Refused(error)) => assert_eq!(error.code, ErrorCode::TooManyRequests),
        other => panic!("{other:?}"),
    }
    match websocket(server.dial().await, "/who", "token").await {
        Err(CallError::Refused(error)) => assert_eq!(error.code, ErrorCode::Unknown),
        other => panic!("{other:?}"),
    }
    let token = "no\nheader";
    let refused = websocket(server.dial().await, "/socket", token).await;
    assert!(matches!(refused, Err(CallError::Http(HttpError::Garbled(_)))));
}
