//! The line to a coordinator: tokens, dialling, the WebSocket, and coming back by itself.
//!
//! A session is a task. It tells the engine what happens as [`SessionEvent`]s and hands it the
//! socket's sending half while the line is up; it decides nothing about messages.

pub(crate) mod backoff;
pub(crate) mod coordinator;
mod pump;
#[cfg(test)]
mod tests;
mod uplink;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use landline_net::socket::SocketSender;
use landline_protocol::account::Refresh;
use landline_protocol::frame::Welcome;
use landline_protocol::{ErrorCode, ServerFrame, limits};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use crate::api::{Failure, FailureKind};
use crate::secrets::{Secrets, Stored};
use backoff::{Backoff, random_byte};
use coordinator::{Client, Refusal, refused_failure};
pub(crate) use pump::encode;
pub(crate) use uplink::{Uplink, UplinkShown};

/// What happens on the line.
pub(crate) enum SessionEvent {
    /// Dialling begins.
    Connecting,
    /// The coordinator said welcome; frames can be sent.
    Up { sender: SocketSender, welcome: Welcome },
    /// The coordinator says something.
    Frame(Box<ServerFrame>),
    /// A heartbeat came back.
    RoundTrip(Duration),
    /// The line is down until then.
    Down { until: Instant, cause: Failure },
    /// The line is down for good, unless the person asks for another attempt.
    Refused { cause: Failure },
}

/// Everything a session needs.
pub(crate) struct SessionSetup {
    pub(crate) client: Client,
    pub(crate) secrets: Secrets,
    pub(crate) device_name: String,
    /// Where this device's file server can be reached.
    pub(crate) addresses: watch::Receiver<Vec<SocketAddr>>,
    /// Where the line is shown while it is up.
    pub(crate) uplink: UplinkShown,
    /// Receives each new peer credential.
    pub(crate) credential: watch::Sender<Arc<str>>,
    /// Tokens just obtained by signing in; otherwise the stored refresh token is traded first.
    pub(crate) access: Option<Access>,
}

/// An access token, and until when it is good by this machine's steady clock: the two clocks of
/// the day need not agree.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) token: Arc<str>,
    pub(crate) until: Instant,
}

impl Access {
    /// A token that was asked for at that moment, and so is good for its lifetime from then on.
    pub(crate) fn new(token: &str, asked: Instant) -> Self {
        Self { token: token.into(), until: asked + Duration::from_secs(limits::ACCESS_TOKEN_SECS) }
    }
}

/// A running session; dropping it hangs up.
pub(crate) struct SessionHandle {
    retry: Arc<Notify>,
    /// The newest access token, for requests of the engine.
    pub(crate) access: watch::Receiver<Option<Access>>,
    _task: AbortOnDropHandle<()>,
}

impl SessionHandle {
    /// Starts a session that reports to `events`.
    pub(crate) fn start(setup: SessionSetup, events: mpsc::Sender<SessionEvent>) -> Self {
        let retry = Arc::new(Notify::new());
        let (publish, access) = watch::channel(setup.access.clone());
        let session = Session { setup, publish, events, retry: Arc::clone(&retry) };
        Self { retry, access, _task: AbortOnDropHandle::new(tokio::spawn(session.run())) }
    }

    /// Ends a wait.
    pub(crate) fn reconnect(&self) {
        self.retry.notify_one();
    }
}

struct Session {
    setup: SessionSetup,
    publish: watch::Sender<Option<Access>>,
    events: mpsc::Sender<SessionEvent>,
    retry: Arc<Notify>,
}

/// How an attempt ended.
enum End {
    /// Try again, not before so long if the coordinator said how long.
    Retry { cause: Failure, after: Option<Duration>, was_up: bool },
    /// Do not try again by oneself.
    Refused(Failure),
    /// The engine is gone.
    Closed,
}

