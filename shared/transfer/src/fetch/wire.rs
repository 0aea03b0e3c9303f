//! One connection to one source: asks, and reads answers with an eye on the clock.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_RANGE,
    RANGE,
};
use hyper::{Request, Response, StatusCode};
use landline_net::DrivenBody;
use landline_net::client::HttpConnection;
use landline_protocol::peer_routes::{Door, Resource};
use landline_protocol::swarm::PASS_HEADER;
use landline_protocol::{ErrorCode, Have, WireError};
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::calm::Calm;
use super::pace::Pace;
use super::trouble::Trouble;
use super::version::Version;
use super::{Line, Source};
use crate::range::Slice;

/// For an answer to begin, and for more of it to come: a dead line is noticed within this.
const SILENCE: Duration = Duration::from_secs(20);
/// The same once the other side is said to be somewhere else.
const HURRY: Duration = Duration::from_secs(3);
/// Once so much time brought nothing, an answer is no longer woken for rarely.
const DOZE: Duration = Duration::from_millis(500);
/// A line unused for longer may have been closed by the other side; it is dialled anew.
const STALE: Duration = Duration::from_secs(4);
/// The most that is read of a refusal.
const REFUSAL_BYTES: u64 = 64 * 1024;
/// What a compressed answer may be larger than what was asked for: frame and block headers.
const CODING_BYTES: u64 = 64 * 1024;

/// A connection that is kept between requests.
pub(super) struct Wire {
    connection: HttpConnection,
    door: Door,
    line: Line,
    used: Instant,
    version: Arc<Version>,
}

/// The body of an answer.
pub(super) struct Answer {
    body: DrivenBody,
    /// Bytes that may still come.
    left: u64,
    heard: Instant,
    patience: Duration,
    alarm: Pin<Box<Sleep>>,
    /// Present while it may be woken for rarely.
    calm: Option<Calm>,
    /// Whether it is compressed with zstd.
    pub(super) compressed: bool,
}

impl Wire {
    /// Boxed within: the TLS state would make every future around it 16 KiB large.
    pub(super) async fn open(line: &Line, source: &Source, version: Arc<Version>) -> Result<Self, Trouble> {
        let connection = line.connect.connect(source).await?;
        Ok(Self { connection, door: source.door, line: line.clone(), used: Instant::now(), version })
    }

    /// Whether it is better dialled anew.
    pub(super) fn is_stale(&self) -> bool {
        self.connection.is_closed() || self.used.elapsed() > STALE
    }

    /// To be called when an answer was read to its end.
    pub(super) fn done(&mut self) {
        self.used = Instant::now();
    }

    /// The body of exactly this slice of the content, perhaps compressed, over a line of this pace.
    pub(super) async fn content(&mut self, slice: Slice, size: u64, pace: Pace) -> Result<Answer, Trouble> {
        let before = self.version.tag(self.door);
        let answer = self.ask(Resource::Content, Some(slice), before.as_ref()).await?;
        let tag = answer.headers().get(ETAG).cloned();
        // A 200 is held against what this request named: another connection may have noticed just now.
        let is_asked_for = match answer.status() {
            StatusCode::OK => before.is_none() || tag == before,
            StatusCode::PARTIAL_CONTENT => self.version.is_still(self.door, tag),
            _ => true,
        };
        if !is_asked_for {
            self.version.forget();
            let error = WireError::new(ErrorCode::Changed, "It is another version than before.");
            return Err(Trouble::refused(error, self.is_author()));
        }
        let answer = self.partial(answer).await?;
        if header(answer.headers(), CONTENT_RANGE) != Some(slice.to_response(size).as_bytes()) {
            return Err(Trouble::Lied("sent another part of the file than was asked for"));
        }
        let compressed = match header(answer.headers(), CONTENT_ENCODING) {
            None | Some(b"identity") => false,
            Some(b"zstd") => true,
            Some(_) => return Err(Trouble::Lied("sent the file in a coding nobody asked for")),
        };
        let most = if compressed { slice.len() + slice.len() / 128 + CODING_BYTES } else { slice.len() };
        // Nobody knows how much comes of what is compressed.
        let calm = if compressed { None } else { Calm::at(pace, self.connection.wakes()) };
        Ok(Answer { compressed, ..self.read(answer, most) }.calmed(calm))
    }

    /// All of a small resource, at most `most` bytes.
    pub(super) async fn whole(&mut self, what: Resource, most: u64) -> Result<Vec<u8>, Trouble> {
        let answer = self.ask(what, None, None).await?;
        if answer.status() != StatusCode::OK {
            return Err(self.refusal(answer).await);
        }
        let mut all = Vec::new();
        self.read(answer, most).read_into(&mut all).await?;
        self.done();
        Ok(all)
    }

    /// Appends the next `count` bytes of a resource whose length nobody knows yet; tells that length.
    pub(super) async fn more(
        &mut self,
        what: Resource,
        all: &mut Vec<u8>,
        count: u64,
    ) -> Result<u64, Trouble> {
        const WRONG: Trouble = Trouble::Lied("sent another part of the list of files than was asked for");
        let start = all.len() as u64;
        let answer = self.ask(what, Some(Slice { start, end: start + count }), None).await?;
        let answer = self.partial(answer).await?;
        let range = header(answer.headers(), CONTENT_RANGE).and_then(|range| std::str::from_utf8(range).ok());
        let total = range.and_then(|range| range.rsplit_once('/')?.1.parse::<u64>().ok()).ok_or(WRONG)?;
        let slice = Slice { start, end: total.min(start + count) };
        if total <= start || range != Some(slice.to_response(total).as_str()) {
            return Err(WRONG);
        }
        self.read(answer, slice.len()).read_into(all).await?;
        self.done();
        if all.len() as u64 == slice.end {
            Ok(total)
        } else {
            Err(Trouble::broken("it stopped in the middle"))
        }
    }

