//! The body of a response: a slice of a content, read in frames.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio_util::sync::CancellationToken;

use super::Ask;
use super::coding::Encoder;
use crate::limit::Throttle;
use crate::pool::FRAME_BYTES;
use crate::range::Slice;
use crate::share::{Giving, Listed, ReadError, Reader, Served, Shares, Slot, Turn};
use crate::upload::Sending;

/// Responses at once up to which each may use a large pooled frame: 16 MiB together.
pub(super) const LARGE_FRAMES: usize = 32;
/// A frame beyond that: a thousand slow readers then hold 32 MiB.
const SMALL_FRAME_BYTES: usize = 32 * 1024;

/// A read that takes longer was held up by the disk.
const SLOW_READ: Duration = Duration::from_millis(20);
/// What buffers on the way may swallow before a receiver's rate shows, in bytes; and how much is measured
/// at least.
const SWALLOWED: u64 = 1024 * 1024;

/// Reads inline where it is polled: a positional read from the page cache costs less than a trip
/// to another thread, and one frame is in memory at a time. A disk that makes readers wait is
/// waited for where nobody else is held up.
pub(super) struct ContentBody {
    shares: Shares,
    served: Arc<Served>,
    reader: Reader,
    /// Of the content, what is still to be read.
    rest: Slice,
    /// Read, and compressed or not: what goes out next.
    ready: Bytes,
    /// Being paid for with waiting.
    paid: Option<(Bytes, Wait)>,
    encoder: Option<Encoder>,
    throttle: Throttle,
    hangup: CancellationToken,
    sending: Sending,
    held: Held,
    pace: Pace,
    disk: Disk,
}

/// What a response has while it goes out, and gives back in the end.
pub(super) struct Held {
    pub(super) listed: Listed,
    pub(super) giving: Giving,
    pub(super) turn: Turn,
    pub(super) _slot: Slot,
}

type Wait = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

impl ContentBody {
    pub(super) fn new(
        ask: &Ask<'_>,
        served: Arc<Served>,
        reader: Reader,
        slice: Slice,
        held: Held,
        encoder: Option<Encoder>,
    ) -> Self {
        let shares = ask.shares.clone();
        let body = Self {
            sending: served.past.meters.begin(ask.asker, shares.pulse()),
            throttle: shares.rates().of(&ask.asker.user),
            hangup: ask.hangup.clone(),
            served,
            reader,
            rest: slice,
            ready: Bytes::new(),
            paid: None,
            encoder,
            pace: Pace::default(),
            disk: Disk::default(),
            held,
            shares,
        };
        body.shares.look_after();
        body
    }

    /// Whether everything was handed out.
    fn is_done(&self) -> bool {
        self.rest.is_empty() && self.ready.is_empty() && self.paid.is_none()
    }

    /// The next bytes to go, at once or, when limited, after a while.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        if let Some((_, wait)) = &mut self.paid {
            ready!(wait.as_mut().poll(cx));
        }
        if self.held.listed.is_stopped() || self.served.is_withdrawn() {
            return Poll::Ready(Err(io::Error::other(
                "it was withdrawn, or the device signed out or hardly reads",
            )));
        }
        if let Some((frame, _)) = self.paid.take() {
            return Poll::Ready(Ok(Some(frame)));
        }
        while self.ready.is_empty() {
            if self.rest.is_empty() {
                return Poll::Ready(Ok(None));
            }
            self.fill()?;
        }
        let len = self.throttle.frame(self.ready.len());
        let frame = self.ready.split_to(len);
        if !self.throttle.is_limited() {
            return Poll::Ready(Ok(Some(frame)));
        }
        let (throttle, hangup) = (self.throttle.clone(), self.hangup.clone());
        let wait = async move {
            tokio::select! {
                () = throttle.take(len) => {}
                () = hangup.cancelled() => {}
            }
        };
        self.paid = Some((frame, Box::pin(wait)));
        self.poll_next(cx)
    }

    /// Reads the next frame, and compresses it where that was decided.
    fn fill(&mut self) -> io::Result<()> {
        let began = Instant::now();
        let len = self.step();
        let mut disk = self.disk;
        let read = disk.wait_for(|| self.read(len));
        self.disk = disk;
        let bytes = read.map_err(|why| self.broken(why))?;
        self.rest.start += len as u64;
        self.sending.sent(len as u64);
        self.held.turn.sent(len);
        self.ready = match &mut self.encoder {
            Some(encoder) => encoder.encode(&bytes, self.rest.is_empty())?,
            None => bytes,
        };
        self.pace.busy += began.elapsed();
        Ok(())
    }

    /// How much to read now: much while few are served and nothing holds them up.
    fn step(&self) -> usize {
        let is_large = self.shares.live().count() <= LARGE_FRAMES && !self.held.listed.is_slow();
        let most = if is_large {
            self.throttle.frame(FRAME_BYTES).max(SMALL_FRAME_BYTES)
        } else {
            SMALL_FRAME_BYTES
        };
        usize::try_from(self.rest.len()).unwrap_or(most).min(most)
    }

    fn read(&mut self, len: usize) -> Result<Bytes, ReadError> {
        if len > SMALL_FRAME_BYTES {
            let mut buffer = self.shares.pool().take();
            self.reader.read(self.rest.start, &mut buffer.space()[..len])?;
            return Ok(buffer.freeze(len));
        }
        let mut buffer = vec![0; len];
        self.reader.read(self.rest.start, &mut buffer)?;
        Ok(buffer.into())
    }

    fn broken(&self, why: ReadError) -> io::Error {
        let error = io::Error::other(why.to_string());
        if let ReadError::Source(why) = why {
            self.shares.spoil(&self.served, why);
        }
        error
    }

    /// A frame is on its way.
    fn handed(&mut self, bytes: usize) {
        self.held.listed.handed(bytes);
        let now = Instant::now();
        self.pace.handed(bytes, now);
        if self.is_done() {
            self.held.giving.done();
            if let Some(rate) = self.pace.rate(now) {
                self.shares.speeds().measured(self.held.listed.device(), rate);
            }
        }
    }
}

