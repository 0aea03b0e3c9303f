//! Who is connected, and what each of them is told.
//!
//! One mutex over plain state, held for the length of a few map operations and never across an
//! await. What it decides, it decides in the order of commits: a page that reaches the head and the
//! first message after it meet here.

pub(crate) mod connection;
mod conversations;
mod dial_back;
mod fanout;
mod frames;
mod incoming;
mod introduction;
mod offers;
mod page;
mod people;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use landline_net::{SocketSender, Utf8Bytes};
use landline_protocol::{
    ConversationId, ConversationKind, DeviceId, ErrorCode, ServerFrame, SignedRevocations, Timestamp,
    UserName, WireError,
};

use tokio::sync::Notify;

use crate::auth::{Authorized, revoked};
use crate::catalog::Holders;
use crate::store::accounts::StoredPerson;
use crate::store::messages::StoredConversation;
use crate::store::{ConnectionId, StoreError};
use conversations::Conversations;
use dial_back::Asked;
use frames::{encode, goodbye, jitter};
use landline_net::Clock;
use page::ReadPage;
use people::People;

pub(crate) use introduction::Introduction;

/// People whose changed state is told at once; more wait for the next round.
const PRESENCE_ROUND: usize = 32;
/// How long the end of a family is remembered: no access token of it lives longer.
const ENDED_MILLIS: u64 = 15 * 60 * 1000;

/// The meeting point of all connections.
pub(crate) struct Hub {
    state: Mutex<State>,
    /// Somebody's presence changed.
    stirred: Notify,
    /// The list of revocations changed.
    revoked: Notify,
    clock: Clock,
}

struct State {
    people: People,
    conversations: Conversations,
    connections: HashMap<ConnectionId, Connected>,
    by_device: HashMap<DeviceId, ConnectionId>,
    /// Families that ended lately, and until when to remember them.
    ended: HashMap<String, Timestamp>,
    /// Who holds what was offered.
    holders: Holders,
    /// Who asked whom to dial back lately.
    asked: Asked,
    last_id: u64,
    closing: bool,
    revocations: Told,
}

/// The list of revocations as it is sent.
#[derive(Default)]
struct Told {
    version: Option<u64>,
    frame: Utf8Bytes,
}

/// A connection as the hub sees it.
struct Connected {
    user: UserName,
    device: DeviceId,
    session: String,
    expires_at: Timestamp,
    sender: SocketSender,
    /// Whether it has the directory and is told what changes.
    told: bool,
    /// Whether it has all of its conversations, too, and is told of new ones.
    introduced: bool,
}

