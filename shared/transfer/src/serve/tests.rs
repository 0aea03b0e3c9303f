//! What each request is answered with, without a network.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::header::HeaderValue;
use landline_protocol::peer_routes::Door;
use landline_protocol::{DeviceId, ErrorCode, HeldKey, Root, ShareId, WireError};

use super::*;
use crate::layout::Layout;
use crate::pool::FRAME_BYTES;
use crate::share::Holding;
use crate::{Audience, Hashed};

const ID: ShareId = ShareId::from_bytes([5; 16]);

fn user(name: &str) -> Asker {
    Asker { user: name.parse().unwrap(), device: DeviceId::from_bytes([1; 32]), pass: None }
}

struct Desk {
    temp: tempfile::TempDir,
    shares: Shares,
}

impl Desk {
    /// Ten digits, shared with Bob.
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("file"), "0123456789").unwrap();
        let shares = Shares::default();
        let desk = Self { temp, shares };
        desk.share();
        desk
    }

    fn share(&self) {
        self.share_path(&self.path());
    }

    fn share_path(&self, path: &Path) -> Hashed {
        let shared = Shares::open(path).unwrap();
        let hashed = shared.hash(&mut |_| ControlFlow::Continue(())).unwrap();
        self.shares.add(ID, shared, Audience::Users(vec!["Bob".parse().unwrap()]));
        self.shares.set_hashed(&ID, &hashed);
        hashed
    }

    fn path(&self) -> std::path::PathBuf {
        self.temp.path().join("file")
    }

    async fn ask(
        &self,
        asker: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (HeaderMap, u16, Vec<u8>) {
        self.ask_as(&user(asker), method, path, headers).await
    }

    async fn ask_as(
        &self,
        asker: &Asker,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (HeaderMap, u16, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let hangup = CancellationToken::new();
        let response = respond(&self.shares, asker, &hangup, request.body(()).unwrap()).await;
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        (head.headers, head.status.as_u16(), bytes)
    }

    async fn get(&self, headers: &[(&str, &str)]) -> (HeaderMap, u16, Vec<u8>) {
        self.ask("bob", Method::GET, &content_path(), headers).await
    }
}

fn path_of(resource: Resource) -> String {
    Door::Share(ID).to(resource).to_string()
}

fn content_path() -> String {
    path_of(Resource::Content)
}

#[tokio::test]
async fn whole_and_ranges() {
    let desk = Desk::new();
    let (headers, status, body) = desk.get(&[]).await;
    assert_eq!((status, &body[..]), (200, &b"0123456789"[..]));
    assert_eq!(headers["content-length"], "10");
    assert_eq!(headers["accept-ranges"], "bytes");
    assert_eq!(headers["content-type"], "application/octet-stream");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(!headers.contains_key("access-control-allow-origin"));
    let tag = headers["etag"].to_str().unwrap().to_owned();
    assert!(tag.starts_with('"'), "strong");

    let (headers, status, body) = desk.get(&[("range", "bytes=2-4"), ("if-range", &tag)]).await;
    assert_eq!((status, &body[..]), (206, &b"234"[..]));
    assert_eq!(headers["content-range"], "bytes 2-4/10");
    for stale in ["\"other\"", &format!("W/{tag}"), "Sun, 06 Nov 1994 08:49:37 GMT"] {
        let (_, status, body) = desk.get(&[("range", "bytes=2-4"), ("if-range", stale)]).await;
        assert_eq!((status, body.len()), (200, 10), "{stale}");
    }
    let (headers, status, _) = desk.get(&[("range", "bytes=10-")]).await;
    assert_eq!((status, &headers["content-range"]), (416, &"bytes */10".parse::<HeaderValue>().unwrap()));
    for ignored in [&[("range", "bytes=0-1,3-4")][..], &[("range", "bytes=0-1"), ("range", "bytes=3-4")]] {
        assert_eq!(desk.get(ignored).await.1, 200);
    }
}

#[tokio::test]
async fn only_get_and_head() {
    let desk = Desk::new();
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::CONNECT] {
        let (headers, status, _) = desk.ask("bob", method, &content_path(), &[]).await;
        assert_eq!((status, &headers["allow"]), (405, &"GET, HEAD".parse::<HeaderValue>().unwrap()));
    }
    let (headers, status, body) =
        desk.ask("bob", Method::HEAD, &content_path(), &[("range", "bytes=0-1")]).await;
    assert_eq!((status, body.len(), &headers["content-length"]), (200, 0, &10.into()));
}

