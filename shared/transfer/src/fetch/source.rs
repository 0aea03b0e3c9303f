//! One line to the sender: dials with the pinned key, asks, and reads answers with a deadline.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_RANGE, HeaderValue, RANGE};
use hyper::{Request, Response, StatusCode};
use landline_net::client::HttpConnection;
use landline_net::dial::{DialError, dial};
use landline_protocol::peer_routes::ShareRoute;
use landline_protocol::{DeviceId, ErrorCode, WireError};
use landline_trust::device::DeviceKey;
use landline_trust::tls::Expect;
use tokio::sync::watch;
use tokio::time::timeout;

use super::FetchError;
use crate::range::Slice;

/// For reaching the sender at any of its addresses.
const DIAL: Duration = Duration::from_secs(10);
/// For an answer to begin, and for more of it to come: a dead line is noticed within this.
const SILENCE: Duration = Duration::from_secs(20);
/// From when on an answer must have come at [`SLOWEST`] or faster.
const PATIENCE: Duration = Duration::from_mins(1);
/// The slowest sender worth waiting for, in bytes a second.
const SLOWEST: u64 = 8 * 1024;
/// A line unused for longer may have been closed by the other side; it is dialled anew.
const STALE: Duration = Duration::from_secs(4);
/// The most that is read of a refusal.
const REFUSAL_BYTES: usize = 64 * 1024;

/// Who to dial and how to prove who asks.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) key: Arc<DeviceKey>,
    pub(super) device: DeviceId,
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) credential: watch::Receiver<Arc<str>>,
}

/// A connection that is kept between requests.
pub(super) struct Source {
    line: Line,
    connection: HttpConnection,
    used: Instant,
}

impl Source {
    pub(super) async fn connect(line: Line) -> Result<Self, FetchError> {
        let connection = line.open().await?;
        Ok(Self { line, connection, used: Instant::now() })
    }

    /// All of a small resource, at most `most` bytes.
    pub(super) async fn whole(&mut self, route: ShareRoute, most: u64) -> Result<Vec<u8>, FetchError> {
        let answer = self.ask(route, None).await?;
        if answer.status() != StatusCode::OK {
            return Err(refusal(answer).await);
        }
        let (mut all, mut body) = (Vec::new(), Answer::of(answer.into_body()));
        while let Some(data) = body.next().await? {
            if (all.len() + data.len()) as u64 > most {
                return Err(FetchError::Corrupt);
            }
            all.extend_from_slice(&data);
        }
        self.used = Instant::now();
        Ok(all)
    }

    /// The body of exactly this slice of a file.
    pub(super) async fn slice(
        &mut self,
        route: ShareRoute,
        slice: Slice,
        size: u64,
    ) -> Result<Answer, FetchError> {
        let answer = self.ask(route, Some(slice)).await?;
        if answer.status() != StatusCode::PARTIAL_CONTENT {
            return Err(refusal(answer).await);
        }
        let range = answer.headers().get(CONTENT_RANGE).map(HeaderValue::as_bytes);
        if range == Some(slice.to_response(size).as_bytes()) {
            Ok(Answer::of(answer.into_body()))
        } else {
            Err(unexpected("it sent another part of the file than was asked for"))
        }
    }

    /// To be called when an answer was read to its end.
    pub(super) fn done(&mut self) {
        self.used = Instant::now();
    }

    async fn ask(
        &mut self,
        route: ShareRoute,
        slice: Option<Slice>,
    ) -> Result<Response<Incoming>, FetchError> {
        if self.used.elapsed() > STALE {
            self.connection = self.line.open().await?;
        }
        let request = self.line.request(route, slice)?;
        match timeout(SILENCE, self.connection.send(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(FetchError::Interrupted(error.to_string())),
            Err(_) => Err(silent()),
        }
    }
}

impl Line {
    /// Boxed: the TLS state would make every future around it 16 KiB large.
    async fn open(&self) -> Result<HttpConnection, FetchError> {
        Box::pin(self.dial()).await
    }

    async fn dial(&self) -> Result<HttpConnection, FetchError> {
        let expect = Expect::Pinned(self.device);
        let dialled = dial(&self.addresses, &self.key, expect, DIAL).await;
        let dialled = dialled.map_err(|error| match error {
            DialError::KeyChanged(mismatch) => FetchError::KeyChanged(mismatch),
            other => FetchError::Unreachable(other.to_string()),
        })?;
        let opened = HttpConnection::open(dialled).await;
        opened.map_err(|error| FetchError::Unreachable(error.to_string()))
    }

    fn request(&self, route: ShareRoute, slice: Option<Slice>) -> Result<Request<Full<Bytes>>, FetchError> {
        let bearer = format!("Bearer {}", &**self.credential.borrow());
        let mut request = Request::get(route.path()).header(AUTHORIZATION, bearer);
        if let Some(slice) = slice {
            request = request.header(RANGE, slice.to_request());
        }
        let built = request.body(Full::default());
        built.map_err(|_| unexpected("the credential for it cannot be sent"))
    }
}

/// The body of an answer, read with an eye on the clock.
pub(super) struct Answer {
    body: Incoming,
    began: Instant,
    bytes: u64,
}

impl Answer {
    fn of(body: Incoming) -> Self {
        Self { body, began: Instant::now(), bytes: 0 }
    }

    /// The next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, FetchError> {
        loop {
            match timeout(SILENCE, self.body.frame()).await {
                Ok(None) => return Ok(None),
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.bytes += data.len() as u64;
                        return if self.drips() { Err(slow()) } else { Ok(Some(data)) };
                    }
                }
                Ok(Some(Err(error))) => return Err(FetchError::Interrupted(error.to_string())),
                Err(_) => return Err(silent()),
            }
        }
    }

    /// Whether it keeps the line alive without sending anything to speak of.
    fn drips(&self) -> bool {
        let elapsed = self.began.elapsed();
        elapsed > PATIENCE && self.bytes < elapsed.as_secs() * SLOWEST
    }
}

/// What an answer says that is not the one hoped for.
async fn refusal(answer: Response<Incoming>) -> FetchError {
    let status = answer.status();
    let (mut text, mut body) = (Vec::new(), Answer::of(answer.into_body()));
    while text.len() < REFUSAL_BYTES {
        match body.next().await {
            Ok(Some(data)) => text.extend_from_slice(&data),
            Ok(None) => break,
            Err(error) => return error,
        }
    }
    match serde_json::from_slice::<WireError>(&text) {
        Ok(error) => FetchError::refused(error),
        Err(_) => unexpected(&format!("it answered with status {status}")),
    }
}

fn unexpected(what: &str) -> FetchError {
    FetchError::Refused(WireError::new(ErrorCode::Unknown, what))
}

fn silent() -> FetchError {
    FetchError::Interrupted(format!("nothing came for {} seconds", SILENCE.as_secs()))
}

fn slow() -> FetchError {
    FetchError::Interrupted("it sends too slowly to ever finish".into())
}
