//! Answers requests for what is served: content, manifests, trees, and what there is of them.
//!
//! What is asked for is an id and an index, never a path. What does not exist and what is not for the
//! asker answer alike, to the byte.

use std::sync::Arc;

use data_encoding::BASE64;
use hyper::header::{self, HeaderMap};
use hyper::{Method, Request, Response, StatusCode};
use landline_net::{Body, empty, json};
use landline_protocol::Have;
use landline_protocol::peer_routes::{Door, FileRoute, Resource};
use tokio_util::sync::CancellationToken;

use crate::range::{Selection, Slice, select};
use crate::share::{List, Listed, Served, Shares};
pub use crate::upload::Asker;

mod answers;
mod body;
mod coding;
mod content;

use content::Stream;

/// Answers one request. Reads nothing of its body. `hangup` closes the connection that it came over:
/// it is cancelled when the response must end although the other side reads nothing.
pub async fn respond<B>(
    shares: &Shares,
    asker: &Asker,
    hangup: &CancellationToken,
    request: Request<B>,
) -> Response<Body> {
    let (head, _) = request.into_parts();
    let is_head = head.method == Method::HEAD;
    if !is_head && head.method != Method::GET {
        return answers::method_not_allowed();
    }
    let route = FileRoute::parse(head.uri.path());
    let found = route.and_then(|route| Some((shares.find(&route.door, asker)?, route.resource)));
    let mut response = match found {
        Some((served, resource)) => {
            let ask = Ask { shares, asker, hangup, headers: &head.headers, is_head };
            ask.answer(served, resource).await
        }
        None if route.is_some_and(|route| shares.awaits(&route.door, asker)) => answers::opening(),
        None => answers::not_found(),
    };
    if is_head {
        *response.body_mut() = empty();
    }
    response
}

/// One request, for something that is there and for the asker.
struct Ask<'a> {
    shares: &'a Shares,
    asker: &'a Asker,
    hangup: &'a CancellationToken,
    headers: &'a HeaderMap,
    is_head: bool,
}

impl Ask<'_> {
    async fn answer(&self, served: Arc<Served>, resource: Resource) -> Response<Body> {
        match resource {
            Resource::Content => {
                let (whole, tag) = (Slice { start: 0, end: served.layout.size() }, served.tag());
                self.stream(Stream { served, whole, tag }).await
            }
            Resource::Entry(index) => match entry(&served, index) {
                Some((whole, tag)) => self.stream(Stream { served, whole, tag }).await,
                None => answers::not_found(),
            },
            Resource::Tree => self.list(served.door, served.tree(), None),
            Resource::Manifest => self.list(served.door, served.manifest(), served.manifest_tag().as_deref()),
            Resource::Have => have(&served),
        }
    }

    /// A list that is in memory, whole or one range.
    fn list(&self, door: Door, list: List, tag: Option<&str>) -> Response<Body> {
        let bytes = match list {
            List::Here(bytes) => bytes,
            List::NotYet => return answers::not_yet(),
            List::Nothing => return answers::not_found(),
        };
        let size = bytes.len() as u64;
        let (status, slice) = match self.selected(tag, size) {
            Selection::Whole => (StatusCode::OK, Slice { start: 0, end: size }),
            Selection::Part(slice) => (StatusCode::PARTIAL_CONTENT, slice),
            Selection::Unsatisfiable => return answers::unsatisfiable(size),
        };
        let place = |at| usize::try_from(at).unwrap_or(bytes.len());
        let part = bytes.slice(place(slice.start)..place(slice.end));
        let throttle = self.shares.rates().of(&self.asker.user);
        let listed = Listed::new(self.shares.live(), door, self.asker.device, self.hangup);
        let mut response = answers::bytes(status, answers::paced(part, throttle, listed), Some(slice.len()));
        answers::describe(&mut response, status, slice, size, tag);
        response
    }

    /// The range asked for, if it is to be honoured: exactly one `Range` header, and an `If-Range`
    /// that is absent or this very entity tag (RFC 9110, 13.1.5; a date never matches, as none is
    /// given out). Ranges mean something for GET alone (RFC 9110, 14.2).
    fn selected(&self, tag: Option<&str>, size: u64) -> Selection {
        let mut conditions = self.headers.get_all(header::IF_RANGE).iter();
        let fresh = conditions.all(|given| tag.is_some_and(|tag| given.as_bytes() == tag.as_bytes()));
        let mut ranges = self.headers.get_all(header::RANGE).iter();
        match (ranges.next(), ranges.next()) {
            (Some(range), None) if fresh && !self.is_head => select(range.to_str().ok(), size),
            _ => Selection::Whole,
        }
    }
}

/// Where one file is in the content, and its tag.
fn entry(served: &Served, index: u32) -> Option<(Slice, Option<String>)> {
    let index = usize::try_from(index).ok()?;
    let span = served.layout.files().get(index)?;
    Some((Slice { start: span.start, end: span.start + span.size }, served.entry_tag(index)))
}

fn have(served: &Served) -> Response<Body> {
    let map = served.map();
    let given = served.past.given.map(served.layout.pieces());
    let encode = |map: Vec<u8>| BASE64.encode(&map);
    json(StatusCode::OK, &Have { complete: map.is_none(), map: map.map(encode), given: given.map(encode) })
}

#[cfg(test)]
mod tests;
