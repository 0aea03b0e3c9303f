//! One session: the task behind one WebSocket, from `hello` to the end.

use std::sync::Arc;
use std::time::Duration;

use landline_net::{Inbound, Peer, PendingSocket, SocketReceiver, SocketSender, SocketSettings, Utf8Bytes};
use landline_protocol::frame::{Hello, Pull, Welcome};
use landline_protocol::{
    ClientFrame, ConversationKind, ErrorCode, ServerFrame, Signed, VERSION, WireError, limits,
};
use tokio::time::{Instant, timeout};

use super::frames::{encode, goodbye};
use super::{Introduction, dismiss, incoming, page, people};
use crate::auth::{Authorized, device_name};
use crate::state::App;
use crate::store::{ConnectionId, StoreError, accounts};

/// How long the first frame may take.
const HELLO: Duration = Duration::from_secs(10);
/// Seconds' worth of frames that may come at once.
const BURST_SECONDS: f64 = 4.0;
/// What may still be queued when the next part of an introduction is.
const PART_ROOM: usize = limits::QUEUE_BYTES / 4;

/// What a session works with.
pub(super) struct Session {
    pub(super) app: Arc<App>,
    pub(super) who: Authorized,
    pub(super) peer: Peer,
    pub(super) sender: SocketSender,
    pub(super) id: ConnectionId,
}

/// Whether the session goes on.
pub(super) enum Next {
    Frame,
    End,
}

/// Runs a session until its socket ends. To be spawned, for the socket begins only after the
/// response that announces it.
pub(crate) async fn run(app: Arc<App>, who: Authorized, peer: Peer, pending: PendingSocket) {
    let ws = match pending.accept().await {
        Ok(ws) => ws,
        Err(error) => return tracing::debug!(%error, "the WebSocket did not begin"),
    };
    let settings = SocketSettings { heartbeat: app.config.heartbeat, timeout: app.config.heartbeat_timeout };
    let (sender, mut receiver) = landline_net::spawn(ws, settings);
    sender.set_farewell(encode(&ServerFrame::Goodbye { error: slow() }).into());
    let remote = peer.remote;
    match open(app, who, peer, sender.clone(), &mut receiver).await {
        Ok(Some((mut session, name))) => {
            session.serve(&mut receiver).await;
            session.end(&receiver, name).await;
        }
        Ok(None) => tracing::debug!(%remote, "a connection ended before hello"),
        Err(error) => dismiss(&sender, error),
    }
}

fn slow() -> WireError {
    goodbye(ErrorCode::SlowConsumer, "this connection was read too slowly: resume from your cursors")
}

/// Waits for `hello`, answers it, and sends who and what there is.
async fn open(
    app: Arc<App>,
    who: Authorized,
    peer: Peer,
    sender: SocketSender,
    receiver: &mut SocketReceiver,
) -> Result<Option<(Session, String)>, WireError> {
    let Some(hello) = wait_for_hello(receiver).await? else {
        return Ok(None);
    };
    if !hello.versions.contains(&VERSION) {
        let why = format!("this coordinator speaks version {VERSION} only: use a release that does too");
        return Err(WireError::new(ErrorCode::VersionUnsupported, why));
    }
    let name = device_name(&hello.device_name);
    let addresses = people::reachable(hello.addresses, peer.remote.ip());
    let id = app.hub.enter(&who, &sender, &name, addresses)?;
    tracing::info!(
        connection = id.0, user = %who.user, device = who.device.short(), remote = %peer.remote,
        agent = ?hello.agent, "connected"
    );
    let session = Session { app, who, peer, sender, id };
    session.introduce().await;
    session.keep_seen(&name).await;
    Ok(Some((session, name)))
}

async fn wait_for_hello(receiver: &mut SocketReceiver) -> Result<Option<Hello>, WireError> {
    let first = async {
        loop {
            match receiver.recv().await {
                Some(Inbound::Text(text)) => return Some(text),
                Some(Inbound::RoundTrip(_)) => {}
                None => return None,
            }
        }
    };
    let bad = || WireError::new(ErrorCode::BadRequest, "the first frame must be a hello");
    match timeout(HELLO, first).await.map_err(|_| bad())? {
        None => Ok(None),
        Some(text) => match serde_json::from_str(&text) {
            Ok(ClientFrame::Hello(hello)) => Ok(Some(hello)),
            _ => Err(bad()),
        },
    }
}

impl Session {
    pub(super) fn tell(&self, frame: &ServerFrame) {
        // Who reads too slowly is cut off by the socket, and resumes.
        let _ = self.sender.send(encode(frame).into());
    }

    async fn introduce(&self) {
        let config = &self.app.config;
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.tell(&ServerFrame::Welcome(Welcome {
            version: VERSION,
            capabilities: Vec::new(),
            agent: concat!("landline-coordinator/", env!("CARGO_PKG_VERSION")).into(),
            user: self.who.user.clone(),
            heartbeat_ms: millis(config.heartbeat),
            timeout_ms: millis(config.heartbeat_timeout),
            now: self.app.clock.now(),
            expires_at: self.who.expires_at,
        }));
        let mut so_far = Introduction::default();
        while self.app.hub.introduce(self.id, &mut so_far) {
            if timeout(config.heartbeat_timeout, self.sender.drained(PART_ROOM)).await.is_err() {
                return dismiss(&self.sender, slow());
            }
        }
    }

