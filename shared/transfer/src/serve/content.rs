//! The bytes of a content or of one file of it: whole or one range, plain or compressed.

use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::header;
use hyper::{Response, StatusCode};
use landline_net::{Body, empty};
use tokio::task::spawn_blocking;

use super::body::{ContentBody, Held, LARGE_FRAMES};
use super::coding::{self, Encoder, SAMPLE_BYTES, Sample};
use super::{Ask, answers};
use crate::range::{Selection, Slice};
use crate::share::{Listed, ReadError, Reader, Served};

/// Some bytes of a content that are served as one thing.
pub(super) struct Stream {
    pub(super) served: Arc<Served>,
    /// Where they are in the content.
    pub(super) whole: Slice,
    pub(super) tag: Option<String>,
}

/// What was found out before the first byte.
struct Begun {
    reader: Reader,
    sample: Option<Sample>,
}

/// Why there is no first byte.
enum Unreadable {
    /// The file.
    Source(ReadError),
    /// The program ends.
    Ending,
}

impl Ask<'_> {
    /// The bytes. Each request opens the files anew and serves only what was shared.
    pub(super) async fn stream(&self, stream: Stream) -> Response<Body> {
        let size = stream.whole.len();
        let (status, slice) = match self.selected(stream.tag.as_deref(), size) {
            Selection::Whole => (StatusCode::OK, Slice { start: 0, end: size }),
            Selection::Part(slice) => (StatusCode::PARTIAL_CONTENT, slice),
            Selection::Unsatisfiable => return answers::unsatisfiable(size),
        };
        let begin = stream.whole.start;
        let within = Slice { start: begin + slice.start, end: begin + slice.end };
        if !stream.served.has(within) {
            return answers::not_all_here(size);
        }
        let (body, is_coded) = match self.body(&stream.served, within).await {
            Ok(body) => body,
            Err(refusal) => return *refusal,
        };
        let mut response = answers::bytes(status, body, (!is_coded).then(|| slice.len()));
        answers::describe(&mut response, status, slice, size, stream.tag.as_deref());
        answers::set(&mut response, header::VARY, "accept-encoding");
        if is_coded {
            answers::set(&mut response, header::CONTENT_ENCODING, coding::ZSTD);
        }
        response
    }

    /// The bytes of a slice of the content, and whether they are compressed.
    async fn body(&self, served: &Arc<Served>, slice: Slice) -> Result<(Body, bool), Box<Response<Body>>> {
        let unreadable = |why| Box::new(self.unreadable(served, why));
        if self.is_head || slice.is_empty() {
            return self.begin(served, slice, false).await.map(|_| (empty(), false)).map_err(unreadable);
        }
        let slot = self.shares.slots().take(self.asker.device);
        let slot = slot.map_err(|ahead| Box::new(answers::busy(ahead)))?;
        // Before anything is waited for: whoever ends responses from now on ends this one too, and whoever
        // asks what goes out is told of this.
        let listed = Listed::new(self.shares.live(), served.door, self.asker.device, self.hangup);
        let giving = served.past.given.begin(&served.layout, slice);
        let turn = self.shares.turns().next(slice.len()).await;
        let begun = match self.begin(served, slice, self.samples(served, slice)).await {
            Ok(begun) => begun,
            Err(why) => {
                // The answer says why: it must not end with the door.
                drop(listed);
                return Err(unreadable(why));
            }
        };
        let encoder = begun.sample.and_then(|sample| self.encoder(served, &sample));
        let is_coded = encoder.is_some();
        let held = Held { listed, giving, turn, _slot: slot };
        let body = ContentBody::new(self, Arc::clone(served), begun.reader, slice, held, encoder);
        Ok((body.boxed(), is_coded))
    }

    /// Opens and samples where that may take as long as a disk likes.
    async fn begin(&self, served: &Arc<Served>, slice: Slice, sampling: bool) -> Result<Begun, Unreadable> {
        let mut reader = served.reader();
        if !reader.must_open() && !sampling {
            return Ok(Begun { reader, sample: None });
        }
        let opened = spawn_blocking(move || {
            reader.open(slice.start)?;
            let sample = if sampling { sample(&mut reader, slice)? } else { None };
            Ok(Begun { reader, sample })
        });
        match opened.await {
            Ok(begun) => begun.map_err(Unreadable::Source),
            Err(_) => Err(Unreadable::Ending),
        }
    }

    fn unreadable(&self, served: &Served, why: Unreadable) -> Response<Body> {
        let Unreadable::Source(why) = why else { return answers::shutting_down() };
        tracing::info!(door = ?served.door, %why, "something shared cannot be served");
        let refusal = answers::refused(&why);
        if let ReadError::Source(why) = why {
            self.shares.spoil(served, why);
        }
        refusal
    }

    /// Whether to find out if compressing is worth it: cheap reasons against it first.
    fn samples(&self, served: &Served, slice: Slice) -> bool {
        slice.len() >= coding::LEAST_BYTES
            && coding::is_accepted(self.headers)
            && self.shares.live().count() < LARGE_FRAMES
            && coding::may_be_worth(self.rate())
            && served.past.verdict.is_due()
    }

    fn encoder(&self, served: &Served, sample: &Sample) -> Option<Encoder> {
        served.past.verdict.learn(sample.compresses());
        // One that cannot be made is done without.
        if sample.is_worth(self.rate()) { Encoder::new().ok() } else { None }
    }

    /// How fast bytes go to the asker, as far as is known.
    fn rate(&self) -> Option<f64> {
        let limit = self.shares.rates().of(&self.asker.user).rate().map(|limit| limit as f64);
        let measured = self.shares.speeds().of(self.asker.device);
        limit.into_iter().chain(measured).min_by(f64::total_cmp)
    }
}

fn sample(reader: &mut Reader, slice: Slice) -> Result<Option<Sample>, ReadError> {
    let len = usize::try_from(slice.len()).unwrap_or(SAMPLE_BYTES).min(SAMPLE_BYTES);
    let mut buffer = vec![0; len];
    reader.read(slice.start, &mut buffer)?;
    Ok(Sample::of(&buffer))
}
