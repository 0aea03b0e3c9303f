//! Listens in on one connection to a source, beneath HTTP and above TLS, and writes down which bytes of
//! the content came.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::log::{Answer, Log, State};

/// A connection that is listened in on.
pub(super) struct Tap<S> {
    inner: S,
    log: Arc<Log>,
    source: u64,
    /// Of a request, what was said so far.
    request: Vec<u8>,
    hearing: Hearing,
}

/// Where in an answer it is.
enum Hearing {
    /// In its head, of which this came; and what of the content was asked for, if it was.
    Head(Vec<u8>, Option<(u64, u64)>),
    /// In its body: the number of its entry, and how much came.
    Body(u64, u64),
    /// In a body that is no content.
    Other,
}

/// What separates a head from a body (RFC 9112, 2.1).
const BLANK: &[u8] = b"\r\n\r\n";

impl<S> Tap<S> {
    pub(super) fn new(inner: S, log: Arc<Log>, source: u64) -> Self {
        Self { inner, log, source, request: Vec::new(), hearing: Hearing::Other }
    }

    /// Requests have no bodies, and one goes out only when the answer before has ended.
    fn said(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.request.extend_from_slice(bytes);
        if self.request.ends_with(BLANK) {
            self.ended()?;
            let head = String::from_utf8_lossy(&self.request).into_owned();
            self.hearing = Hearing::Head(Vec::new(), asked_for(&head));
            self.request.clear();
        }
        Ok(())
    }

    fn heard(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.hearing {
            Hearing::Other => Ok(()),
            Hearing::Body(number, got) => {
                *got += bytes.len() as u64;
                self.log.got(*number, *got)
            }
            Hearing::Head(head, asked) => {
                head.extend_from_slice(bytes);
                let Some(end) = head.windows(BLANK.len()).position(|window| window == BLANK) else {
                    return Ok(());
                };
                let got = (head.len() - end - BLANK.len()) as u64;
                let text = String::from_utf8_lossy(&head[..end]).to_ascii_lowercase();
                let is_content = text.starts_with("http/1.1 206");
                self.hearing = match asked.filter(|_| is_content) {
                    None => Hearing::Other,
                    Some((start, end)) => {
                        let is_coded = text.contains("\r\ncontent-encoding:");
                        let state = if is_coded { State::Coded } else { State::Open };
                        let answer = Answer { source: self.source, start, end, got, state };
                        Hearing::Body(self.log.begin(answer)?, got)
                    }
                };
                Ok(())
            }
        }
    }

    /// The answer that was heard, if any, goes no further.
    fn ended(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.hearing, Hearing::Other) {
            Hearing::Body(number, _) => self.log.end(number),
            _ => Ok(()),
        }
    }
}

impl<S> Drop for Tap<S> {
    fn drop(&mut self) {
        // Then it seems to be on its way for a little longer.
        let _ = self.ended();
    }
}

/// The range of a request for content, its end not included.
fn asked_for(head: &str) -> Option<(u64, u64)> {
    let (path, rest) = head.strip_prefix("GET ")?.split_once(' ')?;
    if !path.ends_with("/content") {
        return None;
    }
    let lines = rest.lines().filter_map(|line| line.split_once(": "));
    let (_, range) = lines.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("range"))?;
    let (start, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some((start.parse().ok()?, last.parse::<u64>().ok()? + 1))
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        let new = &buf.filled()[before..];
        Poll::Ready(this.heard(new))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.inner).poll_write(cx, bytes))?;
        this.said(&bytes[..written])?;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::log::read;

    #[test]
    fn what_came_of_the_content_is_written_down_as_it_comes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = Arc::new(Log::create(&path).unwrap());
        let mut tap = Tap::new((), log, 3);
        let entry = |got, state| Answer { source: 3, start: 10, end: 40, got, state };

        tap.said(b"GET /v1/shares/x/have HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        tap.heard(b"HTTP/1.1 200 OK\r\n\r\n{}").unwrap();
        assert_eq!(read(&path).unwrap(), []);
        tap.said(b"GET /v1/shares/x/content HTTP/1.1\r\n").unwrap();
        tap.said(b"Range: bytes=10-39\r\n\r\n").unwrap();
        tap.heard(b"HTTP/1.1 206 Partial Content\r\nx: y\r\n").unwrap();
        tap.heard(b"\r\n12345").unwrap();
        assert_eq!(read(&path).unwrap(), [entry(5, State::Open)]);
        tap.heard(b"1234567890").unwrap();
        assert_eq!(read(&path).unwrap(), [entry(15, State::Open)]);
        assert!(read(&path).unwrap()[0].is_in_flight());
        drop(tap);
        assert_eq!(read(&path).unwrap(), [entry(15, State::Ended)]);
        assert!(!read(&path).unwrap()[0].is_in_flight());
    }
}
