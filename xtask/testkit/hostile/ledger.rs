//! Which hostile answers were read by a fetch in progress: the source notes where in the line an answer
//! turns bad, the receiver's end of that line counts what was read.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The hostile answers of one download.
#[derive(Default)]
pub(super) struct Ledger(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    /// What the receiver has read, by its address on the line.
    lines: HashMap<SocketAddr, Arc<AtomicU64>>,
    shots: Vec<Shot>,
}

/// One hostile answer.
#[derive(Clone, Debug)]
pub(super) struct Shot {
    /// Which of the hostile sources.
    pub(super) source: usize,
    pub(super) what: &'static str,
    read: Arc<AtomicU64>,
    strikes_at: u64,
    proven_at: Option<u64>,
}

impl Ledger {
    /// A line was opened from this address.
    pub(super) fn open(&self, local: SocketAddr) -> Arc<AtomicU64> {
        let read = Arc::new(AtomicU64::new(0));
        self.lock().lines.insert(local, Arc::clone(&read));
        read
    }

    /// An answer that turns bad after so many bytes of its line, and gives itself away after so many.
    pub(super) fn shoot(
        &self,
        remote: SocketAddr,
        source: usize,
        what: &'static str,
        (strikes_at, proven_at): (u64, Option<u64>),
    ) {
        let mut entries = self.lock();
        let Some(read) = entries.lines.get(&remote).map(Arc::clone) else { return };
        entries.shots.push(Shot { source, what, read, strikes_at, proven_at });
    }

    /// Those that were read up to where they are bad.
    pub(super) fn struck(&self) -> Vec<Shot> {
        let has_struck = |shot: &&Shot| shot.read.load(Ordering::Relaxed) >= shot.strikes_at;
        self.lock().shots.iter().filter(has_struck).cloned().collect()
    }

    /// Sources of which so much was read that the receiver knows what they are, and what they did.
    pub(super) fn proven(&self) -> Vec<(usize, &'static str)> {
        let is_proven =
            |shot: &&Shot| shot.proven_at.is_some_and(|at| shot.read.load(Ordering::Relaxed) >= at);
        self.lock().shots.iter().filter(is_proven).map(|shot| (shot.source, shot.what)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that counts what is read from it.
pub(super) struct Counted<S> {
    inner: S,
    read: Arc<AtomicU64>,
}

impl<S> Counted<S> {
    pub(super) fn new(inner: S, read: Arc<AtomicU64>) -> Self {
        Self { inner, read }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        this.read.fetch_add((buf.filled().len() - before) as u64, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}
