//! An honest answer taken apart, so that it can be written badly; and how bytes are written to a line.

use std::io;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::Response;
use landline_net::Body;
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::sleep;

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// One thing done to a line.
#[derive(Debug)]
pub(super) enum Step {
    Send(Vec<u8>),
    /// So many bytes at a time, with a pause after each.
    Slowly(Vec<u8>, usize, Duration),
    /// The same again and again, for as long as somebody listens.
    Forever(Vec<u8>),
    /// Nothing more, and no end either.
    Silence,
    Close,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Open,
    Ended,
}

impl Answer {
    /// Reads a response to its end.
    pub(super) async fn of(response: Response<Body>) -> io::Result<Self> {
        let status = response.status().as_u16();
        let is_ours = |name: &str| name != "content-length";
        let headers = response.headers().iter().filter(|(name, _)| is_ours(name.as_str()));
        let text =
            |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = headers.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        let body = response.into_body().collect().await?.to_bytes().to_vec();
        let mut answer = Self { status, headers, body };
        answer.measure();
        Ok(answer)
    }

    /// An answer of this machine's own making.
    pub(super) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let mut answer = Self { status, headers: Vec::new(), body: body.into() };
        answer.measure();
        answer
    }

    /// Says how long the body is.
    pub(super) fn measure(&mut self) {
        self.set("content-length", &self.body.len().to_string());
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.headers.retain(|(there, _)| there != name);
    }

    pub(super) fn head(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Said\r\n", self.status);
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// All of it as it goes over the line.
    pub(super) fn raw(&self) -> Vec<u8> {
        let mut raw = self.head();
        raw.extend_from_slice(&self.body);
        raw
    }

    /// The head for a body in chunks (RFC 9112, 7.1).
    pub(super) fn chunked_head(&self) -> Vec<u8> {
        let mut answer = Self { body: Vec::new(), ..self.clone() };
        answer.remove("content-length");
        answer.set("transfer-encoding", "chunked");
        answer.head()
    }
}

impl Step {
    /// Bytes after which the line is open still.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Send(bytes) | Self::Slowly(bytes, ..) => bytes.len() as u64,
            Self::Forever(_) | Self::Silence | Self::Close => 0,
        }
    }
}

/// One chunk of a body.
pub(super) fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// Does it all. The other side hanging up is an end like any other.
pub(super) async fn play<S>(stream: &mut S, steps: Vec<Step>) -> Line
where
    S: AsyncWrite + tokio::io::AsyncRead + Unpin,
{
    for step in steps {
        let done = match step {
            Step::Send(bytes) => send(stream, &bytes).await,
            Step::Slowly(bytes, at_a_time, pause) => slowly(stream, &bytes, at_a_time.max(1), pause).await,
            Step::Forever(bytes) => forever(stream, &bytes).await,
            Step::Silence => {
                // Lasts until the other side is gone.
                while !matches!(stream.read(&mut [0; 256]).await, Ok(0) | Err(_)) {}
                return Line::Ended;
            }
            Step::Close => return Line::Ended,
        };
        if done.is_err() {
            return Line::Ended;
        }
    }
    Line::Open
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

async fn slowly<S: AsyncWrite + Unpin>(
    stream: &mut S,
    bytes: &[u8],
    at_a_time: usize,
    pause: Duration,
) -> io::Result<()> {
    for some in bytes.chunks(at_a_time) {
        send(stream, some).await?;
        sleep(pause).await;
    }
    Ok(())
}

async fn forever<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> io::Result<()> {
    loop {
        send(stream, bytes).await?;
        // Others want to get on too.
        tokio::task::yield_now().await;
    }
}
