//! The answers that are no content, and the headers of those that are.

use std::io;

use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use landline_net::{Body, error};
use landline_protocol::{ErrorCode, WireError};

use crate::limit::Throttle;
use crate::range::Slice;
use crate::share::{ASK_AGAIN, Listed, ReadError, ShareError};

/// The most of a list that is sent at a time.
const LIST_FRAME: usize = 64 * 1024;

/// There is nothing here, or not for this asker: nobody can tell which.
pub(super) fn not_found() -> Response<Body> {
    error(&WireError::new(ErrorCode::NotFound, "There is nothing here, or not for you."))
}

pub(super) fn method_not_allowed() -> Response<Body> {
    let mut response = error(&WireError::new(ErrorCode::BadRequest, "Only GET and HEAD are answered here."));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    set(&mut response, header::ALLOW, "GET, HEAD");
    response
}

/// The owner is still hashing.
pub(super) fn not_yet() -> Response<Body> {
    let why = "The file is still being read by its owner; try again soon.";
    error(&WireError::new(ErrorCode::TooManyRequests, why).retry_after_ms(1000))
}

/// Others are served first.
pub(super) fn busy(ahead: u32) -> Response<Body> {
    let why = format!("Others are served first ({ahead}); try again soon, your place is kept.");
    let wait = u64::try_from(ASK_AGAIN.as_millis()).unwrap_or(u64::MAX);
    let mut wire = WireError::new(ErrorCode::TooManyRequests, why).retry_after_ms(wait);
    wire.details.ahead = Some(ahead);
    error(&wire)
}

/// A list at the rate that its asker may have, ended like any other response when it is to have no more.
pub(super) fn paced(list: Bytes, throttle: Throttle, listed: Listed) -> Body {
    let frames =
        futures_util::stream::unfold((list, throttle, listed), async |(mut rest, throttle, listed)| {
            let len = rest.len().min(throttle.frame(LIST_FRAME));
            let frame = Some(rest.split_to(len)).filter(|frame| !frame.is_empty())?;
            throttle.take(len).await;
            let frame = if listed.is_stopped() {
                Err(io::Error::other("it was withdrawn"))
            } else {
                Ok(Frame::data(frame))
            };
            Some((frame, (rest, throttle, listed)))
        });
    StreamBody::new(frames).boxed()
}

/// What was shared before a restart is not open again yet.
pub(super) fn opening() -> Response<Body> {
    let text = "This was shared before a restart and is being opened again. Try again in a moment.";
    let wait = u64::try_from(ASK_AGAIN.as_millis()).unwrap_or(u64::MAX);
    error(&WireError::new(ErrorCode::TooManyRequests, text).retry_after_ms(wait))
}

pub(super) fn unsatisfiable(size: u64) -> Response<Body> {
    out_of_range("The range begins beyond the end of the file.", size)
}

/// Some of the range is not held here.
pub(super) fn not_all_here(size: u64) -> Response<Body> {
    out_of_range("Not all of this range is here; ask what there is and then for that.", size)
}

fn out_of_range(why: &str, size: u64) -> Response<Body> {
    let mut response = error(&WireError::new(ErrorCode::BadRequest, why));
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    set(&mut response, header::CONTENT_RANGE, &format!("bytes */{size}"));
    response
}

pub(super) fn shutting_down() -> Response<Body> {
    error(&WireError::new(ErrorCode::ShuttingDown, "This device is shutting down."))
}

/// What cannot be read.
pub(super) fn refused(why: &ReadError) -> Response<Body> {
    let (code, text) = match why {
        ReadError::Source(ShareError::Missing(_)) => {
            (ErrorCode::Gone, "The file is not there any more; ask for it to be shared again.")
        }
        ReadError::Source(ShareError::Changed(_) | ShareError::NotRegular(_)) => {
            (ErrorCode::Changed, "The file was changed after it was offered; ask for it to be shared again.")
        }
        _ => (ErrorCode::Internal, "The file cannot be read where it is; ask its owner to look."),
    };
    error(&WireError::new(code, text))
}

/// Bytes that no browser will take for anything else. Without a length, they end when they end.
pub(super) fn bytes(status: StatusCode, body: Body, len: Option<u64>) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, "application/octet-stream");
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut response, header::CACHE_CONTROL, "no-store");
    if let Some(len) = len {
        response.headers_mut().insert(header::CONTENT_LENGTH, len.into());
    }
    response
}

/// Says of which version the bytes are, and which of them.
pub(super) fn describe(
    response: &mut Response<Body>,
    status: StatusCode,
    slice: Slice,
    size: u64,
    tag: Option<&str>,
) {
    set(response, header::ACCEPT_RANGES, "bytes");
    if let Some(tag) = tag {
        set(response, header::ETAG, tag);
    }
    if status == StatusCode::PARTIAL_CONTENT {
        set(response, header::CONTENT_RANGE, &slice.to_response(size));
    }
}

pub(super) fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
