//! The task of one connection. Written as a poll function: one waker, no locks held, and only the
//! memory that an idle connection needs.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::closing::{Closing, PATIENCE};
use super::heart::{Beat, Heart};
use super::line::Line;
use super::outbound::Outbound;
use super::{Closed, Inbound};

/// Messages read in one go before others get their turn.
const READ_BUDGET: usize = 64;

pub(super) struct Actor<S> {
    ws: WebSocketStream<S>,
    line: Arc<Line>,
    heart: Heart,
    outbound: Outbound,
    /// A ping that waits for room.
    ping: Option<Bytes>,
    closing: Option<Closing>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Actor<S> {
    pub(super) fn new(ws: WebSocketStream<S>, line: Arc<Line>) -> Self {
        Self { ws, line, heart: Heart::new(), outbound: Outbound::default(), ping: None, closing: None }
    }

    /// Does what can be done; an error is the reason of the end.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Result<(), Closed> {
        self.poll_read(cx)?;
        self.poll_heart(cx)?;
        self.poll_write(cx)?;
        match self.line.closed() {
            Some(reason) => Err(reason),
            None => Ok(()),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<(), Closed> {
        for _ in 0..READ_BUDGET {
            if !self.line.has_room() {
                // The receiver is behind, so the silence is of our own making.
                self.heart.heard();
                return Ok(());
            }
            match Pin::new(&mut self.ws).poll_next(cx) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Some(Ok(message))) => self.take(message)?,
                Poll::Ready(Some(Err(error))) => return Err(reason(&error)),
                Poll::Ready(None) => return Err(Closed::ByPeer),
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    fn take(&mut self, message: Message) -> Result<(), Closed> {
        self.heart.heard();
        match message {
            Message::Text(text) => self.line.deliver(Inbound::Text(text)),
            Message::Pong(payload) => {
                if let Some(time) = self.heart.pong(&payload) {
                    self.line.deliver(Inbound::RoundTrip(time));
                }
            }
            Message::Close(frame) => {
                tracing::debug!(?frame, "the other side closes");
                return Err(Closed::ByPeer);
            }
            Message::Binary(_) => return Err(Closed::Protocol("binary messages are not spoken here".into())),
            Message::Ping(_) | Message::Frame(_) => {}
        }
        Ok(())
    }

    fn poll_heart(&mut self, cx: &mut Context<'_>) -> Result<(), Closed> {
        let settings = self.line.settings();
        while let Poll::Ready(beat) = self.heart.poll_beat(settings, cx) {
            match beat {
                Beat::Silence => return Err(Closed::Timeout),
                Beat::Ping(payload) => self.ping = Some(payload),
            }
        }
        Ok(())
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<(), Closed> {
        match self.poll_write_all(cx) {
            Poll::Ready(Err(error)) => Err(reason(&error)),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    fn poll_write_all(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut ws = Pin::new(&mut self.ws);
        if self.ping.is_some() {
            std::task::ready!(ws.as_mut().poll_ready(cx))?;
            if let Some(payload) = self.ping.take() {
                ws.as_mut().start_send(Message::Ping(payload))?;
            }
        }
        let next = || self.line.next_outbound();
        std::task::ready!(self.outbound.poll_write(&mut self.ws, next, cx))?;
        Pin::new(&mut self.ws).poll_flush(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Actor<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let actor = self.get_mut();
        actor.line.register_actor(cx.waker());
        if actor.closing.is_none() {
            let Err(reason) = actor.poll_open(cx) else {
                return Poll::Pending;
            };
            let reason = actor.line.finish(reason);
            actor.closing = Closing::new(&reason);
            actor.heart.set_deadline(PATIENCE);
        }
        let Some(closing) = &mut actor.closing else {
            return Poll::Ready(());
        };
        let ended = closing.poll(&mut actor.ws, &mut actor.outbound, &actor.line, cx);
        if ended.is_ready() { Poll::Ready(()) } else { actor.heart.poll_deadline(cx) }
    }
}

fn reason(error: &Error) -> Closed {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => Closed::ByPeer,
        Error::Capacity(_) => Closed::TooLarge,
        Error::Io(io) => Closed::Io(io.to_string()),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            Closed::Io("the other side is gone".into())
        }
        other => Closed::Protocol(other.to_string()),
    }
}
