//! What each request is answered with, without a network.

use std::fs;
use std::path::Path;

use landline_protocol::{DeviceId, ShareId};

use super::*;
use crate::Audience;

const ID: ShareId = ShareId::from_bytes([5; 16]);

fn user(name: &str) -> Asker {
    Asker { user: name.parse().unwrap(), device: DeviceId::from_bytes([1; 32]) }
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
        let shares = Shares::new();
        let desk = Self { temp, shares };
        desk.share();
        desk
    }

    fn share(&self) {
        let file = Shares::open(&self.path()).unwrap();
        let tree = file.hash(&mut |_| std::ops::ControlFlow::Continue(())).unwrap();
        self.shares.add(ID, file, Audience::Users(vec!["Bob".parse().unwrap()]));
        self.shares.set_tree(&ID, &tree);
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
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = respond(&self.shares, &user(asker), request.body(()).unwrap()).await;
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        (head.headers, head.status.as_u16(), bytes)
    }

    async fn get(&self, headers: &[(&str, &str)]) -> (HeaderMap, u16, Vec<u8>) {
        self.ask("bob", Method::GET, &content_path(), headers).await
    }
}

fn content_path() -> String {
    ShareRoute::Content { share: ID, entry: 0 }.path()
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
    let nothing = ShareRoute::Content { share: ShareId::from_bytes([9; 16]), entry: 0 }.path();
    let unknown = desk.ask("eve", Method::GET, &nothing, &[]).await;
    assert_eq!(unknown.1, 404);
    let path = content_path();
    for denied in [path.clone(), format!("{path}/tree"), path.replace("/0", "/1"), format!("{path}/../0")] {
        assert_eq!(
            desk.ask("eve", Method::GET, &denied, &[("range", "bytes=99-")]).await,
            unknown,
            "{denied}"
        );
    }
    assert_eq!(desk.ask("BOB", Method::GET, &path, &[]).await.1, 200, "names are compared folded");
    assert_eq!(desk.ask("bob", Method::GET, &format!("{path}/tree"), &[]).await.2.len(), 32);
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
        format!("{path}/tree/"),
        format!("{path}/tree/0"),
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
        let mut body = respond(&desk.shares, &user("bob"), request).await.into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), 512 * 1024);
        let upload = desk.shares.uploads().remove(0);
        assert_eq!((upload.active, upload.bytes_sent, upload.size), (true, 512 * 1024, 3 * 1024 * 1024));
        if withdraw {
            desk.shares.remove(&ID);
            assert_eq!(desk.shares.uploads(), []);
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
    let (_, status, body) = desk.ask("eve", Method::GET, &format!("{}/tree", content_path()), &[]).await;
    let error: WireError = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, error.code), (429, ErrorCode::TooManyRequests));
    assert!(error.details.retry_after_ms.is_some());
}
