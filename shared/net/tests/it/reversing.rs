//! Connections that change their direction: who dialled serves, who accepted asks.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, Response};
use landline_net::reverse::{self, Reversed};
use landline_net::{AcceptLimits, Body, Bytes, CallError, HttpConnection, Peer, dial, full, serve_one};
use landline_protocol::peer_routes::{DIAL_BACK, NONCE_HEADER};
use landline_protocol::{DeviceId, DialNonce, ErrorCode};
use landline_trust::{DeviceKey, Expect};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::support::{NONCE, PATIENCE, Server};

const CHUNK: usize = 256 * 1024;
const CHUNKS: usize = 256;

/// Chunks that differ, so that one that is lost or repeated shows.
fn chunk(n: usize) -> Bytes {
    vec![u8::try_from(n % 251).unwrap(); CHUNK].into()
}

async fn answer(peer: Peer, request: Request<Incoming>) -> Response<Body> {
    match request.uri().path() {
        "/much" => {
            let chunks = futures_util::stream::iter((0..CHUNKS).map(|n| Ok(Frame::data(chunk(n)))));
            Response::new(BodyExt::boxed(StreamBody::new(chunks)))
        }
        _ => Response::new(full(peer.device.unwrap().to_string())),
    }
}

/// Dials the server, offers to serve it, and does.
async fn dial_back(server: &Server, key: &DeviceKey, shutdown: &CancellationToken) -> JoinHandle<()> {
    let dialled = dial(&[server.address], key, Expect::Pinned(server.key.id()), PATIENCE).await.unwrap();
    let stream = reverse::offer(dialled, &NONCE).await.unwrap();
    let (server, shutdown) = ((server.address, server.key.id()), shutdown.clone());
    tokio::spawn(serve(stream, server, shutdown))
}

async fn serve(stream: Reversed, (remote, device): (SocketAddr, DeviceId), shutdown: CancellationToken) {
    let peer = Peer { remote, device: Some(device), hangup: CancellationToken::new() };
    serve_one(stream, peer, &AcceptLimits::default(), answer, &shutdown).await;
}

fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(path).body(Full::default()).unwrap()
}

#[tokio::test]
async fn whoever_was_dialled_back_asks_and_much_comes() {
    let mut server = Server::start().await;
    let key = DeviceKey::generate().unwrap();
    let serving = dial_back(&server, &key, &CancellationToken::new()).await;
    let mut client = timeout(PATIENCE, server.reversed.recv()).await.unwrap().unwrap();
    assert_eq!(client.device(), key.id(), "it knows whom it asks");
    let seen = client.send(get("/who")).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(seen, server.key.id().to_string(), "and is known itself");

    let mut body = client.send(get("/much")).await.unwrap().into_body();
    let mut received = 0;
    while let Some(frame) = timeout(PATIENCE, body.frame()).await.unwrap() {
        for byte in frame.unwrap().into_data().unwrap() {
            assert_eq!(usize::from(byte), (received / CHUNK) % 251);
            received += 1;
        }
    }
    assert_eq!(received, CHUNK * CHUNKS);
    drop(client);
    timeout(PATIENCE, serving).await.expect("serving ends with the connection").unwrap();
}

#[tokio::test]
async fn a_connection_that_nobody_waits_for_is_refused() {
    let server = Server::start().await;
    match reverse::offer(server.dial().await, &DialNonce::from_bytes([8; 16])).await {
        Err(CallError::Refused(error)) => assert_eq!(error.code, ErrorCode::NotFound),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was taken"),
    }
    let nonce = NONCE.to_string();
    let good = [("connection", "upgrade"), ("upgrade", "landline-dial-back"), (NONCE_HEADER, nonce.as_str())];
    let without = |name: &str| good.iter().copied().filter(|(n, _)| *n != name).collect::<Vec<_>>();
    let mut cases = vec![
        ("POST", [good.as_slice(), &[("origin", "https://example.org")]].concat(), 403),
        ("GET", good.to_vec(), 400),
        ("POST", [without("upgrade").as_slice(), &[("upgrade", "websocket")]].concat(), 400),
        ("POST", [without(NONCE_HEADER).as_slice(), &[(NONCE_HEADER, "0707")]].concat(), 400),
    ];
    cases.extend(good.iter().map(|(name, _)| ("POST", without(name), 400)));
    cases.push(("POST", good.to_vec(), 101));
    for (method, headers, status) in cases {
        let mut http = HttpConnection::open(server.dial().await).await.unwrap();
        let mut request = Request::builder().method(method).uri(DIAL_BACK);
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        let response = http.send(request.body(Full::default()).unwrap()).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{method} {headers:?}");
    }
}

#[tokio::test]
async fn either_end_can_end_it() {
    let mut server = Server::start().await;
    let key = DeviceKey::generate().unwrap();
    let shutdown = CancellationToken::new();
    let serving = dial_back(&server, &key, &shutdown).await;
    let mut client = server.reversed.recv().await.unwrap();
    client.send(get("/who")).await.unwrap().into_body().collect().await.unwrap();
    shutdown.cancel();
    timeout(Duration::from_secs(1), serving).await.expect("it is not in the middle of anything").unwrap();
    assert!(timeout(PATIENCE, client.send(get("/who"))).await.unwrap().is_err());

    let serving = dial_back(&server, &key, &CancellationToken::new()).await;
    let mut client = server.reversed.recv().await.unwrap();
    server.shutdown.cancel();
    timeout(Duration::from_secs(4), server.task).await.unwrap().unwrap();
    assert!(timeout(PATIENCE, client.send(get("/who"))).await.unwrap().is_err(), "the accept loop owns it");
    timeout(PATIENCE, serving).await.unwrap().unwrap();
}
