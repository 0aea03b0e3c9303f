//! Writing messages in fragments (RFC 6455, 5.4).
//!
//! tungstenite keeps a write buffer as large as the largest frame it ever sent. Whole, one page of
//! 256 KiB leaves 275 KiB with each connection that is idle afterwards; in fragments, 23 KiB.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Sink;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::WRITE_BUFFER;

/// The message being written.
#[derive(Default)]
pub(super) struct Outbound {
    rest: Option<Bytes>,
    begun: bool,
}

impl Outbound {
    /// Writes everything that `next` gives; ready when it gives no more. Does not flush.
    pub(super) fn poll_write<S>(
        &mut self,
        ws: &mut WebSocketStream<S>,
        mut next: impl FnMut() -> Option<Utf8Bytes>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            // A message is taken off the queue only when it can be written: until then it counts.
            ready!(Pin::new(&mut *ws).poll_ready(cx))?;
            if self.rest.is_none() {
                self.rest = next().map(Bytes::from);
                self.begun = false;
            }
            let Some(frame) = self.fragment() else {
                return Poll::Ready(Ok(()));
            };
            Pin::new(&mut *ws).start_send(Message::Frame(frame))?;
        }
    }

    fn fragment(&mut self) -> Option<Frame> {
        let mut rest = self.rest.take()?;
        let part = rest.split_to(rest.len().min(WRITE_BUFFER));
        let kind = if self.begun { Data::Continue } else { Data::Text };
        let last = rest.is_empty();
        self.begun = true;
        self.rest = (!last).then_some(rest);
        Some(Frame::message(part, OpCode::Data(kind), last))
    }
}
