//! The client's half of a WebSocket's beginning (RFC 6455, 4.1).

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::Request;
use hyper::header::{self, HeaderMap};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::client::{CallError, HttpError, authorization};
use crate::dial::{ClientTls, Dialled};
use crate::{socket, switch};

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
    let (head, handed) = switch::ask(dialled, "websocket", request(path, bearer, &key)?).await?;
    check(&head.headers, &key)?;
    let (stream, early) = (handed.stream, handed.early.to_vec());
    Ok(WebSocketStream::from_partially_read(stream, early, Role::Client, Some(socket::config())).await)
}

fn request(path: &str, bearer: &str, key: &str) -> Result<Request<Empty<Bytes>>, HttpError> {
    Request::builder()
        .uri(path)
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, key)
        .header(header::AUTHORIZATION, authorization(bearer)?)
        .body(Empty::new())
        .map_err(|error| HttpError::Garbled(error.to_string()))
}

fn check(headers: &HeaderMap, key: &str) -> Result<(), HttpError> {
    let wanted = derive_accept_key(key.as_bytes());
    match headers.get(header::SEC_WEBSOCKET_ACCEPT) {
        Some(accept) if accept.as_bytes() == wanted.as_bytes() => Ok(()),
        _ => Err(HttpError::Garbled("it did not agree to a WebSocket".to_owned())),
    }
}
