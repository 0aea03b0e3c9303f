//! The page that a browser sees: what this is, and what to do instead.

use hyper::Response;
use hyper::header::{self, HeaderName, HeaderValue};
use landline_net::{Body, full};

const PAGE: &str = include_str!("front.html");

/// No script, no frame, no other origin: the page is text.
const HEADERS: &[(HeaderName, &str)] = &[
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];

/// The front page.
pub(super) fn page() -> Response<Body> {
    let mut response = Response::new(full(PAGE));
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let opener = HeaderName::from_static("cross-origin-opener-policy");
    response.headers_mut().insert(opener, HeaderValue::from_static("same-origin"));
    response
}
