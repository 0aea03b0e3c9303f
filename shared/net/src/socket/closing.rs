//! The end of a connection: the last words, the close frame, and a short wait so that they arrive.
//!
//! Dropping a socket whose incoming bytes were not read makes the system send a reset, which can
//! overtake the close frame. So what still comes is read and thrown away until the other side is
//! done or patience ends.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::Sink;
use landline_protocol::limits;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::Closed;
use super::line::Line;
use super::outbound::Outbound;

/// How long an ending may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// How far the ending has come.
pub(super) enum Closing {
    /// Queued messages and the last words.
    Words(Option<CloseFrame>),
    /// Everything written must leave this machine.
    Flush,
    /// This side will say no more.
    Shutdown,
    /// Until the other side is done.
    Drain,
}

impl Closing {
    /// How to end for this reason; `None` where nothing can be said any more.
    pub(super) fn new(reason: &Closed) -> Option<Self> {
        match reason {
            Closed::Io(_) => None,
            // tungstenite has the reply ready.
            Closed::ByPeer => Some(Self::Flush),
            other => Some(Self::Words(Some(close_frame(other)))),
        }
    }

    /// One ending, step by step. An error on the way is an end as well.
    pub(super) fn poll<S>(
        &mut self,
        ws: &mut WebSocketStream<S>,
        outbound: &mut Outbound,
        line: &Line,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            match self {
                Self::Words(frame) => {
                    let words = || line.next_outbound().or_else(|| line.take_last());
                    ready!(outbound.poll_write(ws, words, cx))?;
                    Pin::new(&mut *ws).start_send(Message::Close(frame.take()))?;
                    *self = Self::Flush;
                }
                Self::Flush => {
                    ready!(Pin::new(&mut *ws).poll_flush(cx))?;
                    *self = Self::Shutdown;
                }
                Self::Shutdown => {
                    ready!(Pin::new(ws.get_mut()).poll_shutdown(cx))?;
                    *self = Self::Drain;
                }
                Self::Drain => return poll_drain(ws.get_mut(), cx).map(Ok),
            }
        }
    }
}

fn poll_drain<S: AsyncRead + Unpin>(stream: &mut S, cx: &mut Context<'_>) -> Poll<()> {
    let mut scratch = [0; 1024];
    loop {
        let mut buffer = ReadBuf::new(&mut scratch);
        let read = ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer));
        if read.is_err() || buffer.filled().is_empty() {
            return Poll::Ready(());
        }
    }
}

/// The close code (RFC 6455, 7.4) and the reason in a word or a sentence.
fn close_frame(reason: &Closed) -> CloseFrame {
    let (code, text) = match reason {
        Closed::Local => (CloseCode::Normal, String::new()),
        Closed::Overflow => (CloseCode::Again, "slow_consumer".to_owned()),
        Closed::Timeout => (CloseCode::Policy, "nothing was heard for too long".to_owned()),
        Closed::TooLarge => {
            let kib = limits::FRAME_BYTES / 1024;
            (CloseCode::Size, format!("too_large: a message has at most {kib} KiB"))
        }
        Closed::Protocol(why) => (CloseCode::Protocol, shortened(why)),
        Closed::ByPeer | Closed::Io(_) => (CloseCode::Away, String::new()),
    };
    CloseFrame { code, reason: text.into() }
}

/// A close frame has room for 123 bytes.
fn shortened(text: &str) -> String {
    text[..text.floor_char_boundary(120)].to_owned()
}
