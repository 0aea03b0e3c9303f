//! Bodies of requests and responses: made, read within limits, refused in one form.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use landline_protocol::{ErrorCode, WireError, limits};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A response body of any kind.
pub type Body = BoxBody<Bytes, io::Error>;

/// A body that is all there.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

/// No body.
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

/// A JSON response.
pub fn json<T: Serialize>(status: StatusCode, value: &T) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(bytes) => respond(status, bytes),
        Err(why) => {
            error(&WireError::new(ErrorCode::Internal, format!("The answer could not be written: {why}.")))
        }
    }
}

/// The response that carries an error: its own status, the error as JSON, `Retry-After` in seconds
/// where it says when to come back.
pub fn error(error: &WireError) -> Response<Body> {
    let status = StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = respond(status, serde_json::to_vec(error).unwrap_or_default());
    if let Some(millis) = error.details.retry_after_ms {
        let seconds = HeaderValue::from(millis.div_ceil(1000));
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

fn respond(status: StatusCode, json: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(full(json));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Reads a JSON request body of at most `max` bytes, which must be there within the time that a
/// head may take. The error is ready to be sent with [`error`].
pub async fn read_json<T: DeserializeOwned>(body: Incoming, max: usize) -> Result<T, WireError> {
    let patience = Duration::from_secs(limits::HTTP_HEADER_SECS);
    let bytes = tokio::time::timeout(patience, Limited::new(body, max).collect())
        .await
        .map_err(|_| bad_request("The request took too long to arrive."))?
        .map_err(|why| {
            if why.is::<LengthLimitError>() {
                WireError::new(ErrorCode::TooLarge, format!("The request is larger than {max} bytes."))
            } else {
                bad_request("The request broke off.")
            }
        })?
        .to_bytes();
    serde_json::from_slice(&bytes).map_err(|why| bad_request(format!("The request cannot be read: {why}.")))
}

fn bad_request(message: impl Into<String>) -> WireError {
    WireError::new(ErrorCode::BadRequest, message)
}

/// The token of an `Authorization: Bearer` header (RFC 6750, 2.1).
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}
