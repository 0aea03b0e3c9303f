//! Conversations: who is in them, where they stand, and to which connections they are live.
//! Pure state.

use std::collections::HashMap;

use landline_protocol::frame::ConversationHead;
use landline_protocol::{ConversationId, ConversationKind, Seq, UserName};

use crate::store::messages::StoredConversation;
use crate::store::{ConnectionId, StoreError};

/// All conversations.
pub(super) struct Conversations {
    all: HashMap<ConversationId, Conversation>,
    /// The direct conversations of each folded name.
    of: HashMap<String, Vec<ConversationId>>,
}

struct Conversation {
    kind: ConversationKind,
    head: Seq,
    /// Connections that have its backlog, and up to where.
    live: HashMap<ConnectionId, Seq>,
}

impl Conversations {
    /// The conversations as the database has them; the lobby always is.
    pub(super) fn load(stored: Vec<StoredConversation>) -> Result<Self, StoreError> {
        let mut all = Self { all: HashMap::new(), of: HashMap::new() };
        all.insert(ConversationKind::Lobby, Seq::ZERO);
        for one in stored {
            let kind = match one.users {
                None => ConversationKind::Lobby,
                Some([a, b]) => {
                    let parse = crate::store::accounts::parse;
                    ConversationKind::direct(parse(&a)?, parse(&b)?)
                }
            };
            if kind.id() != one.id {
                return Err(StoreError::Other("a conversation's id does not follow from its members".into()));
            }
            all.insert(kind, one.head);
        }
        Ok(all)
    }

    fn insert(&mut self, kind: ConversationKind, head: Seq) {
        let id = kind.id();
        if let ConversationKind::Direct { users: [one, other] } = &kind {
            let (one, other) = (one.folded(), other.folded());
            if one != other {
                self.of.entry(other).or_default().push(id);
            }
            self.of.entry(one).or_default().push(id);
        }
        self.all.insert(id, Conversation { kind, head, live: HashMap::new() });
    }

    /// Makes sure that a conversation exists; `true` if it is new.
    pub(super) fn ensure(&mut self, id: &ConversationId, kind: &ConversationKind) -> bool {
        let new = !self.all.contains_key(id);
        if new {
            self.insert(kind.clone(), Seq::ZERO);
        }
        new
    }

    /// Some of the conversations of one person, the lobby first; new ones are added at the end.
    pub(super) fn heads(&self, user: &UserName, from: usize, most: usize) -> Vec<ConversationHead> {
        let lobby = ConversationId::lobby();
        let direct = self.of.get(&user.folded()).into_iter().flatten();
        std::iter::once(&lobby)
            .chain(direct)
            .filter_map(|id| self.all.get(id))
            .skip(from)
            .take(most)
            .map(|one| ConversationHead { kind: one.kind.clone(), head: one.head })
            .collect()
    }

    /// Whether there is such a conversation and `user` is in it.
    pub(super) fn admits(&self, id: &ConversationId, user: &UserName) -> bool {
        self.all.get(id).is_some_and(|one| one.kind.includes(user))
    }

    /// The newest place that was told to live connections.
    pub(super) fn head(&self, id: &ConversationId) -> Seq {
        self.all.get(id).map_or(Seq::ZERO, |one| one.head)
    }

    /// A connection has everything up to `upto`: if nothing newer was handed out, it is live from
    /// there on. What a reader saw before the hub heard of it is remembered, so that it is not
    /// handed out twice.
    pub(super) fn go_live(&mut self, id: &ConversationId, connection: ConnectionId, upto: Seq) -> bool {
        match self.all.get_mut(id) {
            Some(one) if upto >= one.head => {
                one.live.insert(connection, upto);
                true
            }
            _ => false,
        }
    }

    /// A message was committed: gives the connections it goes to.
    pub(super) fn advance(&mut self, id: &ConversationId, seq: Seq) -> Vec<ConnectionId> {
        let Some(one) = self.all.get_mut(id) else {
            return Vec::new();
        };
        one.head = one.head.max(seq);
        let mut to = Vec::with_capacity(one.live.len());
        for (connection, upto) in &mut one.live {
            if *upto < seq {
                *upto = seq;
                to.push(*connection);
            }
        }
        to
    }

    /// A connection is gone. `user` is whose it was.
    pub(super) fn forget(&mut self, connection: ConnectionId, user: &UserName) {
        let lobby = ConversationId::lobby();
        let ids = std::iter::once(&lobby).chain(self.of.get(&user.folded()).into_iter().flatten());
        for id in ids {
            if let Some(one) = self.all.get_mut(id) {
                one.live.remove(&connection);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const C1: ConnectionId = ConnectionId(1);

    #[test]
    fn live_begins_where_the_backlog_ends() {
        let mut all = Conversations::load(Vec::new()).unwrap();
        let lobby = ConversationId::lobby();
        assert!(all.advance(&lobby, Seq(1)).is_empty());
        assert!(!all.go_live(&lobby, C1, Seq::ZERO), "one message is missing");
        assert!(all.go_live(&lobby, C1, Seq(1)));
        assert_eq!(all.advance(&lobby, Seq(2)), [C1]);
    }

    #[test]
    fn what_the_reader_saw_before_the_hub_is_not_handed_out_again() {
        let mut all = Conversations::load(Vec::new()).unwrap();
        let lobby = ConversationId::lobby();
        assert!(all.go_live(&lobby, C1, Seq(2)));
        assert!(all.advance(&lobby, Seq(1)).is_empty());
        assert!(all.advance(&lobby, Seq(2)).is_empty());
        assert_eq!(all.advance(&lobby, Seq(3)), [C1]);
    }

    #[test]
    fn only_members_are_admitted_and_the_gone_forgotten() {
        let [alice, bob, eve] = ["alice", "bob", "eve"].map(|n| n.parse::<UserName>().unwrap());
        let kind = ConversationKind::direct(alice.clone(), bob.clone());
        let mut all = Conversations::load(Vec::new()).unwrap();
        assert!(all.ensure(&kind.id(), &kind) && !all.ensure(&kind.id(), &kind));
        assert!(all.admits(&kind.id(), &alice) && all.admits(&kind.id(), &bob));
        assert!(!all.admits(&kind.id(), &eve));
        let of = |who| all.heads(who, 0, 10).len();
        assert_eq!((of(&alice), of(&eve)), (2, 1));
        all.go_live(&kind.id(), C1, Seq::ZERO);
        all.forget(C1, &alice);
        assert!(all.advance(&kind.id(), Seq(1)).is_empty());
    }
}
