//! The file server as any HTTP client sees it, byte by byte.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use landline_net::client::HttpConnection;
use landline_net::dial::{Dialled, dial};
use landline_protocol::peer_routes::{Door, Resource};
use landline_protocol::swarm::PASS_HEADER;
use landline_protocol::{ErrorCode, Have, WireError};
use landline_transfer::{Audience, Hashed, Kind, Rates, Shares};
use landline_trust::tls::Expect;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::desk::{MIB, Offered, Receiver, SECOND, Sender, noise};

/// Where a resource of a share is.
fn at(offered: &Offered, resource: Resource) -> String {
    Door::Share(offered.share).to(resource).to_string()
}

async fn connect(sender: &Sender, receiver: &Receiver) -> HttpConnection {
    HttpConnection::open(line(sender, receiver).await).await.unwrap()
}

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
    let answer = connection.send(request(method, path, headers)).await.unwrap();
    let (head, body) = answer.into_parts();
    (head.status.as_u16(), head.headers, body.collect().await.unwrap().to_bytes().to_vec())
}

fn request(method: Method, path: &str, headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(path).header("authorization", "Bearer Bob");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::default()).unwrap()
}

#[tokio::test]
async fn head_ranges_and_conditions() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let offered = sender.share(1, "x", b"0123456789");
    let path = at(&offered, Resource::Content);
    let mut connection = connect(&sender, &receiver).await;
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
    let (status, headers, body) =
        ask(&mut connection, Method::HEAD, &at(&offered, Resource::Tree), &[]).await;
    assert_eq!((status, &headers["content-length"], body.len()), (200, &"32".parse().unwrap(), 0));
}

#[tokio::test]
async fn unknown_and_forbidden_look_the_same_on_the_wire() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let path = sender.folder.path().join("x");
    fs::write(&path, "for Alice").unwrap();
    let offered = sender.share_path(1, &path, Audience::Users(vec!["alice".parse().unwrap()]));
    let forbidden = at(&offered, Resource::Content);
    let unknown = forbidden.replace("01", "02");
    let held = Door::Held(offered.offer.key()).to(Resource::Content).to_string();
    let mut connection = connect(&sender, &receiver).await;
    for method in [Method::GET, Method::HEAD] {
        let mut answers = Vec::new();
        for path in [&unknown, &forbidden, &held] {
            let (status, mut headers, body) = ask(&mut connection, method.clone(), path, &[]).await;
            headers.remove("date");
            assert_eq!(status, 404);
            answers.push((headers, body));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]));
    }
}

/// Requests that no client library would write.
#[tokio::test]
async fn paths_that_climb_lead_nowhere() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let offered = sender.share(1, "x", b"shared");
    fs::write(sender.folder.path().join("x2"), "sibling").unwrap();
    let content = at(&offered, Resource::Content);
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
    let path = at(&offered, Resource::Content);
    let trap = sender.folder.path().join("trap");
    std::os::unix::fs::symlink(secret.path(), &trap).unwrap();
    let done = AtomicBool::new(false);
    let mut connection = connect(&sender, &receiver).await;
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

/// The same, with a folder on the way to a file.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_swapped_for_a_symlink_never_leaks() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let at_folder = |name: &str| sender.folder.path().join(name);
    fs::create_dir_all(at_folder("f/d")).unwrap();
    fs::create_dir(at_folder("secrets")).unwrap();
    fs::write(at_folder("f/d/x"), "shared").unwrap();
    fs::write(at_folder("secrets/x"), "secret").unwrap();
    std::os::unix::fs::symlink("../secrets", at_folder("trap")).unwrap();
    let offered = sender.share_path(1, &at_folder("f"), Audience::Everyone);
    let path = at(&offered, Resource::Entry(0));
    let done = AtomicBool::new(false);
    let mut connection = connect(&sender, &receiver).await;
    let (mut served, mut refused, mut leaked) = (0, 0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let (cwd, flags) = (rustix::fs::CWD, rustix::fs::RenameFlags::EXCHANGE);
                let _ = rustix::fs::renameat_with(cwd, at_folder("trap"), cwd, at_folder("f/d"), flags);
            }
        });
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                while leaked == 0 && served + refused < 3_000 {
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
    assert!(served > 50 && refused > 50, "{served} served, {refused} refused: the race was real");
}

