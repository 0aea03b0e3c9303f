//! A small HTTP/1.1 client: one connection to one device, and coded calls over it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use landline_protocol::{DeviceId, ErrorCode, WireError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::task::AbortOnDropHandle;

use crate::dial::Dialled;
use crate::drained::Drained;
use crate::driver::{DrivenBody, Driver};
use crate::wakes::Wakes;

/// An HTTP connection. One request at a time; dropping it ends the connection, unless somebody keeps
/// it.
pub struct HttpConnection {
    /// Absent only once it was kept.
    line: Option<Line>,
    host: HeaderValue,
    device: DeviceId,
    remote: SocketAddr,
    wakes: Option<Arc<Wakes>>,
    keeper: Option<Keeper>,
}

/// Whoever takes connections that are dropped although they are still good. Must return at once.
pub type Keeper = Box<dyn FnOnce(HttpConnection) + Send + Sync>;

struct Line {
    requests: http1::SendRequest<Full<Bytes>>,
    driver: Arc<Driver>,
    _task: AbortOnDropHandle<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.driver.end();
    }
}

/// An exchange that did not happen.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The connection broke or what came over it was not HTTP.
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    /// It ended before.
    #[error("the connection has ended")]
    Ended,
    /// No answer in time.
    #[error("the other side did not answer in time")]
    Timeout,
    /// The request cannot be written, or the answer cannot be read.
    #[error("the other side cannot be understood: {0}")]
    Garbled(String),
}