#[tokio::test]
async fn outside_the_audience_it_is_as_if_there_were_nothing() {
    let desk = Desk::new();
    let nothing = Door::Share(ShareId::from_bytes([9; 16])).to(Resource::Content).to_string();
    let unknown = desk.ask("eve", Method::GET, &nothing, &[]).await;
    assert_eq!(unknown.1, 404);
    let path = content_path();
    let others = [Resource::Entry(0), Resource::Entry(1), Resource::Tree, Resource::Manifest, Resource::Have];
    for denied in others.map(path_of).into_iter().chain([path.clone(), format!("{path}/../0")]) {
        assert_eq!(
            desk.ask("eve", Method::GET, &denied, &[("range", "bytes=99-")]).await,
            unknown,
            "{denied}"
        );
    }
    assert_eq!(desk.ask("BOB", Method::GET, &path, &[]).await.1, 200, "names are compared folded");
    assert_eq!(desk.ask("bob", Method::GET, &path_of(Resource::Tree), &[]).await.2.len(), 32);
}

#[tokio::test]
async fn no_path_in_a_request_leads_anywhere() {
    let desk = Desk::new();
    fs::write(desk.temp.path().join("file2"), "sibling").unwrap();
    let path = content_path();
    for bad in [
        "/".into(),
        "/etc/passwd".into(),
        "/v1/shares/".into(),
        format!("/v1/shares/{ID}"),
        format!("/v1/shares/{ID}/"),
        format!("{path}2"),
        format!("{path}/"),
        format!("{path}/file2"),
        format!("{path}/../../../etc/passwd"),
        format!("/v1/shares/{ID}/../{ID}/0"),
        format!("/v1/shares/{ID}/%2e%2e/0"),
        format!("{path}%00"),
        format!("/v1/shares//{ID}/0"),
        format!("/V1/shares/{ID}/0"),
        format!("{path}/tree"),
        format!("/v1/shares/{ID}/tree/"),
        format!("/v1/shares/{ID}/tree/0"),
        format!("/v1/shares/{ID}/1"),
        format!("/v1/held/{ID}/content"),
    ] {
        assert_eq!(desk.ask("bob", Method::GET, &bad, &[]).await.1, 404, "{bad}");
    }
}

#[tokio::test]
async fn a_file_that_changed_or_vanished_is_not_served() {
    let desk = Desk::new();
    let code = |body: &[u8]| serde_json::from_slice::<WireError>(body).unwrap().code;
    fs::write(desk.path(), "0123456780").unwrap();
    let (_, status, body) = desk.get(&[]).await;
    assert_eq!((status, code(&body)), (412, ErrorCode::Changed));
    replace_with_symlink(&desk.path());
    assert_eq!(desk.get(&[]).await.1, 412);
    fs::remove_file(desk.path()).unwrap();
    let (_, status, body) = desk.get(&[]).await;
    assert_eq!((status, code(&body)), (410, ErrorCode::Gone));
}

fn replace_with_symlink(path: &Path) {
    fs::rename(path, path.with_extension("moved")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", path).unwrap();
}

#[tokio::test]
async fn a_change_or_removal_midway_breaks_the_body_off() {
    let desk = Desk::new();
    for withdraw in [true, false] {
        fs::write(desk.path(), vec![7; 3 * 1024 * 1024]).unwrap();
        desk.share();
        let request = Request::get(content_path()).body(()).unwrap();
        let hangup = CancellationToken::new();
        let mut body = respond(&desk.shares, &user("bob"), &hangup, request).await.into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), FRAME_BYTES);
        let upload = desk.shares.uploads().remove(0);
        assert_eq!(
            (upload.active, upload.bytes_sent, upload.size),
            (true, FRAME_BYTES as u64, 3 * 1024 * 1024)
        );
        if withdraw {
            desk.shares.remove(&ID);
            assert_eq!(desk.shares.uploads(), []);
            assert!(hangup.is_cancelled());
            assert_eq!(desk.shares.finished().len(), 1, "logged though nobody looks at the share any more");
        } else {
            fs::OpenOptions::new().append(true).open(desk.path()).unwrap().set_len(5).unwrap();
        }
        assert!(body.frame().await.unwrap().is_err());
    }
}

#[tokio::test]
async fn a_tree_that_is_not_ready_says_when_to_come_back() {
    let desk = Desk::new();
    desk.shares.add(ID, Shares::open(&desk.path()).unwrap(), Audience::Everyone);
    let (_, status, body) = desk.ask("eve", Method::GET, &path_of(Resource::Tree), &[]).await;
    let error: WireError = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, error.code), (429, ErrorCode::TooManyRequests));
    assert!(error.details.retry_after_ms.is_some());
}

