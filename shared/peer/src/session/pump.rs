//! An open WebSocket: hello and welcome, frames to the engine, tokens renewed in time.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use landline_net::Utf8Bytes;
use landline_net::dial::Dialled;
use landline_net::socket::{self, Closed, Inbound, SocketReceiver, SocketSender, SocketSettings};
use landline_net::{CallError, WsClientStream, websocket};
use landline_protocol::account::SESSION;
use landline_protocol::frame::{Hello, Welcome};
use landline_protocol::{ClientFrame, ErrorCode, ServerFrame, Timestamp, WireError};

use super::coordinator::{Refusal, refused_failure};
use super::uplink::{Raised, Uplink};
use super::{Access, End, Session, SessionEvent, end_of_refusal};
use crate::api::{Failure, FailureKind};

/// Until the coordinator says how often: its defaults.
const HEARTBEAT: SocketSettings =
    SocketSettings { heartbeat: Duration::from_secs(5), timeout: Duration::from_secs(15) };

/// A new token is fetched this long before the old one ends.
const RENEW_AHEAD_MS: u64 = 120_000;

/// No two renewals are closer together, whatever the clocks say.
const RENEW_AGAIN: Duration = Duration::from_secs(20);

/// The coordinator's clock as it showed in its welcome. Its moments are compared with this one and
/// never with this machine's, which may be set to another year.
#[derive(Clone, Copy)]
struct ServerClock {
    read: Instant,
    showed: Timestamp,
}

impl ServerClock {
    /// When to fetch the next token for a socket that must authenticate again by `expires_at`.
    fn renewal(&self, expires_at: Timestamp) -> Instant {
        let passed = u64::try_from(self.read.elapsed().as_millis()).unwrap_or(u64::MAX);
        let now = self.showed.plus_millis(passed);
        let left = expires_at.as_millis().saturating_sub(now.as_millis());
        let wait = Duration::from_millis(left.saturating_sub(RENEW_AHEAD_MS).max(left / 2));
        Instant::now() + wait.max(RENEW_AGAIN)
    }
}

/// Upgrades a connection.
pub(super) async fn open(dialled: Dialled, access: &Access) -> Result<WsClientStream, Refusal> {
    websocket(dialled, SESSION, &access.token).await.map_err(|error| match error {
        CallError::Refused(error) => Refusal::Refused(error),
        error @ CallError::Http(_) => Refusal::Lost(Failure::new(
            FailureKind::Unreachable,
            format!("The coordinator closed the connection before it was ready ({error})."),
        )),
    })
}

/// A frame as it is sent.
pub(crate) fn encode(frame: &ClientFrame) -> Utf8Bytes {
    serde_json::to_string(frame).unwrap_or_else(|_| unreachable!("frames have string keys only")).into()
}

impl Session {
    /// Drives one open socket to its end.
    pub(super) async fn pump(&mut self, stream: WsClientStream, coordinator: IpAddr) -> End {
        let (sender, mut receiver) = socket::spawn(stream, HEARTBEAT);
        let hello = self.hello();
        if sender.send(encode(&hello)).is_err() {
            return lost(receiver.closed().as_ref(), false);
        }
        let welcome = match first_frame(&mut receiver).await {
            Ok(welcome) => welcome,
            Err(end) => return end,
        };
        sender.set_heartbeat(SocketSettings {
            heartbeat: Duration::from_millis(welcome.heartbeat_ms.max(100)),
            timeout: Duration::from_millis(welcome.timeout_ms.max(200)),
        });
        let clock = ServerClock { read: Instant::now(), showed: welcome.now };
        let renew_at = clock.renewal(welcome.expires_at);
        let up = SessionEvent::Up { sender: sender.clone(), welcome };
        if self.events.send(up).await.is_err() {
            return End::Closed;
        }
        let line = Uplink { sender: sender.clone(), coordinator };
        let _raised = Raised::new(self.setup.uplink.clone(), line);
        let end = self.relay(&sender, &mut receiver, clock, renew_at).await;
        sender.close(None);
        end
    }

    fn hello(&mut self) -> ClientFrame {
        ClientFrame::Hello(Hello {
            versions: vec![landline_protocol::VERSION],
            capabilities: Vec::new(),
            agent: concat!("landline/", env!("CARGO_PKG_VERSION")).to_owned(),
            device_name: self.setup.device_name.clone(),
            addresses: self.setup.addresses.borrow_and_update().clone(),
        })
    }

