//! The server's half of a WebSocket's beginning (RFC 6455, 4.2).

use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode};
use landline_protocol::{ErrorCode, WireError};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::body::{self, Body};
use crate::server_io::ServerIo;
use crate::socket;
use crate::switch::{self, UpgradeError};

/// A WebSocket on an accepted connection.
pub type WsStream = WebSocketStream<ServerIo>;

/// A WebSocket that begins once the response has been sent.
pub struct PendingSocket(OnUpgrade);

/// Judges a request for a WebSocket: the response to send, with the socket that follows, or the
/// response that refuses it.
///
/// Browsers are refused (they send `Origin`): a page must not speak with its visitor's keys.
/// Who asks, and whether they may, the caller has checked before.
#[expect(clippy::result_large_err, reason = "both ways out are responses, made once per connection")]
pub fn upgrade(request: &mut Request<Incoming>) -> Result<(Response<Body>, PendingSocket), Response<Body>> {
    if request.headers().contains_key(header::ORIGIN) {
        return Err(refused(ErrorCode::Forbidden, "Browsers cannot open this connection."));
    }
    let accept = accept_key(request).ok_or_else(not_a_websocket)?;
    let mut response = switch::agreed("websocket");
    response.headers_mut().insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    Ok((response, PendingSocket(hyper::upgrade::on(request))))
}

impl PendingSocket {
    /// Waits for the response to be sent, then speaks WebSocket. To be awaited in a task of its
    /// own: inside the handler it would wait for itself.
    pub async fn accept(self) -> Result<WsStream, UpgradeError> {
        let handed = switch::taken(self.0).await?;
        let (stream, early) = (handed.stream, handed.early.to_vec());
        Ok(WebSocketStream::from_partially_read(stream, early, Role::Server, Some(socket::config())).await)
    }
}

/// The proof that the request was understood, if it is a request for a WebSocket at all.
fn accept_key(request: &Request<Incoming>) -> Option<HeaderValue> {
    let headers = request.headers();
    let asked = switch::is_asked(request, &Method::GET, "websocket")
        && headers.get(header::SEC_WEBSOCKET_VERSION)? == "13";
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| asked)?.as_bytes();
    let nonce = data_encoding::BASE64.decode(key).ok()?;
    if nonce.len() != 16 {
        return None;
    }
    HeaderValue::try_from(derive_accept_key(key)).ok()
}

fn refused(code: ErrorCode, message: &str) -> Response<Body> {
    body::error(&WireError::new(code, message))
}

fn not_a_websocket() -> Response<Body> {
    let mut response =
        refused(ErrorCode::BadRequest, "Only WebSocket (RFC 6455, version 13) is spoken here.");
    *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    response
}
