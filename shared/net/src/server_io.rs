//! An accepted connection: the TLS stream with its place, an end that the accept loop can force,
//! and a limit on how long the other side may refuse to read.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::places::Place;

/// The stream of an accepted connection.
pub type AcceptedTls = TlsStream<TcpStream>;

/// A connection that is served on. It stays what its owner can end after an upgrade too: reading and
/// writing fail then.
pub struct ServerIo<S = AcceptedTls> {
    stream: S,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    /// How long a write may make no progress.
    stall: Duration,
    /// Present while a write waits. Boxed and absent otherwise: most connections are idle.
    stalled: Option<Pin<Box<Sleep>>>,
    _place: Option<Place<IpAddr>>,
}

impl<S> ServerIo<S> {
    pub(crate) fn new(
        stream: S,
        place: Option<Place<IpAddr>>,
        stall: Duration,
        end: CancellationToken,
    ) -> Self {
        Self { stream, ended: Box::pin(end.cancelled_owned()), stall, stalled: None, _place: place }
    }

    fn poll_ended(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.ended.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }

    /// Turns waiting for too long into an error.
    fn bounded<T>(&mut self, cx: &mut Context<'_>, write: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.stalled = None;
            return write;
        }
        let patience = self.stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        match stalled.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ServerIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_ended(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ServerIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_ended(cx)?;
        let write = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.bounded(cx, write)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_ended(cx)?;
        let write = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.bounded(cx, write)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_ended(cx)?;
        let flush = Pin::new(&mut self.stream).poll_flush(cx);
        self.bounded(cx, flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_ended(cx)?;
        let shutdown = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.bounded(cx, shutdown)
    }
}
