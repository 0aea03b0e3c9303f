//! The WebSocket actor of both ends: one task that reads, writes and pings, a bounded queue
//! towards the other side, and a reason for every end.

mod actor;
mod closing;
mod heart;
mod line;
mod outbound;

use std::sync::Arc;
use std::time::Duration;

use landline_protocol::limits;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use actor::Actor;
use line::Line;

/// How a line is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketSettings {
    /// How often to ping.
    pub heartbeat: Duration,
    /// Silence for so long ends the connection.
    pub timeout: Duration,
}

/// What comes out of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// A message.
    Text(Utf8Bytes),
    /// A ping came back after so long.
    RoundTrip(Duration),
}

/// Why a socket ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// The other side closed it.
    #[error("the other side closed the connection")]
    ByPeer,
    /// Nothing was heard for the whole timeout.
    #[error("the other side fell silent")]
    Timeout,
    /// The other side read too slowly: its queue overflowed.
    #[error("the other side read too slowly")]
    Overflow,
    /// The other side sent a message over [`limits::FRAME_BYTES`].
    #[error("the other side sent a message larger than {} KiB", limits::FRAME_BYTES / 1024)]
    TooLarge,
    /// The other side broke the rules of WebSocket, or sent binary data.
    #[error("the other side sent what cannot be understood: {0}")]
    Protocol(String),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Io(String),
    /// This side closed it.
    #[error("this side closed the connection")]
    Local,
}

/// A message that will not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The socket has ended.
    #[error("the connection has ended")]
    Closed,
    /// The queue is full: the socket closes, and the other side has to resume.
    #[error("the other side reads too slowly: the connection is closed")]
    Overflow,
    /// Over [`limits::FRAME_BYTES`]; the socket goes on without it.
    #[error("the message is larger than {} KiB", limits::FRAME_BYTES / 1024)]
    TooLarge,
}

/// The way in: cheap to clone, never waits.
#[derive(Clone)]
pub struct SocketSender(Arc<SenderHalf>);

/// The way out.
pub struct SocketReceiver(Arc<Line>);

/// Starts the actor. It ends when the connection does, and closes it when both halves are gone.
pub fn spawn<S>(ws: WebSocketStream<S>, settings: SocketSettings) -> (SocketSender, SocketReceiver)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let line = Arc::new(Line::new(settings));
    tokio::spawn(Actor::new(ws, line.clone()));
    (SocketSender(Arc::new(SenderHalf(line.clone()))), SocketReceiver(line))
}

impl SocketSender {
    /// Queues a message. One more than [`limits::QUEUE_MESSAGES`] or [`limits::QUEUE_BYTES`] closes
    /// the socket: what was queued is dropped, for whoever resumes asks for it again.
    pub fn send(&self, text: Utf8Bytes) -> Result<(), SendError> {
        self.0.0.send(text)
    }

    /// Bytes that are queued and not yet written.
    pub fn queued(&self) -> usize {
        self.0.0.queued()
    }

    /// Returns once at most so many bytes are queued, or the socket has ended: for whoever has much
    /// to say and would rather be slow than overflow. Cancel safe.
    pub async fn drained(&self, bytes: usize) {
        self.0.0.drained(bytes).await;
    }

    /// Sends what is queued, then `last`, then the close frame, for up to two seconds. After an
    /// overflow `last` is still said if there is a chance; any other end stays as it is.
    pub fn close(&self, last: Option<Utf8Bytes>) {
        self.0.0.close(last);
    }

    /// What to say, if there is still a chance, before closing because the other side reads too
    /// slowly.
    pub fn set_farewell(&self, text: Utf8Bytes) {
        self.0.0.set_farewell(text);
    }

    /// Changes how the line is watched, from now on.
    pub fn set_heartbeat(&self, settings: SocketSettings) {
        self.0.0.set_settings(settings);
    }

    /// Whether it has ended or is about to.
    pub fn is_closed(&self) -> bool {
        self.closed().is_some()
    }

    /// Why it has ended.
    pub fn closed(&self) -> Option<Closed> {
        self.0.0.closed()
    }
}

impl SocketReceiver {
    /// The next thing that came, or `None` when the socket has ended and everything was taken.
    /// Cancel safe. Not taking what comes stops reading from the other side.
    pub async fn recv(&mut self) -> Option<Inbound> {
        std::future::poll_fn(|cx| self.0.poll_recv(cx)).await
    }

    /// Why it has ended.
    pub fn closed(&self) -> Option<Closed> {
        self.0.closed()
    }
}

/// What the clones of a sender share; its end is the end of all of them.
struct SenderHalf(Arc<Line>);

impl Drop for SenderHalf {
    fn drop(&mut self) {
        self.0.sender_gone();
    }
}

impl Drop for SocketReceiver {
    fn drop(&mut self) {
        self.0.receiver_gone();
    }
}

/// Bytes read at once, and held by every idle connection.
const READ_BUFFER: usize = 4 * 1024;
/// Bytes gathered before they are written; also the largest fragment (see [`outbound`]).
const WRITE_BUFFER: usize = 8 * 1024;

/// Limits for tungstenite, whose own defaults are for one connection on a large machine.
pub(crate) fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(WRITE_BUFFER * 8)
        .max_message_size(Some(limits::FRAME_BYTES))
        .max_frame_size(Some(limits::FRAME_BYTES))
}