/// Ten small files and one of three pieces, in folders, some empty.
fn folder(desk: &Desk) -> (std::path::PathBuf, Vec<u8>) {
    let path = desk.temp.path().join("folder");
    let mut whole = Vec::new();
    for n in 0..10u8 {
        fs::create_dir_all(path.join(format!("d{n}"))).unwrap();
        fs::write(path.join(format!("d{n}/empty")), "").unwrap();
        let content = vec![n; 1_000 * usize::from(n)];
        fs::write(path.join(format!("d{n}/file")), &content).unwrap();
        whole.extend(content);
    }
    let big: Vec<u8> = (0u32..600_000).flat_map(u32::to_le_bytes).collect();
    fs::write(path.join("e"), &big).unwrap();
    whole.extend(big);
    (path, whole)
}

#[tokio::test]
async fn a_folder_is_one_stream_and_each_file_by_its_index() {
    let desk = Desk::new();
    let (path, whole) = folder(&desk);
    let hashed = desk.share_path(&path);
    let (headers, status, body) = desk.get(&[]).await;
    assert_eq!((status, body == whole), (200, true));
    let tag = headers["etag"].to_str().unwrap().to_owned();
    for (first, last) in
        [(0, 0), (500, 3_000), (999, 1_000), (5, whole.len() - 1), (44_999, 45_000 + 600_000)]
    {
        let range = format!("bytes={first}-{last}");
        let (headers, status, body) = desk.get(&[("range", &range), ("if-range", &tag)]).await;
        assert_eq!((status, body == whole[first..=last]), (206, true), "{range}");
        assert_eq!(headers["content-range"], *format!("bytes {first}-{last}/{}", whole.len()));
    }
    let (headers, status, body) =
        desk.ask("bob", Method::GET, &path_of(Resource::Entry(7)), &[("range", "bytes=1-")]).await;
    assert_eq!((status, &body[..]), (206, &[3; 2_999][..]));
    assert_eq!(headers["content-range"], "bytes 1-2999/3000");
    assert_eq!(desk.ask("bob", Method::GET, &path_of(Resource::Entry(6)), &[]).await.2, b"");
    assert_eq!(desk.ask("bob", Method::GET, &path_of(Resource::Entry(21)), &[]).await.1, 404);
    assert_eq!(desk.ask("bob", Method::GET, &path_of(Resource::Tree), &[]).await.1, 404);

    let manifest = path_of(Resource::Manifest);
    let (headers, status, bytes) = desk.ask("bob", Method::GET, &manifest, &[]).await;
    assert_eq!(status, 200);
    let read = Hashed::read(crate::Kind::Folder, &bytes[..], whole.len() as u64, &hashed.root());
    assert_eq!(read.unwrap().root(), hashed.root());
    let tag = headers["etag"].to_str().unwrap().to_owned();
    let part = [("range", "bytes=8-20"), ("if-range", tag.as_str())];
    let (headers, status, page) = desk.ask("bob", Method::GET, &manifest, &part).await;
    assert_eq!((status, &page[..]), (206, &bytes[8..=20]));
    assert_eq!(headers["content-range"], *format!("bytes 8-20/{}", bytes.len()));
}

#[tokio::test]
async fn one_changed_file_of_a_folder_stops_only_what_needs_it() {
    let desk = Desk::new();
    let (path, whole) = folder(&desk);
    desk.share_path(&path);
    let mut spoiled = desk.shares.spoiled().unwrap();
    fs::write(path.join("d5/file"), vec![99; 5_000]).unwrap();
    assert_eq!(desk.get(&[("range", "bytes=0-9999")]).await.2, &whole[..10_000]);
    assert!(spoiled.try_recv().is_err());
    let (_, status, _) = desk.get(&[("range", "bytes=10000-10009")]).await;
    assert_eq!(status, 412);
    assert!(
        matches!(spoiled.try_recv(), Ok((Door::Share(ID), crate::ShareError::Changed(p))) if p.ends_with("d5/file"))
    );
    let request = Request::get(content_path()).body(()).unwrap();
    let answer = respond(&desk.shares, &user("bob"), &CancellationToken::new(), request).await;
    assert!(answer.into_body().collect().await.is_err(), "and midway it breaks off");
    assert!(spoiled.try_recv().is_err(), "told once");
}