#[tokio::test]
async fn one_range_spans_many_small_files() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let folder = sender.folder.path().join("f");
    let mut whole = Vec::new();
    for n in 0..100u32 {
        let content = noise(16 * 1024 + u64::from(n), n.into());
        fs::create_dir_all(folder.join(format!("{}", n / 10))).unwrap();
        fs::write(folder.join(format!("{}/{n:03}", n / 10)), &content).unwrap();
        whole.extend(content);
    }
    let offered = sender.share_path(1, &folder, Audience::Everyone);
    let mut connection = connect(&sender, &receiver).await;
    let range = [("range", "bytes=10000-1500000")];
    let (status, headers, body) =
        ask(&mut connection, Method::GET, &at(&offered, Resource::Content), &range).await;
    assert_eq!((status, body == whole[10_000..=1_500_000]), (206, true));
    assert_eq!(headers["content-range"], *format!("bytes 10000-1500000/{}", whole.len()));
    let (status, _, body) = ask(&mut connection, Method::GET, &at(&offered, Resource::Manifest), &[]).await;
    let hashed = Hashed::read(Kind::Folder, &body[..], offered.size, &offered.root.unwrap()).unwrap();
    let Hashed::Folder { manifest, .. } = hashed else { panic!("a folder") };
    assert_eq!((status, manifest.files.len(), manifest.folders.len()), (200, 100, 10));
    let (_, _, body) = ask(&mut connection, Method::GET, &at(&offered, Resource::Entry(99)), &[]).await;
    assert_eq!(body, noise(16 * 1024 + 99, 99));
}

#[tokio::test]
async fn a_complete_copy_is_passed_on_to_whoever_has_a_pass() {
    let (author, holder, receiver) = (Sender::start().await, Sender::start().await, Receiver::new());
    let content = noise(3 * MIB + 5, 1);
    let offered = author.share(1, "x", &content);
    fs::write(holder.folder.path().join("y"), &content).unwrap();
    holder.hold(&offered, &holder.folder.path().join("y"));
    let key = offered.offer.key();
    let held = |resource| Door::Held(key).to(resource).to_string();
    let (pass, other) = (key.to_string(), "00".repeat(16));
    let mut connection = connect(&holder, &receiver).await;
    for none in [&[][..], &[(PASS_HEADER, other.as_str())]] {
        for resource in [Resource::Content, Resource::Tree, Resource::Have] {
            assert_eq!(ask(&mut connection, Method::GET, &held(resource), none).await.0, 404);
        }
    }
    let with = [(PASS_HEADER, pass.as_str()), ("range", "bytes=1048570-3145730")];
    let (status, headers, body) = ask(&mut connection, Method::GET, &held(Resource::Content), &with).await;
    assert_eq!((status, body == content[1_048_570..=3_145_730]), (206, true));
    assert_eq!(headers["etag"], *format!("\"{}\"", offered.root.unwrap()));
    let (_, _, tree) = ask(&mut connection, Method::GET, &held(Resource::Tree), &with[..1]).await;
    assert!(Hashed::read(Kind::File, &tree[..], offered.size, &offered.root.unwrap()).is_ok());
    let mut spoiled = holder.shares.spoiled().unwrap();
    fs::write(holder.folder.path().join("y"), "changed").unwrap();
    assert_eq!(ask(&mut connection, Method::GET, &held(Resource::Content), &with).await.0, 412);
    assert!(spoiled.recv().await.is_some_and(|(door, _)| door == Door::Held(key)));
    assert_eq!(ask(&mut connection, Method::GET, &held(Resource::Content), &with).await.0, 404);
}

