//! Answers requests for shares: GET and HEAD of the content, whole or one range, and of the tree.
//!
//! What is asked for is an id and an index, never a path. A share that does not exist and one that
//! is not for the asker answer alike, to the byte.

use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use landline_net::{Body, empty, error, full};
use landline_protocol::peer_routes::ShareRoute;
use landline_protocol::{ErrorCode, WireError};

use crate::range::{Selection, Slice, select};
use crate::share::{Share, ShareError, Shares};
pub use crate::upload::Asker;

mod body;

use body::FileBody;

/// Answers one request. Reads nothing of its body.
pub async fn respond<B>(shares: &Shares, asker: &Asker, request: Request<B>) -> Response<Body> {
    let (head, _) = request.into_parts();
    let is_head = head.method == Method::HEAD;
    if !is_head && head.method != Method::GET {
        return method_not_allowed();
    }
    let mut response = match ShareRoute::parse(head.uri.path()) {
        Some(ShareRoute::Content { share, entry: 0 }) => match shares.find(&share, asker) {
            Some(share) => content(shares, share, asker, &head.headers, is_head).await,
            None => not_found(),
        },
        Some(ShareRoute::Tree { share, entry: 0 }) => match shares.find(&share, asker) {
            Some(share) => tree(&share),
            None => not_found(),
        },
        _ => not_found(),
    };
    if is_head {
        *response.body_mut() = empty();
    }
    response
}

/// The bytes of the file. Each request opens it anew and serves only what was shared.
async fn content(
    shares: &Shares,
    share: Arc<Share>,
    asker: &Asker,
    headers: &HeaderMap,
    is_head: bool,
) -> Response<Body> {
    let opening = Arc::clone(&share);
    let opened = tokio::task::spawn_blocking(move || opening.file.reopen()).await;
    let file = match opened {
        Ok(Ok(file)) => file,
        Ok(Err(error)) => return refused(&share, &error),
        Err(_) => {
            return error(&WireError::new(ErrorCode::ShuttingDown, "This device is shutting down."));
        }
    };
    let size = share.file.size();
    let tag = format!("\"{}\"", share.file.version().opaque());
    // Ranges mean something for GET alone (RFC 9110, 14.2).
    let selection = if is_head { Selection::Whole } else { selected(headers, &tag, size) };
    let (status, slice) = match selection {
        Selection::Whole => (StatusCode::OK, Slice { start: 0, end: size }),
        Selection::Part(slice) => (StatusCode::PARTIAL_CONTENT, slice),
        Selection::Unsatisfiable => return unsatisfiable(size),
    };
    let body = if is_head || slice.is_empty() {
        empty()
    } else {
        FileBody::new(shares, share, file, slice, asker).boxed()
    };
    let mut response = plain(status, body, slice.len());
    set(&mut response, header::ETAG, &tag);
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    if status == StatusCode::PARTIAL_CONTENT {
        set(&mut response, header::CONTENT_RANGE, &slice.to_response(size));
    }
    response
}

/// The range asked for, if it is to be honoured: exactly one `Range` header, and an `If-Range`
/// that is absent or this very entity tag (RFC 9110, 13.1.5; a date never matches, as none is
/// given out).
fn selected(headers: &HeaderMap, tag: &str, size: u64) -> Selection {
    let fresh = headers.get_all(header::IF_RANGE).iter().all(|given| given.as_bytes() == tag.as_bytes());
    let mut ranges = headers.get_all(header::RANGE).iter();
    match (ranges.next(), ranges.next()) {
        (Some(range), None) if fresh => select(range.to_str().ok(), size),
        _ => Selection::Whole,
    }
}

/// The chaining values, once they are known.
fn tree(share: &Share) -> Response<Body> {
    match share.tree.get() {
        Some(values) => plain(StatusCode::OK, full(values.clone()), values.len() as u64),
        None => error(
            &WireError::new(
                ErrorCode::TooManyRequests,
                "The file is still being read by its owner; try again soon.",
            )
            .retry_after_ms(1000),
        ),
    }
}

fn refused(share: &Share, why: &ShareError) -> Response<Body> {
    tracing::info!(share = %share.id, %why, "a shared file cannot be served");
    error(&match why {
        ShareError::Missing(_) => {
            WireError::new(ErrorCode::Gone, "The file is not there any more; ask for it to be shared again.")
        }
        ShareError::Changed(_) | ShareError::NotRegular(_) => WireError::new(
            ErrorCode::Changed,
            "The file was changed after it was offered; ask for it to be shared again.",
        ),
        ShareError::Io { .. } => {
            WireError::new(ErrorCode::Internal, "The file cannot be read where it is; ask its owner to look.")
        }
    })
}

fn not_found() -> Response<Body> {
    error(&WireError::new(ErrorCode::NotFound, "There is nothing here, or not for you."))
}

fn method_not_allowed() -> Response<Body> {
    let mut response = error(&WireError::new(ErrorCode::BadRequest, "Only GET and HEAD are answered here."));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    set(&mut response, header::ALLOW, "GET, HEAD");
    response
}

fn unsatisfiable(size: u64) -> Response<Body> {
    let mut response =
        error(&WireError::new(ErrorCode::BadRequest, "The range begins beyond the end of the file."));
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    set(&mut response, header::CONTENT_RANGE, &format!("bytes */{size}"));
    response
}

/// Bytes that no browser will take for anything else.
fn plain(status: StatusCode, body: Body, len: u64) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, "application/octet-stream");
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut response, header::CACHE_CONTROL, "no-store");
    response.headers_mut().insert(header::CONTENT_LENGTH, len.into());
    response
}

fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests;