async fn have(desk: &Desk) -> Have {
    let (_, status, body) = desk.ask("bob", Method::GET, &path_of(Resource::Have), &[]).await;
    assert_eq!(status, 200);
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn what_was_given_is_told() {
    let desk = Desk::new();
    fs::write(desk.path(), vec![7; 4 << 20]).unwrap();
    desk.share();
    assert_eq!(have(&desk).await, Have { complete: true, map: None, given: None });
    desk.get(&[("range", "bytes=0-1048575")]).await;
    let bits = |have: Have| data_encoding::BASE64.decode(have.given.unwrap().as_bytes()).unwrap();
    assert_eq!(bits(have(&desk).await), [0b0001]);
    let request = Request::get(content_path()).header("range", "bytes=2097152-").body(()).unwrap();
    let mut answer = respond(&desk.shares, &user("bob"), &CancellationToken::new(), request).await;
    answer.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(bits(have(&desk).await), [0b1101], "on its way");
    drop(answer);
    assert_eq!(bits(have(&desk).await), [0b0001], "it failed midway");
}

/// Ten bytes, of which the first six are here.
struct Partial(Arc<Layout>, Mutex<bool>);

impl Holding for Partial {
    fn layout(&self) -> &Arc<Layout> {
        &self.0
    }
    fn root(&self) -> Option<Root> {
        Some(Root::from_bytes([0xab; 32]))
    }
    fn map(&self) -> Option<Vec<u8>> {
        Some(vec![0b011])
    }
    fn has(&self, _: u64, end: u64) -> bool {
        end <= 6 && *self.1.lock().unwrap()
    }
    fn read(&self, start: u64, buffer: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(start).unwrap();
        buffer.copy_from_slice(&b"0123456789"[start..start + buffer.len()]);
        Ok(())
    }
    fn tree(&self) -> Option<Bytes> {
        None
    }
    fn manifest(&self) -> Option<Bytes> {
        Some(Bytes::from_static(b"a list"))
    }
}

#[tokio::test]
async fn what_is_held_is_for_whoever_has_a_pass_for_it() {
    let desk = Desk::new();
    let offer = landline_protocol::OfferRef {
        conversation: landline_protocol::ConversationId::lobby(),
        device: DeviceId::from_bytes([4; 32]),
        id: landline_protocol::MessageId::new(landline_protocol::Timestamp::default(), [1; 10]),
    };
    let key = offer.key();
    let held = |resource| Door::Held(key).to(resource).to_string();
    let unknown = desk.ask("bob", Method::GET, &held(Resource::Content), &[]).await;
    assert_eq!(unknown.1, 404);
    desk.shares.hold(offer, Arc::new(Partial(Arc::new(Layout::of([3, 3, 4])), Mutex::new(true))));
    let wrong = Asker { pass: Some(HeldKey::from_bytes([8; 16])), ..user("bob") };
    for asker in [user("bob"), wrong] {
        for resource in [Resource::Content, Resource::Tree, Resource::Manifest, Resource::Have] {
            assert_eq!(desk.ask_as(&asker, Method::GET, &held(resource), &[]).await, unknown);
        }
    }
    let bob = Asker { pass: Some(key), ..user("bob") };
    let get = async |resource, headers: &[(&str, &str)]| {
        desk.ask_as(&bob, Method::GET, &held(resource), headers).await
    };
    let (headers, status, body) = get(Resource::Content, &[("range", "bytes=1-5")]).await;
    assert_eq!((status, &body[..]), (206, &b"12345"[..]));
    assert_eq!(headers["etag"], format!("\"{}\"", "ab".repeat(32)));
    for not_here in [&[("range", "bytes=4-6")][..], &[]] {
        let (headers, status, body) = get(Resource::Content, not_here).await;
        assert_eq!((status, &headers["content-range"]), (416, &HeaderValue::from_static("bytes */10")));
        assert!(serde_json::from_slice::<WireError>(&body).is_ok());
    }
    let (_, _, body) = get(Resource::Have, &[]).await;
    let map = serde_json::from_slice::<Have>(&body).unwrap();
    assert_eq!((map.complete, map.map.as_deref()), (false, Some("Aw==")));
    assert_eq!(get(Resource::Manifest, &[]).await.2, b"a list");
    assert_eq!(get(Resource::Tree, &[]).await.1, 404);
}

#[tokio::test]
async fn others_wait_in_line_and_are_told_how_long_it_is() {
    let desk = Desk::new();
    fs::write(desk.path(), vec![7; 4 << 20]).unwrap();
    desk.share();
    desk.shares.set_slots(1);
    let device = |n| Asker { device: DeviceId::from_bytes([n; 32]), ..user("bob") };
    let request = Request::get(content_path()).body(()).unwrap();
    let first = respond(&desk.shares, &device(1), &CancellationToken::new(), request).await;
    for (n, ahead) in [(2, 1), (3, 2), (2, 1)] {
        let (headers, status, body) = desk.ask_as(&device(n), Method::GET, &content_path(), &[]).await;
        let error: WireError = serde_json::from_slice(&body).unwrap();
        assert_eq!((status, error.code, error.details.ahead), (429, ErrorCode::TooManyRequests, Some(ahead)));
        assert!(error.details.retry_after_ms.is_some() && headers.contains_key("retry-after"));
    }
    for free in [Resource::Have, Resource::Tree] {
        assert_eq!(desk.ask_as(&device(2), Method::GET, &path_of(free), &[]).await.1, 200);
    }
    assert_eq!(desk.ask_as(&device(2), Method::HEAD, &content_path(), &[]).await.1, 200);
    drop(first);
    assert_eq!(desk.ask_as(&device(1), Method::GET, &content_path(), &[]).await.1, 200, "it keeps its slot");
    desk.shares.set_slots(2);
    assert_eq!(desk.ask_as(&device(2), Method::GET, &content_path(), &[]).await.1, 200);
}

#[tokio::test]
async fn what_compresses_is_compressed_for_who_is_slow_and_asks() {
    let desk = Desk::new();
    let text: Vec<u8> = (0u32..600_000).flat_map(|n| (n / 7).to_le_bytes()).collect();
    fs::write(desk.path(), &text).unwrap();
    desk.share();
    let zstd = [("accept-encoding", "gzip, zstd"), ("range", "bytes=1000-2000999")];
    let is_coded = |headers: &HeaderMap| headers.contains_key("content-encoding");
    assert!(!is_coded(&desk.get(&zstd).await.0), "nothing is known about the line");
    let device = user("bob").device;
    desk.shares.speeds().measured(device, 1e6);
    let (headers, status, body) = desk.get(&zstd).await;
    assert_eq!(
        (status, &headers["content-encoding"], &headers["vary"]),
        (206, &HeaderValue::from_static("zstd"), &HeaderValue::from_static("accept-encoding"))
    );
    assert_eq!(headers["content-range"], *format!("bytes 1000-2000999/{}", text.len()));
    assert!(!headers.contains_key("content-length") && body.len() < 1_200_000, "{}", body.len());
    assert!(zstd::stream::decode_all(&body[..]).unwrap() == text[1000..2_001_000]);
    assert!(!is_coded(&desk.get(&[]).await.0), "not asked for");
    let small = [("accept-encoding", "zstd"), ("range", "bytes=0-9999")];
    assert!(!is_coded(&desk.get(&small).await.0), "too little");
    let mut noise = vec![0; 1 << 20];
    blake3::Hasher::new().finalize_xof().fill(&mut noise);
    fs::write(desk.path(), &noise).unwrap();
    desk.share();
    assert!(!is_coded(&desk.get(&[("accept-encoding", "zstd")]).await.0), "it does not compress");
}

#[tokio::test]
async fn withdrawing_reaches_what_a_limit_holds_up() {
    let desk = Desk::new();
    fs::write(desk.path(), vec![7; 1 << 20]).unwrap();
    desk.share();
    desk.shares.rates().set(Some(1), [].into());
    let request = Request::get(content_path()).body(()).unwrap();
    let answer = respond(&desk.shares, &user("bob"), &CancellationToken::new(), request).await;
    let mut body = answer.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), 1_024);
    let waiting = tokio::spawn(async move { body.frame().await.is_some_and(|frame| frame.is_err()) });
    tokio::task::yield_now().await;
    desk.shares.remove(&ID);
    let ended = tokio::time::timeout(std::time::Duration::from_secs(1), waiting).await;
    assert!(ended.unwrap().unwrap());
}

/// Nobody polls a body whose receiver does not read: the connection is closed under it.
#[tokio::test]
async fn withdrawing_ends_a_list_too() {
    let desk = Desk::new();
    desk.share_path(&folder(&desk).0);
    let hangup = CancellationToken::new();
    let request = Request::get(path_of(Resource::Manifest)).body(()).unwrap();
    let mut body = respond(&desk.shares, &user("bob"), &hangup, request).await.into_body();
    assert!(!hangup.is_cancelled());
    desk.shares.remove(&ID);
    assert!(hangup.is_cancelled() && body.frame().await.unwrap().is_err());
}
