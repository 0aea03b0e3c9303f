//! Whoever asks badly: requests that are too long, too many, for what is not there, or no requests at
//! all, to the honest source while others fetch from it. It gives out nothing but what it shares, says no
//! to the rest in order, and goes on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use landline_net::dial::dial;
use landline_protocol::DeviceId;
use landline_protocol::peer_routes::{Door, Resource};
use landline_trust::device::DeviceKey;
use landline_trust::tls::Expect;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::offers::Offered;
use crate::campaign::{Failure, Kind};
use crate::random::Random;

/// For all of one exchange.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two.
const PAUSE: Duration = Duration::from_millis(20);
/// Of an answer, so much is looked at.
const LOOK: usize = 256 * 1024;
/// What separates a head from a body (RFC 9112, 2.1).
const BLANK: &[u8] = b"\r\n\r\n";
/// What an orderly refusal may be.
const REFUSALS: [u16; 11] = [400, 401, 404, 405, 408, 412, 413, 414, 416, 429, 431];

/// Somebody who asks badly.
pub(super) struct Asker {
    key: Arc<DeviceKey>,
    whom: (DeviceId, SocketAddr),
    /// A file, and what is in it.
    offered: Offered,
    bytes: Vec<u8>,
    random: Random,
    /// Exchanges so far.
    pub(super) asked: u64,
    pub(super) failures: Vec<Failure>,
}

/// What is sent: the bytes, and whether it is asked in order, so that the answer must be right.
struct Question {
    what: &'static str,
    bytes: Vec<u8>,
    /// The most that an honest answer may be about.
    is_for_us: bool,
}

impl Asker {
    pub(super) fn new(whom: (DeviceId, SocketAddr), offered: Offered, random: Random) -> Result<Self> {
        let key = Arc::new(DeviceKey::generate()?);
        let bytes = offered.bytes()?;
        Ok(Self { key, whom, offered, bytes, random, asked: 0, failures: Vec::new() })
    }

    /// Asks until somebody says that it is enough.
    pub(super) async fn pester(mut self, enough: tokio_util::sync::CancellationToken) -> Self {
        while !enough.is_cancelled() {
            let question = self.question();
            let what = question.what;
            match timeout(PATIENCE, self.ask(question)).await {
                Ok(Ok(None)) => {}
                Ok(Ok(Some(fault))) => self.fail(what, &fault),
                Ok(Err(error)) => self.fail(what, &format!("{error:#}")),
                Err(_) => self.fail(what, "there was neither an answer nor an end"),
            }
            self.asked += 1;
            sleep(PAUSE).await;
        }
        self
    }

    fn fail(&mut self, what: &str, why: &str) {
        self.failures.push(Kind::Asker.failure(format!("{what} of {:?}: {why}", self.offered.what)));
    }

    /// Sends it, and judges what comes back first.
    async fn ask(&mut self, question: Question) -> Result<Option<String>> {
        if question.what == "no TLS" {
            let mut line = TcpStream::connect(self.whom.1).await?;
            let _ = line.write_all(&question.bytes).await;
            let mut answer = Vec::new();
            let _ = line.read_to_end(&mut answer).await;
            // An alert, at most.
            return Ok((answer.len() > 64).then(|| "something was said in the clear".to_owned()));
        }
        let (device, address) = self.whom;
        let dialled = dial(&[address], &self.key, Expect::Pinned(device), PATIENCE).await?;
        let mut stream = dialled.stream;
        // It may have been refused before all of it was sent.
        let _ = stream.write_all(&question.bytes).await;
        let _ = stream.flush().await;
        let mut answer = Vec::new();
        while answer.len() < LOOK && !is_whole(&answer) {
            if !matches!(stream.read_buf(&mut answer).await, Ok(1..)) {
                break;
            }
        }
        Ok(self.judge(&question, &answer))
    }

    /// What is wrong with an answer, if anything.
    fn judge(&self, question: &Question, answer: &[u8]) -> Option<String> {
        if answer.is_empty() {
            return None; // hung up on
        }
        let Some(end) = position(answer, BLANK) else {
            return Some(format!("{} bytes came, and no complete head", answer.len()));
        };
        let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
        let body = &answer[end + BLANK.len()..];
        let Some(len) = content_length(&head) else {
            return Some(format!("no length, or a bad one, in: {head}"));
        };
        let status: u16 = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        match status {
            200 | 206 if question.is_for_us => {
                let Some(start) = start_of(status, &head) else {
                    return Some(format!("no range, or a bad one, in: {head}"));
                };
                let body = &body[..body.len().min(len)];
                let right = self.bytes.get(start..start + body.len());
                (right != Some(body)).then(|| format!("bytes from {start} that are not the file's"))
            }
            status if REFUSALS.contains(&status) && body.len() < 64 * 1024 => None,
            _ => Some(format!("it said: {}", head.lines().next().unwrap_or_default())),
        }
    }

