//! The body of a response: a slice of a file, read in frames.

use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::disk::{self, FileVersion};
use crate::pool::{FRAME_BYTES, Pool};
use crate::range::Slice;
use crate::share::{Share, Shares};
use crate::upload::{Asker, Sending};

/// Responses at once up to which each may use a large pooled frame: 16 MiB together.
const LARGE_FRAMES: usize = 32;
/// A frame beyond that: a thousand slow readers then hold 32 MiB.
const SMALL_FRAME_BYTES: usize = 32 * 1024;

/// Reads inline where it is polled: a positional read from the page cache costs less than a trip
/// to another thread, and one frame is in memory at a time.
pub(super) struct FileBody {
    share: Arc<Share>,
    file: File,
    rest: Slice,
    pool: Pool,
    live: Arc<AtomicUsize>,
    sending: Sending,
}

impl FileBody {
    pub(super) fn new(shares: &Shares, share: Arc<Share>, file: File, slice: Slice, asker: &Asker) -> Self {
        let live = Arc::clone(&shares.live);
        live.fetch_add(1, Ordering::Relaxed);
        Self {
            sending: share.meters.begin(asker, &shares.pulse),
            share,
            file,
            rest: slice,
            pool: shares.pool.clone(),
            live,
        }
    }

    /// The next frame. The file is looked at after it was read: what was read is then known to be
    /// of the version that was shared, as far as its times tell.
    fn read(&mut self) -> io::Result<Bytes> {
        if self.share.stopped.load(Ordering::Relaxed) {
            return Err(io::Error::other("the share was withdrawn"));
        }
        if self.sending.is_stopped() {
            return Err(io::Error::other("the device was signed out"));
        }
        let large = self.live.load(Ordering::Relaxed) <= LARGE_FRAMES;
        let most = if large { FRAME_BYTES } else { SMALL_FRAME_BYTES };
        let len = usize::try_from(self.rest.len()).unwrap_or(most).min(most);
        let frame = if len > SMALL_FRAME_BYTES { self.read_pooled(len)? } else { self.read_small(len)? };
        if frame.len() < len || FileVersion::of(&self.file)? != self.share.file.version() {
            return Err(io::Error::other("the file was changed while it was being sent"));
        }
        self.rest.start += len as u64;
        self.sending.sent(len as u64);
        Ok(frame)
    }

    fn read_pooled(&self, len: usize) -> io::Result<Bytes> {
        let mut buffer = self.pool.take();
        let got = disk::read_at(&self.file, &mut buffer.space()[..len], self.rest.start)?;
        Ok(buffer.freeze(got))
    }

    fn read_small(&self, len: usize) -> io::Result<Bytes> {
        let mut buffer = vec![0; len];
        let got = disk::read_at(&self.file, &mut buffer, self.rest.start)?;
        buffer.truncate(got);
        Ok(buffer.into())
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let frame = self.read().inspect_err(|error| {
            tracing::info!(share = %self.share.id, %error, "sending a shared file was broken off");
        });
        Poll::Ready(Some(frame.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len())
    }
}

impl Drop for FileBody {
    fn drop(&mut self) {
        self.live.fetch_sub(1, Ordering::Relaxed);
    }
}
