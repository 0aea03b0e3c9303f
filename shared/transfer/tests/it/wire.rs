//! The file server as any HTTP client sees it, byte by byte.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use landline_net::client::HttpConnection;
use landline_net::dial::{Dialled, dial};
use landline_protocol::peer_routes::ShareRoute;
use landline_transfer::Audience;
use landline_trust::tls::Expect;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::desk::{Receiver, Sender};

async fn line(sender: &Sender, receiver: &Receiver) -> Dialled {
    let expect = Expect::Pinned(sender.key.id());
    dial(&[sender.address], &receiver.key, expect, Duration::from_secs(5)).await.unwrap()
}

/// Status, some headers and body.
async fn ask(
    connection: &mut HttpConnection,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
) -> (u16, hyper::HeaderMap, Vec<u8>) {
    let mut request = Request::builder().method(method).uri(path).header("authorization", "Bearer Bob");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = connection.send(request.body(Full::default()).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    (head.status.as_u16(), head.headers, body.collect().await.unwrap().to_bytes().to_vec())
}

#[tokio::test]
async fn head_ranges_and_conditions() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let offered = sender.share(1, "x", b"0123456789");
    let path = ShareRoute::Content { share: offered.share, entry: 0 }.path();
    let mut connection = HttpConnection::open(line(&sender, &receiver).await).await.unwrap();
    let (status, headers, body) = ask(&mut connection, Method::HEAD, &path, &[]).await;
    assert_eq!((status, &headers["content-length"], body.len()), (200, &"10".parse().unwrap(), 0));
    let tag = headers["etag"].to_str().unwrap().to_owned();
    let (status, headers, body) = ask(&mut connection, Method::GET, &path, &[("range", "bytes=-3")]).await;
    assert_eq!((status, &body[..]), (206, &b"789"[..]));
    assert_eq!(headers["content-range"], "bytes 7-9/10");
    assert_eq!(headers["etag"], tag);
    let (status, headers, _) = ask(&mut connection, Method::GET, &path, &[("range", "bytes=10-11")]).await;
    assert_eq!((status, &headers["content-range"]), (416, &"bytes */10".parse().unwrap()));
    let stale = [("range", "bytes=1-2"), ("if-range", "\"stale\"")];
    assert_eq!(ask(&mut connection, Method::GET, &path, &stale).await.0, 200);
    let fresh = [("range", "bytes=1-2"), ("if-range", &tag)];
    assert_eq!(ask(&mut connection, Method::GET, &path, &fresh).await.2, b"12");
    let quadratic = format!("bytes={}0-", "0-,".repeat(2_000));
    assert_eq!(ask(&mut connection, Method::GET, &path, &[("range", &quadratic)]).await.0, 200);
    let (status, headers, body) = ask(&mut connection, Method::HEAD, &format!("{path}/tree"), &[]).await;
    assert_eq!((status, &headers["content-length"], body.len()), (200, &"32".parse().unwrap(), 0));
}

#[tokio::test]
async fn unknown_and_forbidden_look_the_same_on_the_wire() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let path = sender.folder.path().join("x");
    fs::write(&path, "for Alice").unwrap();
    let offered = sender.share_path(1, &path, Audience::Users(vec!["alice".parse().unwrap()]));
    let forbidden = ShareRoute::Content { share: offered.share, entry: 0 }.path();
    let unknown = forbidden.replace("01", "02");
    let mut connection = HttpConnection::open(line(&sender, &receiver).await).await.unwrap();
    for method in [Method::GET, Method::HEAD] {
        let mut answers = Vec::new();
        for path in [&unknown, &forbidden] {
            let (status, mut headers, body) = ask(&mut connection, method.clone(), path, &[]).await;
            headers.remove("date");
            assert_eq!(status, 404);
            answers.push((headers, body));
        }
        assert_eq!(answers[0], answers[1]);
    }
}

/// Requests that no client library would write.
#[tokio::test]
async fn paths_that_climb_lead_nowhere() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let offered = sender.share(1, "x", b"shared");
    fs::write(sender.folder.path().join("x2"), "sibling").unwrap();
    let content = ShareRoute::Content { share: offered.share, entry: 0 }.path();
    for target in [
        "/../../etc/passwd".to_owned(),
        "/etc/passwd".into(),
        format!("{content}/../x2"),
        format!("{content}2"),
        format!("{content}/x2"),
        format!("{content}%00"),
        format!("{content}\0"),
        format!("{content}%2f..%2fx2"),
        format!("/v1/shares/{}/../../../x2", offered.share),
        format!("/v1/shares/{}/%2e%2e/x2", offered.share),
        format!("/v1/shares/{}/..\\x2", offered.share),
        format!("//{content}"),
    ] {
        let mut stream = line(&sender, &receiver).await.stream;
        let request = format!(
            "GET {target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer Bob\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // The end of the line may come without a TLS goodbye; what was said counts.
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        let refused = answer.starts_with("HTTP/1.1 404") || answer.starts_with("HTTP/1.1 400");
        assert!(refused && !answer.contains("sibling"), "{target:?}: {answer}");
    }
}

/// While a symlink to a secret is swapped in and out, thousands of requests see the file or nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_symlink_swapped_in_never_leaks_the_secret() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::write(secret.path(), "secret").unwrap();
    let offered = sender.share(1, "x", b"shared");
    let path = ShareRoute::Content { share: offered.share, entry: 0 }.path();
    let trap = sender.folder.path().join("trap");
    std::os::unix::fs::symlink(secret.path(), &trap).unwrap();
    let done = AtomicBool::new(false);
    let mut connection = HttpConnection::open(line(&sender, &receiver).await).await.unwrap();
    let (mut served, mut refused, mut leaked) = (0, 0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let (cwd, flags) = (rustix::fs::CWD, rustix::fs::RenameFlags::EXCHANGE);
                let _ = rustix::fs::renameat_with(cwd, &trap, cwd, &offered.path, flags);
            }
        });
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                while leaked == 0 && served + refused < 6_000 {
                    match ask(&mut connection, Method::GET, &path, &[]).await {
                        (200, _, body) if body == b"shared" => served += 1,

                        (410 | 412 | 500, ..) => refused += 1,
                        _ => leaked += 1,
                    }
                }
            });
        });
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(leaked, 0);
    assert!(served > 100 && refused > 100, "{served} served, {refused} refused: the race was real");
}
