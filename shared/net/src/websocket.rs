//! The client's half of a WebSocket's beginning (RFC 6455, 4.1).

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_util::task::AbortOnDropHandle;

use crate::client::{CallError, HttpError, authorization, host, read_refusal};
use crate::dial::{ClientTls, Dialled};
use crate::socket;

/// A WebSocket on a dialled connection.
pub type WsClientStream = WebSocketStream<ClientTls>;

/// How long the other side has to agree.
const PATIENCE: Duration = Duration::from_secs(15);

/// Asks for a WebSocket at `path`, showing a token.
pub async fn websocket(dialled: Dialled, path: &str, bearer: &str) -> Result<WsClientStream, CallError> {
    tokio::time::timeout(PATIENCE, open(dialled, path, bearer)).await.map_err(|_| HttpError::Timeout)?
}

async fn open(dialled: Dialled, path: &str, bearer: &str) -> Result<WsClientStream, CallError> {
    let key = generate_key();
    let request = request(path, bearer, &key, host(&dialled))?;
    let (mut requests, connection) = http1::handshake(TokioIo::new(dialled.stream)).await?;
    let task = AbortOnDropHandle::new(tokio::spawn(connection.with_upgrades()));
    let response = requests.send_request(request).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(read_refusal(response).await?.into());
    }
    check(&response, &key)?;
    let upgraded = hyper::upgrade::on(response).await?;
    drop(task);
    let parts = upgraded
        .downcast::<TokioIo<ClientTls>>()
        .map_err(|_| HttpError::Garbled("the connection changed hands".to_owned()))?;
    let (stream, early) = (parts.io.into_inner(), parts.read_buf.to_vec());
    Ok(WebSocketStream::from_partially_read(stream, early, Role::Client, Some(socket::config())).await)
}

fn request(
    path: &str,
    bearer: &str,
    key: &str,
    host: HeaderValue,
) -> Result<Request<Empty<Bytes>>, HttpError> {
    Request::builder()
        .uri(path)
        .header(header::HOST, host)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, key)
        .header(header::AUTHORIZATION, authorization(bearer)?)
        .body(Empty::new())
        .map_err(|error| HttpError::Garbled(error.to_string()))
}

fn check(response: &Response<Incoming>, key: &str) -> Result<(), HttpError> {
    let wanted = derive_accept_key(key.as_bytes());
    match response.headers().get(header::SEC_WEBSOCKET_ACCEPT) {
        Some(accept) if accept.as_bytes() == wanted.as_bytes() => Ok(()),
        _ => Err(HttpError::Garbled("it did not agree to a WebSocket".to_owned())),
    }
}
