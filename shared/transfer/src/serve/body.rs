//! The body of a response: a slice of a file, read in frames.

use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::disk::{self, FileVersion};
use crate::pool::{FRAME_BYTES, Pool};
use crate::range::Slice;
use crate::share::{Share, Shares};
use crate::upload::{Asker, Sending};

/// Responses at once up to which each may use a large pooled frame: 16 MiB together.
const LARGE_FRAMES: usize = 32;
/// A frame beyond that: a thousand slow readers then hold 32 MiB.
const SMALL_FRAME_BYTES: usize = 32 * 1024;

/// A read that takes longer was held up by the disk.
const SLOW_READ: Duration = Duration::from_millis(20);

/// Reads inline where it is polled: a positional read from the page cache costs less than a trip
/// to another thread, and one frame is in memory at a time. A disk that makes readers wait is
/// waited for where nobody else is held up.
pub(super) struct FileBody {
    share: Arc<Share>,
    file: File,
    rest: Slice,
    pool: Pool,
    live: Arc<AtomicUsize>,
    sending: Sending,
    disk: Disk,
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
            disk: Disk::default(),
        }
    }

    fn next(&mut self) -> io::Result<Bytes> {
        let mut disk = self.disk;
        let frame = disk.wait_for(|| self.read());
        self.disk = disk;
        frame
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
        let frame = self.next().inspect_err(|error| {
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

    #[tokio::test]
    async fn where_there_is_one_thread_it_is_waited_for() {
        assert!(!read_twice());
    }
}