    fn question(&mut self) -> Question {
        let content = Door::Share(self.offered.share).to(Resource::Content).to_string();
        let random = &mut self.random;
        let get = |path: &str, more: &str| {
            format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer eve\r\n{more}\r\n").into_bytes()
        };
        let question = |what, bytes, is_for_us| Question { what, bytes, is_for_us };
        match random.below(15) {
            0 => question("many ranges", get(&content, &many_ranges(random)), true),
            1 | 2 => question("an odd range", get(&content, &odd_range(random)), true),
            3 => {
                let twice = "range: bytes=0-9\r\nrange: bytes=5-6\r\n";
                question("two Range headers", get(&content, twice), true)
            }
            4 | 5 => question("a bad path", get(&bad_path(&content, random), ""), false),
            6 => {
                let count = 2 + random.below(60);
                question("pipelining", get(&content, "range: bytes=0-99999\r\n").repeat(count), true)
            }
            7 => {
                let count = 50 + random.below(500);
                let headers: Vec<_> = (0..count).map(|number| format!("x-{number}: y\r\n")).collect();
                question("many headers", get(&content, &headers.concat()), true)
            }
            8 => {
                let len = 1 << random.between(10, 21);
                question("a gigantic header", get(&content, &format!("x: {}\r\n", "y".repeat(len))), true)
            }
            9 => question("another method", other_method(&content, random), false),
            10 => {
                let mut bytes = get(&content, "range: bytes=0-9\r\n");
                bytes.truncate(random.below(bytes.len()));
                // What is never ended is waited for, for ten seconds: this ends it.
                bytes.extend_from_slice(b"\0\r\n\r\n");
                question("half a request", bytes, true)
            }
            11 => {
                let mut bytes = vec![0; 1 + random.below(8192)];
                random.fill(&mut bytes);
                bytes.extend_from_slice(b"\r\n\r\n");
                question("noise", bytes, false)
            }
            12 => question("no TLS", get(&content, ""), false),
            13 => {
                let bodies = [
                    "content-length: 5\r\ntransfer-encoding: chunked\r\n",
                    "content-length: 18446744073709551615\r\n",
                    "content-length: 4\r\ncontent-length: 5\r\n",
                    "transfer-encoding: gzip\r\n",
                ];
                question("a body", get(&content, bodies[random.below(bodies.len())]), true)
            }
            _ => {
                let upgrade = "connection: upgrade\r\nupgrade: landline-dial-back\r\nlandline-nonce: x\r\n";
                question("an upgrade", get("/v1/dial-back", upgrade), false)
            }
        }
    }
}

fn many_ranges(random: &mut Random) -> String {
    let count = usize::try_from(random.log_uniform(2, 8_000)).unwrap_or(2);
    let ranges: Vec<_> = (0..count).map(|number| format!("{number}-{}", number + 1)).collect();
    format!("range: bytes={}\r\n", ranges.join(","))
}

fn odd_range(random: &mut Random) -> String {
    let odd = [
        "bytes=-0",
        "bytes=-1",
        "bytes=0-18446744073709551615",
        "bytes=18446744073709551615-",
        "bytes=5-2",
        "bytes=99999999999999999999999-",
        "bytes=--1",
        "bytes=0x0-0x10",
        "lines=0-1",
        "bytes=0-0,",
        "bytes=",
        "bytes = 0-5",
        "bytes=+1-+2",
        "bytes=0-5\r\nif-range: \"x\"",
        "bytes=0-5\r\nif-range: Fri, 01 Jan 2027",
        "bytes=0-1048576",
        "bytes=1-",
        "\u{e9}",
    ];
    format!("range: {}\r\n", odd[random.below(odd.len())])
}

fn bad_path(content: &str, random: &mut Random) -> String {
    let share = content.trim_end_matches("/content");
    let paths = [
        format!("{share}/../../../etc/passwd"),
        format!("{share}/%2e%2e/%2e%2e/etc/passwd"),
        format!("{share}/{}", "x".repeat(random.below(60_000))),
        format!("{share}/0/etc/passwd"),
        format!("{share}/4294967296"),
        format!("{share}/1"),
        format!("{share}//content"),
        format!("{share}/content%00"),
        format!("{share}/manifest"),
        "/v1/shares/ffffffffffffffffffffffffffffffff/content".to_owned(),
        "/v1/held/ffffffffffffffffffffffffffffffff/content".to_owned(),
        "/".to_owned(),
        "*".to_owned(),
        "http://example.org/".to_owned(),
        "/etc/passwd".to_owned(),
    ];
    paths[random.below(paths.len())].clone()
}

fn other_method(content: &str, random: &mut Random) -> Vec<u8> {
    let methods = ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", "FETCH", "CONNECT"];
    let method = methods[random.below(methods.len())];
    let head = "host: x\r\nauthorization: Bearer eve\r\ncontent-length: 5\r\n";
    format!("{method} {content} HTTP/1.1\r\n{head}\r\nhello").into_bytes()
}

/// Whether an answer has come to its end; one without a length is looked at no further.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = position(answer, BLANK) else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    answer.len() - end - BLANK.len() >= content_length(&head).unwrap_or(0)
}

fn content_length(head: &str) -> Option<usize> {
    header(head, "content-length")?.parse().ok()
}

/// Where in the file a body begins: that of a part says it, and all of it says no other.
fn start_of(status: u16, head: &str) -> Option<usize> {
    match header(head, "content-range") {
        Some(range) => range.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok(),
        None => (status == 200).then_some(0),
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .find_map(|line| line.split_once(": ").filter(|(there, _)| *there == name))
        .map(|(_, value)| value)
}

fn position(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_body_begins_is_said_or_it_is_a_fault() {
        let part = "http/1.1 206 x\r\ncontent-length: 5\r\ncontent-range: bytes 7-11/20";
        assert_eq!((start_of(206, part), content_length(part)), (Some(7), Some(5)));
        assert_eq!(start_of(206, "http/1.1 206 x"), None);
        assert_eq!(start_of(200, "http/1.1 200 x"), Some(0));
        for bad in ["bytes", "bytes x-11/20", "pieces 7-11/20", "bytes 7"] {
            assert_eq!(start_of(206, &format!("http/1.1 206 x\r\ncontent-range: {bad}")), None, "{bad}");
        }
        assert_eq!(content_length("http/1.1 200 x\r\ncontent-length: five"), None);
    }
}
