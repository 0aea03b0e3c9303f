//! Connections on which the roles change: whoever dialled serves, whoever accepted asks. That is how
//! a machine that nobody can dial gets files, and gives them.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::header;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response};
use landline_protocol::peer_routes::{DIAL_BACK, DIAL_BACK_PROTOCOL, NONCE_HEADER};
use landline_protocol::{DeviceId, DialNonce, ErrorCode, WireError};
use tokio::time::timeout;

use crate::body::{self, Body};
use crate::client::{CallError, HttpConnection, HttpError};
use crate::dial::{ClientTls, Dialled};
use crate::switch::{self, Handed, UpgradeError};

/// A dialled connection to serve on: see [`crate::serve_one`].
pub type Reversed = Handed<ClientTls>;

/// A connection to ask on, once the response has been sent.
pub struct PendingClient(OnUpgrade);

/// How long either side may take to change over.
const PATIENCE: Duration = Duration::from_secs(10);

/// On a fresh connection: shows the nonce, and offers to serve. Within ten seconds.
pub async fn offer(dialled: Dialled, nonce: &DialNonce) -> Result<Reversed, CallError> {
    let request = Request::post(DIAL_BACK)
        .header(NONCE_HEADER, nonce.to_string())
        .body(Empty::<Bytes>::new())
        .map_err(|error| HttpError::Garbled(error.to_string()))?;
    let asked = timeout(PATIENCE, switch::ask(dialled, DIAL_BACK_PROTOCOL, request)).await;
    let (_, handed) = asked.map_err(|_| HttpError::Timeout)??;
    Ok(handed)
}

/// The nonce that a request to `POST /v1/dial-back` shows; the response that refuses it if it is none
/// or no such request.
#[expect(clippy::result_large_err, reason = "a response, made once per connection")]
pub fn shown(request: &Request<Incoming>) -> Result<DialNonce, Response<Body>> {
    let bad = |why| body::error(&WireError::new(ErrorCode::BadRequest, why));
    if request.headers().contains_key(header::ORIGIN) {
        let text = "Browsers cannot open this connection.";
        return Err(body::error(&WireError::new(ErrorCode::Forbidden, text)));
    }
    if !switch::is_asked(request, &Method::POST, DIAL_BACK_PROTOCOL) {
        return Err(bad("Only a connection that changes its direction begins here."));
    }
    let nonce = request.headers().get(NONCE_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
    nonce.ok_or_else(|| bad("The connection shows no nonce."))
}

/// The response that agrees to a request that [`shown`] and the caller found good, and the connection
/// that follows it.
pub fn agree(request: &mut Request<Incoming>) -> (Response<Body>, PendingClient) {
    (switch::agreed(DIAL_BACK_PROTOCOL), PendingClient(hyper::upgrade::on(request)))
}

impl PendingClient {
    /// Waits for the response to be sent, at most ten seconds, then asks over the connection. To be
    /// awaited in a task of its own: inside the handler it would wait for itself. `device` proved its
    /// key when it dialled from `remote`.
    pub async fn accept(self, device: DeviceId, remote: SocketAddr) -> Result<HttpConnection, UpgradeError> {
        let handed = timeout(PATIENCE, switch::taken(self.0)).await.map_err(|_| UpgradeError::Timeout)??;
        Ok(HttpConnection::over(handed, device, remote).await?)
    }
}