    async fn serve(&mut self, receiver: &mut SocketReceiver) {
        let mut pace = Pace::new(self.app.config.limits.frames_per_second);
        while let Some(inbound) = receiver.recv().await {
            let Inbound::Text(text) = inbound else { continue };
            pace.wait().await;
            if let Next::End = self.take(&text).await {
                break;
            }
        }
    }

    async fn take(&mut self, text: &Utf8Bytes) -> Next {
        match serde_json::from_str(text) {
            Ok(ClientFrame::Send { to, message }) => return self.send(&to, message).await,
            Ok(ClientFrame::Pull(pull)) => return self.pull(pull).await,
            Ok(ClientFrame::Announce { addresses }) => {
                self.app.hub.announce(&self.who, addresses, self.peer.remote.ip());
            }
            Ok(ClientFrame::Authenticate { token }) => return self.authenticate(&token).await,
            Ok(ClientFrame::Hold { offer, complete }) => return self.hold(offer, complete).await,
            Ok(ClientFrame::Release { offer }) => self.release(&offer),
            Ok(ClientFrame::Seek { offer }) => return self.seek(offer).await,
            Ok(ClientFrame::DialBack { to, addresses, nonce }) => self.dial_back(to, addresses, nonce),
            Ok(ClientFrame::Hello(_)) => {
                self.complain(ErrorCode::BadRequest, "hello was said already".into());
            }
            Ok(ClientFrame::Unknown) => {}
            Err(error) => self.complain(ErrorCode::BadRequest, format!("this frame cannot be read: {error}")),
        }
        Next::Frame
    }

    fn complain(&self, code: ErrorCode, why: String) {
        self.tell(&ServerFrame::Error { error: WireError::new(code, why) });
    }

    /// Hands a message to the writer, whose commit is answered by the hub.
    async fn send(&self, to: &ConversationKind, message: Signed) -> Next {
        match incoming::check(&self.app.hub, &self.who, self.id, to, message) {
            // Once the coordinator is going down nothing is answered but goodbye: what has no ack
            // is sent again after it is back.
            Ok(_) if self.app.hub.is_closing() => {}
            Ok(append) => {
                if self.app.store.append(append).await.is_err() {
                    return Next::End;
                }
            }
            Err(refusal) => self.tell(&refusal.frame()),
        }
        Next::Frame
    }

    /// Answers with a page. One that cannot be read ends the connection, for without it the client
    /// would wait: it resumes from its cursors.
    async fn pull(&self, pull: Pull) -> Next {
        if !self.app.hub.admits(&pull.conversation, &self.who.user) {
            self.complain(ErrorCode::NotFound, "there is no such conversation here".into());
            return Next::Frame;
        }
        let read: Result<_, StoreError> = self.app.store.read(move |db| page::read(db, pull)).await;
        match read {
            Ok(page) => {
                self.app.hub.send_page(self.id, &page);
                Next::Frame
            }
            Err(error) => {
                dismiss(&self.sender, error.into());
                Next::End
            }
        }
    }

    async fn authenticate(&mut self, token: &str) -> Next {
        match self.app.auth.authorize(token, self.who.device).await {
            Ok(fresh) if fresh.user == self.who.user => {
                self.app.hub.renew(self.id, &fresh.session, fresh.expires_at);
                self.tell(&ServerFrame::Authenticated { expires_at: fresh.expires_at });
                self.who = fresh;
                Next::Frame
            }
            Ok(_) => {
                let why = "the token is another account's: sign in again";
                dismiss(&self.sender, goodbye(ErrorCode::Unauthenticated, why));
                Next::End
            }
            Err(error) => {
                dismiss(&self.sender, error);
                Next::End
            }
        }
    }

    /// Keeps what the device is called and when its owner was here.
    async fn keep_seen(&self, name: &str) {
        let (user, device, name) = (self.who.user.clone(), self.who.device, name.to_owned());
        let now = self.app.clock.now();
        let kept: Result<(), StoreError> =
            self.app.store.write(move |db| accounts::seen(db, &user, &device, &name, now)).await;
        if let Err(error) = kept {
            tracing::debug!(%error, "when someone was last seen was not kept");
        }
    }

    async fn end(self, receiver: &SocketReceiver, name: String) {
        let gone = self.app.hub.leave(self.id);
        let why = receiver.closed().map(|closed| closed.to_string());
        tracing::info!(connection = self.id.0, user = %self.who.user, why, "disconnected");
        if gone {
            self.keep_seen(&name).await;
        }
    }
}

/// Slows down a connection that sends more than its share, by not reading on.
struct Pace {
    per_second: f64,
    left: f64,
    at: Instant,
}

impl Pace {
    fn new(per_second: u32) -> Self {
        let per_second = f64::from(per_second.max(1));
        Self { per_second, left: per_second * BURST_SECONDS, at: Instant::now() }
    }

    async fn wait(&mut self) {
        let now = Instant::now();
        let earned = (now - self.at).as_secs_f64() * self.per_second;
        self.left = (self.left + earned).min(self.per_second * BURST_SECONDS) - 1.0;
        self.at = now;
        if self.left < 0.0 {
            tokio::time::sleep(Duration::from_secs_f64(-self.left / self.per_second)).await;
        }
    }
}