impl Session {
    async fn run(mut self) {
        let mut backoff = Backoff::default();
        loop {
            if self.events.send(SessionEvent::Connecting).await.is_err() {
                return;
            }
            match self.attempt().await {
                End::Retry { cause, after, was_up } => {
                    if was_up {
                        backoff.reset();
                    }
                    let wait = backoff.next(random_byte()).max(after.unwrap_or_default());
                    let until = Instant::now() + wait;
                    if self.events.send(SessionEvent::Down { until, cause }).await.is_err() {
                        return;
                    }
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = self.retry.notified() => {}
                    }
                }
                End::Refused(cause) => {
                    if self.events.send(SessionEvent::Refused { cause }).await.is_err() {
                        return;
                    }
                    self.retry.notified().await;
                }
                End::Closed => return,
            }
        }
    }

    async fn attempt(&mut self) -> End {
        let access = match self.access().await {
            Ok(access) => access,
            Err(end) => return end,
        };
        let dialled = match self.setup.client.dial().await {
            Ok(dialled) => dialled,
            Err(cause) => return end_of(cause),
        };
        let coordinator = dialled.remote.ip();
        match pump::open(dialled, &access).await {
            Ok(socket) => self.pump(socket, coordinator).await,
            // Whatever is wrong with the access token, a fresh one or the reason why there is none
            // comes from the next refresh.
            Err(Refusal::Refused(error))
                if matches!(error.code, ErrorCode::TokenExpired | ErrorCode::Unauthenticated) =>
            {
                self.publish.send_replace(None);
                End::Retry { cause: refused_failure(&error), after: None, was_up: false }
            }
            Err(refusal) => end_of_refusal(refusal),
        }
    }

    /// An access token that is good for a minute at least.
    async fn access(&mut self) -> Result<Access, End> {
        let held = self.publish.borrow().clone();
        match held {
            Some(access) if access.until > Instant::now() + Duration::from_mins(1) => Ok(access),
            _ => self.refresh().await,
        }
    }

    /// Trades the refresh token. The successor is stored before anything is done with it.
    async fn refresh(&self) -> Result<Access, End> {
        let asked = Instant::now();
        let Some(stored) = self.setup.secrets.load().await else {
            return Err(End::Refused(signed_out()));
        };
        let mut requests = self.setup.client.open().await.map_err(end_of)?;
        let request = Refresh { refresh_token: stored.refresh_token };
        let session = requests.refresh(&request).await.map_err(end_of_refusal)?;
        let stored =
            Stored { refresh_token: session.refresh_token, peer_credential: session.peer_credential.clone() };
        if let Err(error) = self.setup.secrets.store(&stored).await {
            let text =
                format!("The sign-in could not be kept ({error}): free some space in the profile folder.");
            return Err(End::Retry {
                cause: Failure::new(FailureKind::Io, text),
                after: None,
                was_up: false,
            });
        }
        let credential: Arc<str> = session.peer_credential.into();
        self.setup.credential.send_replace(credential);
        let access = Access::new(&session.access_token, asked);
        self.publish.send_replace(Some(access.clone()));
        Ok(access)
    }
}

fn signed_out() -> Failure {
    Failure::new(FailureKind::Unauthorized, "This device is signed out. Sign in again.")
}

fn end_of(cause: Failure) -> End {
    if cause.kind == FailureKind::KeyChanged {
        End::Refused(cause)
    } else {
        End::Retry { cause, after: None, was_up: false }
    }
}

fn end_of_refusal(refusal: Refusal) -> End {
    match refusal {
        Refusal::Refused(error) => {
            let cause = refused_failure(&error);
            let after = error.details.retry_after_ms.map(Duration::from_millis);
            match cause.kind {
                FailureKind::Unauthorized | FailureKind::Invalid | FailureKind::NotFound => {
                    End::Refused(cause)
                }
                _ => End::Retry { cause, after, was_up: false },
            }
        }
        Refusal::Lost(cause) => end_of(cause),
    }
}