    async fn relay(
        &mut self,
        sender: &SocketSender,
        receiver: &mut SocketReceiver,
        clock: ServerClock,
        first: Instant,
    ) -> End {
        let mut renew_at = tokio::time::Instant::from_std(first);
        let mut addresses = self.setup.addresses.clone();
        loop {
            tokio::select! {
                inbound = receiver.recv() => match inbound {
                    Some(Inbound::Text(text)) => match self.receive(&text).await {
                        Ok(Some(expires_at)) => renew_at = clock.renewal(expires_at).into(),
                        Ok(None) => {}
                        Err(end) => return end,
                    },
                    Some(Inbound::RoundTrip(time)) => {
                        if self.events.send(SessionEvent::RoundTrip(time)).await.is_err() {
                            return End::Closed;
                        }
                    }
                    None => return lost(receiver.closed().as_ref(), true),
                },
                Ok(()) = addresses.changed() => {
                    let addresses = addresses.borrow_and_update().clone();
                    // A closed socket shows at the next receive.
                    let _ = sender.send(encode(&ClientFrame::Announce { addresses }));
                }
                () = tokio::time::sleep_until(renew_at) => {
                    renew_at = tokio::time::Instant::now() + RENEW_AGAIN;
                    match self.refresh().await {
                        Ok(access) => {
                            let token = access.token.as_ref().to_owned();
                            let _ = sender.send(encode(&ClientFrame::Authenticate { token }));
                        }
                        Err(End::Refused(cause)) => return End::Refused(cause),
                        // The line is up, only the request failed: once more in a while.
                        Err(_) => {}
                    }
                }
            }
        }
    }

    /// Hands a frame on. Says when the next token is due, if the frame did.
    async fn receive(&self, text: &str) -> Result<Option<Timestamp>, End> {
        let frame: ServerFrame = match serde_json::from_str(text) {
            Ok(frame) => frame,
            Err(error) => {
                tracing::warn!(%error, "a frame of the coordinator cannot be read");
                return Ok(None);
            }
        };
        match frame {
            ServerFrame::Authenticated { expires_at } => Ok(Some(expires_at)),
            ServerFrame::Goodbye { error } => Err(goodbye(error)),
            ServerFrame::Unknown => Ok(None),
            frame => {
                let sent = self.events.send(SessionEvent::Frame(Box::new(frame))).await;
                sent.map(|()| None).map_err(|_| End::Closed)
            }
        }
    }
}

async fn first_frame(receiver: &mut SocketReceiver) -> Result<Welcome, End> {
    let wait = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            match receiver.recv().await {
                Some(Inbound::Text(text)) => return Some(text),
                Some(Inbound::RoundTrip(_)) => {}
                None => return None,
            }
        }
    });
    let Ok(Some(text)) = wait.await else {
        return Err(lost(receiver.closed().as_ref(), false));
    };
    match serde_json::from_str(&text) {
        Ok(ServerFrame::Welcome(welcome)) => Ok(welcome),
        Ok(ServerFrame::Goodbye { error }) => Err(goodbye(error)),
        _ => Err(End::Retry {
            cause: Failure::new(
                FailureKind::Internal,
                "The coordinator did not say welcome. Is it another program?",
            ),
            after: None,
            was_up: false,
        }),
    }
}

/// What the coordinator's last words mean for the next attempt.
fn goodbye(error: WireError) -> End {
    match error.code {
        ErrorCode::SessionRevoked | ErrorCode::VersionUnsupported => End::Refused(refused_failure(&error)),
        ErrorCode::TokenExpired | ErrorCode::ShuttingDown | ErrorCode::SlowConsumer => {
            let after = error.details.retry_after_ms.map(Duration::from_millis);
            End::Retry { cause: refused_failure(&error), after, was_up: true }
        }
        ErrorCode::Replaced => {
            let after = Some(Duration::from_secs(15));
            End::Retry { cause: refused_failure(&error), after, was_up: true }
        }
        _ => match end_of_refusal(Refusal::Refused(error)) {
            End::Retry { cause, after, .. } => End::Retry { cause, after, was_up: true },
            end => end,
        },
    }
}

fn lost(closed: Option<&Closed>, was_up: bool) -> End {
    let why = match closed {
        Some(Closed::Timeout) => "it has been silent for too long".to_owned(),
        Some(Closed::Overflow) => "this side could not send fast enough".to_owned(),
        Some(closed) => closed.to_string(),
        None => "it gave no reason".to_owned(),
    };
    let cause =
        Failure::new(FailureKind::Unreachable, format!("The line to the coordinator was lost: {why}."));
    End::Retry { cause, after: None, was_up }
}