impl Hub {
    /// Everybody and every conversation of the database; nobody is here yet.
    pub(crate) fn new(
        people: Vec<StoredPerson>,
        conversations: Vec<StoredConversation>,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let state = State {
            people: People::load(people),
            conversations: Conversations::load(conversations)?,
            connections: HashMap::new(),
            by_device: HashMap::new(),
            ended: HashMap::new(),
            holders: Holders::default(),
            asked: Asked::default(),
            last_id: 0,
            closing: false,
            revocations: Told::default(),
        };
        Ok(Self { state: Mutex::new(state), stirred: Notify::new(), revoked: Notify::new(), clock })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection in, in place of an earlier one of the same device.
    fn enter(
        &self,
        who: &Authorized,
        sender: &SocketSender,
        device_name: &str,
        addresses: Vec<SocketAddr>,
    ) -> Result<ConnectionId, WireError> {
        let mut state = self.state();
        if state.closing {
            return Err(shutting_down());
        }
        if state.ended.contains_key(&who.session) {
            return Err(revoked());
        }
        state.last_id += 1;
        let id = ConnectionId(state.last_id);
        if let Some(earlier) = state.by_device.insert(who.device, id) {
            state.replace(earlier, self.clock.now());
        }
        state.people.arrive(&who.user, who.device, device_name, addresses);
        let connected = Connected {
            user: who.user.clone(),
            device: who.device,
            session: who.session.clone(),
            expires_at: who.expires_at,
            sender: sender.clone(),
            told: false,
            introduced: false,
        };
        state.connections.insert(id, connected);
        self.stirred.notify_one();
        Ok(id)
    }

    /// A connection has ended. `true` if it was the device's newest, so that the device is gone.
    fn leave(&self, id: ConnectionId) -> bool {
        let now = self.clock.now();
        let mut state = self.state();
        let Some(gone) = state.connections.remove(&id) else {
            return false;
        };
        state.conversations.forget(id, &gone.user);
        state.holders.forget(id);
        let newest = state.by_device.get(&gone.device) == Some(&id);
        if newest {
            state.by_device.remove(&gone.device);
            state.people.leave(&gone.user, gone.device, now);
            self.stirred.notify_one();
        }
        newest
    }

    /// A device can be reached elsewhere now.
    fn announce(&self, who: &Authorized, addresses: Vec<SocketAddr>, observed: IpAddr) {
        self.state().people.announce(&who.user, who.device, people::reachable(addresses, observed));
        self.stirred.notify_one();
    }

    /// A connection showed a fresh access token.
    fn renew(&self, id: ConnectionId, session: &str, expires_at: Timestamp) {
        if let Some(connected) = self.state().connections.get_mut(&id) {
            session.clone_into(&mut connected.session);
            connected.expires_at = expires_at;
        }
    }

    /// Notes a new account, or a device that signed in.
    pub(crate) fn add_person(&self, user: &UserName, device: DeviceId, device_name: &str) {
        self.state().people.add(user, device, device_name);
        self.stirred.notify_one();
    }

    /// The conversation that `to` means, in the accounts' own spelling; `None` if someone in it has
    /// no account.
    fn spelled(&self, to: &ConversationKind) -> Option<ConversationKind> {
        let state = self.state();
        match to {
            ConversationKind::Lobby => Some(ConversationKind::Lobby),
            ConversationKind::Direct { users: [one, other] } => {
                let spelled = |name| state.people.spelled(name).cloned();
                Some(ConversationKind::direct(spelled(one)?, spelled(other)?))
            }
        }
    }

    /// Whether there is such a conversation and `user` is in it.
    fn admits(&self, conversation: &ConversationId, user: &UserName) -> bool {
        self.state().conversations.admits(conversation, user)
    }

    /// Sends a page; one that reaches the head makes the conversation live for the connection.
    fn send_page(&self, id: ConnectionId, page: &ReadPage) {
        let mut guard = self.state();
        let state = &mut *guard;
        let Some(connected) = state.connections.get(&id) else {
            return;
        };
        let conversation = page.conversation();
        let head = state.conversations.head(&conversation);
        let _ = connected.sender.send(page.frame(head).into());
        if let Some(upto) = page.upto(head) {
            state.conversations.go_live(&conversation, id, upto);
        }
    }

    /// Returns once somebody's presence has changed since it returned last.
    pub(crate) async fn presence_changed(&self) {
        self.stirred.notified().await;
    }

    /// Tells some of those whose state changed to everybody; `true` if others are left.
    pub(crate) fn tell_presence(&self) -> bool {
        let mut state = self.state();
        let round = state.people.take_changed(PRESENCE_ROUND);
        let full = round.len() == PRESENCE_ROUND;
        for person in round {
            state.tell_all(&ServerFrame::Presence { person });
        }
        full
    }

    /// From now on this is the list of revocations, unless a later one came before it.
    pub(crate) fn set_revocations(&self, version: u64, revocations: SignedRevocations) {
        let mut state = self.state();
        if state.revocations.version < Some(version) {
            let frame = encode(&ServerFrame::Revocations { revocations }).into();
            state.revocations = Told { version: Some(version), frame };
            self.revoked.notify_one();
        }
    }

    /// Returns once the list of revocations has changed since it returned last.
    pub(crate) async fn revocations_changed(&self) {
        self.revoked.notified().await;
    }

    /// Tells the list of revocations to everybody.
    pub(crate) fn tell_revocations(&self) {
        let state = self.state();
        for connected in state.connections.values().filter(|c| c.told) {
            let _ = connected.sender.send(state.revocations.frame.clone());
        }
    }

    /// Ends the connections whose access token has run out, and forgets old families.
    pub(crate) fn sweep(&self) {
        let now = self.clock.now();
        let mut state = self.state();
        state.ended.retain(|_, until| *until > now);
        state.asked.sweep(now);
        for connected in state.connections.values().filter(|c| c.expires_at <= now) {
            let why = "the access token ran out: sign in again with a fresh one";
            dismiss(&connected.sender, goodbye(ErrorCode::TokenExpired, why));
        }
    }

    /// A family is over: its connections end, and none begins.
    pub(crate) fn end_session(&self, session: &str) {
        let mut state = self.state();
        state.ended.insert(session.to_owned(), self.clock.now().plus_millis(ENDED_MILLIS));
        for connected in state.connections.values().filter(|c| c.session == session) {
            dismiss(&connected.sender, revoked());
        }
    }

    /// From now on nobody is taken in. Gives who is here.
    pub(crate) fn begin_closing(&self) -> Vec<UserName> {
        let mut state = self.state();
        state.closing = true;
        state.connections.values().map(|connected| connected.user.clone()).collect()
    }

    /// Whether the coordinator is going down.
    pub(crate) fn is_closing(&self) -> bool {
        self.state().closing
    }

    /// Tells everybody to come back, not all at once.
    pub(crate) fn say_goodbye(&self) {
        for connected in self.state().connections.values() {
            dismiss(&connected.sender, shutting_down());
        }
    }
}

impl State {
    /// A device connected again while its earlier connection was still there.
    fn replace(&mut self, earlier: ConnectionId, now: Timestamp) {
        if let Some(gone) = self.connections.remove(&earlier) {
            self.conversations.forget(earlier, &gone.user);
            self.holders.forget(earlier);
            self.people.leave(&gone.user, gone.device, now);
            let why = "another connection of this device took over";
            dismiss(&gone.sender, goodbye(ErrorCode::Replaced, why));
        }
    }

    /// Whether a connection is here, and is not about to end: what it holds is gone with the decision,
    /// not when the socket is.
    fn is_current(&self, id: ConnectionId, now: Timestamp) -> bool {
        let connected = self.connections.get(&id);
        connected.is_some_and(|c| c.expires_at > now && !self.ended.contains_key(&c.session))
    }

    fn tell_all(&self, frame: &ServerFrame) {
        let text: Utf8Bytes = encode(frame).into();
        for connected in self.connections.values().filter(|c| c.told) {
            let _ = connected.sender.send(text.clone());
        }
    }
}

/// Sends a frame to one connection. Who reads too slowly is cut off by the socket, and resumes.
fn tell(to: &Connected, frame: &ServerFrame) {
    let _ = to.sender.send(encode(frame).into());
}

fn dismiss(sender: &SocketSender, error: WireError) {
    sender.close(Some(encode(&ServerFrame::Goodbye { error }).into()));
}

fn shutting_down() -> WireError {
    WireError::new(ErrorCode::ShuttingDown, "the coordinator is shutting down: come back in a moment")
        .retry_after_ms(250 + jitter(1_000))
}
