//! Reading all that has come at once.
//!
//! A TLS stream hands out one record, 16 KiB, at each read although more of them lie decrypted or
//! buffered beneath. Whoever reads a large body from it wakes four times as often as there is news.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose reads go on until the buffer is full or nothing more is there.
pub(crate) struct Drained<S> {
    stream: S,
    /// Met after bytes that came first: for the next read to tell.
    failed: Option<io::Error>,
}

impl<S> Drained<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, failed: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Drained<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Err(error));
        }
        let before = buf.filled().len();
        while buf.remaining() > 0 {
            let filled = buf.filled().len();
            match Pin::new(&mut self.stream).poll_read(cx, buf) {
                Poll::Ready(Ok(())) if buf.filled().len() > filled => {}
                Poll::Ready(Err(error)) if filled > before => {
                    self.failed = Some(error);
                    break;
                }
                // The end is found again by the next read.
                Poll::Ready(Ok(())) | Poll::Pending if filled > before => break,
                other => return other,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Drained<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, BufReader};

    use super::*;

    /// Gives a few bytes at each read, then fails once, then ends.
    struct Few(Vec<Option<&'static [u8]>>);

    impl AsyncRead for Few {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            match self.0.pop() {
                Some(Some(bytes)) => buf.put_slice(bytes),
                Some(None) => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                None => {}
            }
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn all_that_is_there_comes_at_once_and_then_what_went_wrong() {
        let mut stream = Drained::new(Few(vec![None, Some(b"cd"), Some(b"b"), Some(b"a")]));
        let mut buffer = [0; 8];
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 4);
        assert_eq!(&buffer[..4], b"abcd");
        assert_eq!(stream.read(&mut buffer).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn no_more_is_read_than_there_is_room_for() {
        let mut stream = Drained::new(BufReader::new(&b"abcdef"[..]));
        let mut buffer = [0; 4];
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 4);
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 2);
    }
}
