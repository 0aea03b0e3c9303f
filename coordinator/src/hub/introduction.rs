//! What a new connection is told first: everybody, what is revoked, its conversations. In parts, so
//! that neither a large directory nor many changes meanwhile overflow its queue.

use landline_protocol::ServerFrame;

use super::people::Part;
use super::{Hub, State, tell};
use crate::store::ConnectionId;

/// Bytes of a frame of the directory, about.
const PART_BYTES: usize = 48 * 1024;
/// Conversations in one frame.
const HEADS: usize = 256;

/// How far a connection has been introduced.
#[derive(Debug, Default)]
pub(crate) enum Introduction {
    /// Nothing was said.
    #[default]
    Begun,
    /// It has the directory up to a name, as it was at some moment or later.
    Everybody { after: String, since: u64 },
    /// It has the directory as it was at this moment or later.
    Changes { since: u64 },
    /// It has the directory, and so many of its conversations.
    Conversations { from: usize },
    /// It has everything.
    Done,
}

impl Hub {
    /// Sends the next part; `false` when that is all, or the connection is gone.
    pub(super) fn introduce(&self, id: ConnectionId, so_far: &mut Introduction) -> bool {
        let mut state = self.state();
        let now = state.people.version();
        *so_far = match std::mem::replace(so_far, Introduction::Done) {
            Introduction::Begun => state.tell_everybody(id, None, now),
            Introduction::Everybody { after, since } => state.tell_everybody(id, Some(&after), since),
            Introduction::Changes { since } => state.tell_changes(id, since),
            Introduction::Conversations { from } => state.tell_conversations(id, from),
            Introduction::Done => Introduction::Done,
        };
        !matches!(so_far, Introduction::Done)
    }
}

impl State {
    fn tell_everybody(&mut self, id: ConnectionId, after: Option<&str>, since: u64) -> Introduction {
        let Part { people, next } = self.people.part(after, PART_BYTES);
        let complete = next.is_none() && since == self.people.version();
        self.tell_one(id, &ServerFrame::Directory { people, complete });
        match next {
            Some(after) => Introduction::Everybody { after, since },
            None if complete => self.tell_revoked(id),
            None => Introduction::Changes { since },
        }
    }

    /// What changed while the directory was told, many people in a frame.
    fn tell_changes(&mut self, id: ConnectionId, since: u64) -> Introduction {
        let (people, upto) = self.people.changed_since(since, PART_BYTES);
        let complete = upto == self.people.version();
        self.tell_one(id, &ServerFrame::Directory { people, complete });
        if complete { self.tell_revoked(id) } else { Introduction::Changes { since: upto } }
    }

    /// The directory is told: from here on changes are. The first conversations follow at once.
    fn tell_revoked(&mut self, id: ConnectionId) -> Introduction {
        if let Some(connected) = self.connections.get_mut(&id) {
            let _ = connected.sender.send(self.revocations.frame.clone());
            connected.told = true;
        }
        self.tell_conversations(id, 0)
    }

    fn tell_conversations(&mut self, id: ConnectionId, from: usize) -> Introduction {
        let Some(connected) = self.connections.get_mut(&id) else {
            return Introduction::Done;
        };
        let conversations = self.conversations.heads(&connected.user, from, HEADS);
        let told = conversations.len();
        if told > 0 {
            tell(connected, &ServerFrame::Conversations { conversations });
        }
        if told == HEADS {
            return Introduction::Conversations { from: from + told };
        }
        connected.introduced = true;
        Introduction::Done
    }

    fn tell_one(&self, id: ConnectionId, frame: &ServerFrame) {
        if let Some(connected) = self.connections.get(&id) {
            tell(connected, frame);
        }
    }
}