    /// What there is to fetch here, as an answer of at most `most` bytes.
    pub(super) async fn have(&mut self, most: u64) -> Result<Have, Trouble> {
        let text = self.whole(Resource::Have, most).await?;
        serde_json::from_slice(&text)
            .map_err(|_| Trouble::Lied("told what it has in words nobody understands"))
    }

    fn read(&self, answer: Response<Incoming>, most: u64) -> Answer {
        Answer::of(self.connection.driven(answer.into_body()), most)
    }

    fn is_author(&self) -> bool {
        matches!(self.door, Door::Share(_))
    }

    async fn partial(&mut self, answer: Response<Incoming>) -> Result<Response<Incoming>, Trouble> {
        match answer.status() {
            StatusCode::PARTIAL_CONTENT => Ok(answer),
            StatusCode::OK => Err(Trouble::Lied("sent everything where a part was asked for")),
            _ => Err(self.refusal(answer).await),
        }
    }

    /// Asks for a resource or a slice of it; for a slice, if the version is still this one.
    async fn ask(
        &mut self,
        what: Resource,
        slice: Option<Slice>,
        version: Option<&HeaderValue>,
    ) -> Result<Response<Incoming>, Trouble> {
        let request = self.request(what, slice, version)?;
        match timeout(SILENCE, self.connection.send(request)).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(silent(SILENCE)),
        }
    }

    fn request(
        &self,
        what: Resource,
        slice: Option<Slice>,
        version: Option<&HeaderValue>,
    ) -> Result<Request<Full<Bytes>>, Trouble> {
        let secret = |text: String| {
            let value = HeaderValue::try_from(text).map_err(|_| Trouble::broken("no valid credential"));
            value.map(|mut value| {
                value.set_sensitive(true);
                value
            })
        };
        let bearer = secret(format!("Bearer {}", &**self.line.credential.borrow()))?;
        let mut request = Request::get(self.door.to(what).to_string()).header(AUTHORIZATION, bearer);
        if let Door::Held(_) = self.door {
            request = request.header(PASS_HEADER, secret(self.line.pass.borrow().to_string())?);
        }
        if let Some(slice) = slice {
            request = request.header(RANGE, slice.to_request());
        }
        if what == Resource::Content {
            request = request.header(ACCEPT_ENCODING, "zstd");
        }
        if let Some(version) = version {
            request = request.header(IF_RANGE, version);
        }
        request.body(Full::default()).map_err(Trouble::broken)
    }

    /// What an answer says that is not the one hoped for.
    async fn refusal(&mut self, answer: Response<Incoming>) -> Trouble {
        let status = answer.status();
        let mut text = Vec::new();
        if let Err(error) = self.read(answer, REFUSAL_BYTES).read_into(&mut text).await {
            return error;
        }
        self.done();
        match serde_json::from_slice::<WireError>(&text) {
            Ok(error) => Trouble::refused(error, self.is_author()),
            Err(_) => {
                Trouble::Passing(format!("The device answered with status {status} and did not say why."))
            }
        }
    }
}

impl Answer {
    fn of(body: DrivenBody, most: u64) -> Self {
        Self {
            body,
            left: most,
            heard: Instant::now(),
            patience: SILENCE,
            alarm: Box::pin(sleep(SILENCE)),
            calm: None,
            compressed: false,
        }
    }

    /// The next bytes; `None` at the end. The alarm is set anew only when it goes off, not at each
    /// frame.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Trouble> {
        loop {
            let frame = tokio::select! {
                biased;
                frame = self.body.frame() => frame,
                () = self.alarm.as_mut() => {
                    if self.heard.elapsed() >= self.patience {
                        return Err(silent(self.patience));
                    }
                    if self.heard.elapsed() >= DOZE {
                        self.calm = None; // it comes more slowly than it was: whatever comes is worth a wake
                    }
                    self.set_alarm();
                    continue;
                }
            };
            let Some(frame) = frame else { return Ok(None) };
            self.heard = Instant::now();
            if let Ok(data) = frame.map_err(Trouble::broken)?.into_data() {
                let left = self.left.checked_sub(data.len() as u64);
                self.left = left.ok_or(Trouble::Lied("sent more than was asked for"))?;
                if let Some(calm) = &self.calm {
                    calm.left(self.left);
                }
                return Ok(Some(data));
            }
        }
    }

    /// Time that this machine let pass by itself (a limit on the rate) is no silence.
    pub(super) fn waited(&mut self) {
        self.heard = Instant::now();
    }

    /// The other side is somewhere else now: this line is dead, unless it shows otherwise soon.
    pub(super) fn hurry(&mut self) {
        self.patience = HURRY;
        self.calm = None;
        self.set_alarm();
    }

    fn calmed(mut self, calm: Option<Calm>) -> Self {
        self.calm = calm;
        self.set_alarm();
        self
    }

    fn set_alarm(&mut self) {
        let due = if self.calm.is_some() { DOZE } else { self.patience };
        self.alarm.as_mut().reset(self.heard + due);
    }

    async fn read_into(mut self, all: &mut Vec<u8>) -> Result<(), Trouble> {
        while let Some(data) = self.next().await? {
            all.extend_from_slice(&data);
        }
        Ok(())
    }
}

fn header(headers: &HeaderMap, name: hyper::header::HeaderName) -> Option<&[u8]> {
    headers.get(name).map(HeaderValue::as_bytes)
}

fn silent(time: Duration) -> Trouble {
    Trouble::broken(format!("nothing came for {} seconds", time.as_secs()))
}