#[tokio::test]
async fn have_tells_what_others_get() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let offered = sender.share(1, "x", &noise(64 * MIB, 1));
    let (mut one, mut other) = (connect(&sender, &receiver).await, connect(&sender, &receiver).await);
    let path = at(&offered, Resource::Content);
    let range = [("range", "bytes=8388608-58720255")];
    let reading = one.send(request(Method::GET, &path, &range)).await.unwrap();
    let (_, _, body) = ask(&mut other, Method::GET, &at(&offered, Resource::Have), &[]).await;
    let have: Have = serde_json::from_slice(&body).unwrap();
    let given = data_encoding::BASE64.decode(have.given.unwrap().as_bytes()).unwrap();
    assert_eq!(
        (have.complete, have.map, &given[..]),
        (true, None, &[0, 255, 255, 255, 255, 255, 255, 0][..])
    );
    drop((reading, one));
    sender.until(|shares| shares.uploads().iter().all(|upload| !upload.active)).await;
    let (_, _, body) = ask(&mut other, Method::GET, &at(&offered, Resource::Have), &[]).await;
    assert_eq!(serde_json::from_slice::<Have>(&body).unwrap().given, None, "nobody got it after all");
}

#[tokio::test]
async fn with_one_slot_others_are_told_how_many_are_ahead() {
    let (sender, people) = (Sender::start().await, [Receiver::new(), Receiver::new(), Receiver::new()]);
    sender.shares.set_slots(1);
    let offered = sender.share(1, "x", &noise(32 * MIB, 1));
    let path = at(&offered, Resource::Content);
    let mut lines = Vec::new();
    for person in &people {
        lines.push(connect(&sender, person).await);
    }
    let first = lines[0].send(request(Method::GET, &path, &[])).await.unwrap();
    for (n, ahead) in [(1, 1), (2, 2), (1, 1)] {
        let (status, _, body) = ask(&mut lines[n], Method::GET, &path, &[]).await;
        let error: WireError = serde_json::from_slice(&body).unwrap();
        assert_eq!((status, error.code, error.details.ahead), (429, ErrorCode::TooManyRequests, Some(ahead)));
        assert_eq!(ask(&mut lines[n], Method::GET, &at(&offered, Resource::Have), &[]).await.0, 200);
    }
    first.into_body().collect().await.unwrap();
    let mut served = 429;
    let began = Instant::now();
    while served == 429 && began.elapsed() < SECOND * 10 {
        assert_eq!(ask(&mut lines[2], Method::GET, &path, &[("range", "bytes=0-0")]).await.0, 429);
        served = ask(&mut lines[1], Method::GET, &path, &[("range", "bytes=0-0")]).await.0;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(served, 206, "its turn has come");
    assert!(began.elapsed() > SECOND, "requests of one download may follow each other");
}

/// Reads so many bytes and tells how many came in a second.
async fn rate_of(body: &mut Incoming, bytes: u64) -> f64 {
    let (began, mut got) = (Instant::now(), 0);
    while got < bytes {
        let frame = body.frame().await.unwrap().unwrap();
        got += frame.into_data().unwrap().len() as u64;
    }
    got as f64 / began.elapsed().as_secs_f64()
}

fn holds(rate: f64, limit: f64) -> bool {
    (limit * 0.95..limit * 1.05).contains(&rate)
}

/// On a machine that does something else meanwhile, a stall makes it slower: so one of three counts.
#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_within_five_percent_and_change_midway() {
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (up, receiver) = (Rates::new(), Receiver::new());
        let sender = Sender::with(Shares::new(up.clone()), std::sync::Arc::new(|_, answer| answer)).await;
        let offered = sender.share(1, "x", &noise(64 * MIB, 1));
        up.set(Some(4_000_000), [].into());
        let mut line = connect(&sender, &receiver).await;
        let mut body = begin(&mut line, &offered).await.into_body();
        rate_of(&mut body, 400_000).await;
        let first = rate_of(&mut body, 6_000_000).await;
        up.set(Some(20_000_000), [(receiver.user.clone(), 8_000_000)].into());
        rate_of(&mut body, 800_000).await;
        let second = rate_of(&mut body, 12_000_000).await;
        up.set(None, [].into());
        let free = rate_of(&mut body, 30_000_000).await;
        assert!(first < 4_200_000.0 && second < 8_400_000.0, "{first} {second}");
        assert!(free > 16_000_000.0, "{free}");
        if holds(first, 4e6) && holds(second, 8e6) {
            return;
        }
        seen.push((first, second));
    }
    panic!("never held: {seen:?}");
}