/// A call that gave no value.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The other side said no, and why.
    #[error(transparent)]
    Refused(#[from] WireError),
    /// There was no answer.
    #[error(transparent)]
    Http(#[from] HttpError),
}

impl From<hyper::Error> for CallError {
    fn from(error: hyper::Error) -> Self {
        Self::Http(error.into())
    }
}

/// How long a call may take. Signing in may wait its turn for a while.
const CALL: Duration = Duration::from_secs(30);
/// Bytes of a body that are read at once. Up to three times as many wait for whoever takes them: what a
/// killed process had read and not yet written is fetched again.
const READ_BYTES: usize = 64 * 1024;
/// The largest answer to a call, in bytes.
const ANSWER_BYTES: usize = 1024 * 1024;

impl HttpConnection {
    /// Speaks HTTP on a fresh connection.
    pub async fn open(dialled: Dialled) -> Result<Self, HttpError> {
        let Dialled { stream, device, remote, wakes, .. } = dialled;
        let mut connection = Self::over(stream, device, remote).await?;
        connection.wakes = Some(wakes);
        Ok(connection)
    }

    /// Speaks HTTP on any stream whose other end, at `remote`, has proved to be `device`.
    pub async fn over<S>(stream: S, device: DeviceId, remote: SocketAddr) -> Result<Self, hyper::Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (requests, connection) = http1::Builder::new()
            .max_buf_size(READ_BYTES)
            .handshake(TokioIo::new(Drained::new(stream)))
            .await?;
        let driver = Driver::new(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
        let task = tokio::spawn(Arc::clone(&driver).run());
        let line = Line { requests, driver, _task: AbortOnDropHandle::new(task) };
        Ok(Self { line: Some(line), host: host(remote), device, remote, wakes: None, keeper: None })
    }

    /// When it is dropped between two requests, it goes to the keeper and does not end.
    #[must_use]
    pub fn kept_by(mut self, keeper: Keeper) -> Self {
        self.keeper = Some(keeper);
        self
    }

    /// Where the other end is.
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// When the reading of responses is woken, where that can be told: for whoever reads a large body.
    /// Must be as it was, one byte, when the response ends.
    pub fn wakes(&self) -> Option<Arc<Wakes>> {
        self.wakes.clone()
    }

    /// The device on the other end.
    pub fn device(&self) -> DeviceId {
        self.device
    }

    /// Whether it has ended; a new one is needed then.
    pub fn is_closed(&self) -> bool {
        self.line.as_ref().is_none_or(|line| line.requests.is_closed())
    }

    /// Sends a request and waits for the head of the response, for as long as it takes. The body of
    /// the response before must have been read to its end.
    pub async fn send(&mut self, mut request: Request<Full<Bytes>>) -> Result<Response<Incoming>, HttpError> {
        request.headers_mut().entry(header::HOST).or_insert_with(|| self.host.clone());
        let line = self.line.as_mut().ok_or(HttpError::Ended)?;
        line.requests.ready().await?;
        Ok(line.requests.send_request(request).await?)
    }

    /// The body of the last response for somebody who reads much of it: faster, but the connection
    /// stands still whenever nobody reads.
    pub fn driven(&self, body: Incoming) -> DrivenBody {
        DrivenBody::new(body, self.line.as_ref().map(|line| Arc::clone(&line.driver)))
    }
}

impl Drop for HttpConnection {
    fn drop(&mut self) {
        let Some(keeper) = self.keeper.take() else { return };
        // Not in the middle of a response, whose rest nobody would read.
        if let Some(line) = self.line.take_if(|line| line.requests.is_ready()) {
            let (host, device, remote) = (self.host.clone(), self.device, self.remote);
            keeper(Self { line: Some(line), host, device, remote, wakes: self.wakes.take(), keeper: None });
        }
    }
}

/// Sends JSON (or nothing) and reads JSON (or nothing, for `R = ()`), within 30 seconds.
pub async fn call<T: Serialize, R: DeserializeOwned>(
    conn: &mut HttpConnection,
    method: Method,
    path: &str,
    bearer: Option<&str>,
    body: Option<&T>,
) -> Result<R, CallError> {
    let request = request(method, path, bearer, body)?;
    let answer = async {
        let response = conn.send(request).await?;
        let status = response.status();
        let bytes = read(response).await?;
        if status.is_success() { value(&bytes) } else { Err(refusal(status, &bytes).into()) }
    };
    tokio::time::timeout(CALL, answer).await.map_err(|_| HttpError::Timeout)?
}

fn request<T: Serialize>(
    method: Method,
    path: &str,
    bearer: Option<&str>,
    body: Option<&T>,
) -> Result<Request<Full<Bytes>>, HttpError> {
    let garbled = |error: &dyn std::error::Error| HttpError::Garbled(error.to_string());
    let mut builder = Request::builder().method(method).uri(path);
    if let Some(token) = bearer {
        builder = builder.header(header::AUTHORIZATION, authorization(token)?);
    }
    let bytes = match body {
        None => Vec::new(),
        Some(value) => {
            builder = builder.header(header::CONTENT_TYPE, "application/json");
            serde_json::to_vec(value).map_err(|error| garbled(&error))?
        }
    };
    builder.body(Full::from(bytes)).map_err(|error| garbled(&error))
}

/// The header that shows a token, marked so that it is kept out of logs.
pub(crate) fn authorization(token: &str) -> Result<HeaderValue, HttpError> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| HttpError::Garbled("the token cannot stand in a header".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

pub(crate) fn host(remote: SocketAddr) -> HeaderValue {
    HeaderValue::try_from(remote.to_string()).unwrap_or(HeaderValue::from_static("landline"))
}

async fn read(response: Response<Incoming>) -> Result<Bytes, HttpError> {
    let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await;
    Ok(body.map_err(|error| HttpError::Garbled(error.to_string()))?.to_bytes())
}

fn value<R: DeserializeOwned>(bytes: &[u8]) -> Result<R, CallError> {
    let text = if bytes.is_empty() { b"null" } else { bytes };
    serde_json::from_slice(text).map_err(|error| HttpError::Garbled(error.to_string()).into())
}

/// The error in a response, or one that stands for whatever came instead.
pub(crate) fn refusal(status: StatusCode, bytes: &[u8]) -> WireError {
    serde_json::from_slice(bytes).unwrap_or_else(|_| {
        WireError::new(ErrorCode::Unknown, format!("The other side answered {status} and did not say why."))
    })
}

pub(crate) async fn read_refusal(response: Response<Incoming>) -> Result<WireError, HttpError> {
    let status = response.status();
    Ok(refusal(status, &read(response).await?))
}