impl Body for ContentBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        this.held.listed.asked();
        match ready!(this.poll_next(cx)) {
            Ok(Some(bytes)) => {
                this.handed(bytes.len());
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Ok(None) => Poll::Ready(None),
            Err(error) => {
                tracing::info!(door = ?this.served.door, %error, "sending something shared was broken off");
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_done()
    }

    fn size_hint(&self) -> SizeHint {
        if self.encoder.is_some() {
            return SizeHint::default();
        }
        let paid = self.paid.as_ref().map_or(0, |(frame, _)| frame.len());
        SizeHint::with_exact(self.rest.len() + (self.ready.len() + paid) as u64)
    }
}

/// How fast the receiver takes bytes: what went out after the buffers on the way were full, by the time
/// that was not spent here.
#[derive(Default)]
struct Pace {
    bytes: u64,
    busy: Duration,
    /// When counting began: the moment, the bytes and the time spent here until then.
    from: Option<(Instant, u64, Duration)>,
}

impl Pace {
    fn handed(&mut self, bytes: usize, now: Instant) {
        self.bytes += bytes as u64;
        if self.from.is_none() && self.bytes >= SWALLOWED {
            self.from = Some((now, self.bytes, self.busy));
        }
    }

    /// Bytes a second; `None` when there were too few to tell.
    fn rate(&self, now: Instant) -> Option<f64> {
        let (since, before, busy) = self.from?;
        let bytes = self.bytes - before;
        let taken = now.saturating_duration_since(since).saturating_sub(self.busy.saturating_sub(busy));
        (bytes >= SWALLOWED).then(|| bytes as f64 / taken.as_secs_f64().max(1e-6))
    }
}

/// How the disk was the last time.
#[derive(Clone, Copy, Default)]
struct Disk {
    /// The last read took long: the next may too.
    slow: bool,
}

impl Disk {
    /// Reads inline, unless the disk has proved slow: then other tasks get another thread.
    fn wait_for<T>(&mut self, read: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let done = if self.slow && can_step_aside() { tokio::task::block_in_place(read) } else { read() };
        self.slow = began.elapsed() > SLOW_READ;
        done
    }
}

fn can_step_aside() -> bool {
    Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Two reads: one that is slow, then one that ends only when another task runs meanwhile.
    fn read_twice() -> bool {
        let mut disk = Disk::default();
        disk.wait_for(|| std::thread::sleep(SLOW_READ * 2));
        let (tell, told) = mpsc::channel();
        tokio::spawn(async move { tell.send(()) });
        disk.wait_for(|| told.recv_timeout(SLOW_READ * 25)).is_ok()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_slow_disk_holds_up_nobody_else() {
        assert!(tokio::spawn(async { read_twice() }).await.unwrap());
    }

    #[test]
    fn the_rate_is_told_by_what_comes_after_the_buffers() {
        let (mut pace, began) = (Pace::default(), Instant::now());
        let at = |ms| began + Duration::from_millis(ms);
        pace.handed(700_000, at(0));
        pace.handed(700_000, at(1));
        pace.handed(600_000, at(100));
        assert_eq!(pace.rate(at(100)), None, "too little to tell");
        pace.busy = Duration::from_millis(80);
        pace.handed(600_000, at(281));
        assert_eq!(pace.rate(at(281)).map(f64::round), Some(6e6), "1.2 MB in 280 ms, 80 of them spent here");
    }

    #[tokio::test]
    async fn where_there_is_one_thread_it_is_waited_for() {
        assert!(!read_twice());
    }
}