async fn begin(line: &mut HttpConnection, offered: &Offered) -> Response<Incoming> {
    line.send(request(Method::GET, &at(offered, Resource::Content), &[])).await.unwrap()
}

/// Whether this process has the file open.
fn is_open(path: &Path) -> bool {
    let handles = fs::read_dir("/proc/self/fd").unwrap();
    handles.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok()).any(|target| target == path)
}

/// Waits until it is, or is not; how long that took.
async fn until_open(path: &Path, open: bool) -> Duration {
    let began = Instant::now();
    while is_open(path) != open {
        assert!(began.elapsed() < SECOND * 10, "{} stays as it is", path.display());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_does_not_read_keeps_nothing_open() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    for withdraw in [true, false] {
        let offered = sender.share(1, "x", &noise(64 * MIB, 1));
        let mut line = connect(&sender, &receiver).await;
        let unread = begin(&mut line, &offered).await;
        until_open(&offered.path, true).await;
        tokio::time::sleep(Duration::from_millis(300)).await; // buffers on the way fill up
        assert!(is_open(&offered.path), "otherwise nothing is tested");
        if withdraw {
            sender.shares.remove(&offered.share);
        } else {
            sender.shares.stop_device(&receiver.key.id());
        }
        assert!(until_open(&offered.path, false).await < SECOND);
        assert!(unread.into_body().collect().await.is_err());
    }
    assert_eq!(sender.shares.finished().len(), 1, "what was withdrawn is logged at once");
}

#[tokio::test]
async fn what_compresses_travels_compressed_over_a_slow_line() {
    let (sender, receiver) = (Sender::slow(8_000_000).await, Receiver::new());
    let text: Vec<u8> = (0u32..4_000_000).flat_map(|n| (n / 50).to_le_bytes()).collect();
    let offered = sender.share(1, "x", &text);
    let mut line = connect(&sender, &receiver).await;
    let headers = [("accept-encoding", "zstd"), ("range", "bytes=5-15000000")];
    let began = Instant::now();
    let (status, headers, body) =
        ask(&mut line, Method::GET, &at(&offered, Resource::Content), &headers).await;
    assert_eq!((status, headers["content-encoding"].as_bytes()), (206, &b"zstd"[..]));
    assert_eq!(headers["content-range"], *format!("bytes 5-15000000/{}", text.len()));
    let mut decoder = zstd::stream::read::Decoder::new(&body[..]).unwrap();
    decoder.window_log_max(23).unwrap();
    let mut content = Vec::new();
    decoder.take(text.len() as u64).read_to_end(&mut content).unwrap();
    assert!(content == text[5..=15_000_000]);
    assert!(body.len() < 8_000_000, "{}", body.len());
    assert!(began.elapsed() < Duration::from_millis(1_875), "plain, it would take longer");
    let plain = noise(MIB, 2);
    let offered = sender.share(2, "y", &plain);
    let accepts = [("accept-encoding", "zstd")];
    let (_, headers, body) = ask(&mut line, Method::GET, &at(&offered, Resource::Content), &accepts).await;
    assert!(!headers.contains_key("content-encoding") && body == plain);
}
