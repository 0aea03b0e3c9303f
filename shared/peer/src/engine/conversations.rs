//! The conversations of an account in memory: where each stands, and its newest messages as shown.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use landline_protocol::log::Cursor;
use landline_protocol::{Body, ConversationId, ConversationKind, MessageId, Seq, Timestamp, WireError};

use crate::api::{Content, ConversationView, Failure, FailureKind, MessageState, MessageView};
use crate::history::{ConversationRow, MessageRow, MessageStatus};

/// How many messages are loaded at first, and more at each [`crate::api::Action::LoadOlder`].
pub(super) const PAGE: u32 = 200;

/// How many pages of backlog may be on their way: at 256 KiB each, half of a connection's queue.
const PAGES_AT_ONCE: usize = 2;

/// One conversation.
pub(super) struct Conversation {
    /// Row id in the history.
    pub(super) conv: i64,
    pub(super) kind: ConversationKind,
    pub(super) cursor: Cursor,
    pub(super) read: Seq,
    pub(super) unread: u32,
    pull: PullState,
    /// Places first, in order, then what has none.
    messages: Vec<MessageView>,
    has_older: bool,
    /// How many messages stay loaded when more come.
    window: usize,
    shown: Option<Arc<[MessageView]>>,
}

/// Whether a page of the backlog is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PullState {
    No,
    /// In the queue; asking twice would bring the same.
    Wanted,
    /// Asked for.
    Asked,
}

/// All of them, by id.
#[derive(Default)]
pub(super) struct Conversations {
    by_id: HashMap<ConversationId, Conversation>,
    wanted: VecDeque<ConversationId>,
    asked: usize,
}

impl Conversations {
    pub(super) fn get(&self, id: &ConversationId) -> Option<&Conversation> {
        self.by_id.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &ConversationId) -> Option<&mut Conversation> {
        self.by_id.get_mut(id)
    }

    /// Whether there is one with that row in the history.
    pub(super) fn has(&self, id: &ConversationId) -> bool {
        self.by_id.contains_key(id)
    }

    /// The id of the conversation with that row in the history.
    pub(super) fn id_of(&self, conv: i64) -> Option<ConversationId> {
        self.by_id.iter().find(|(_, one)| one.conv == conv).map(|(id, _)| *id)
    }

    /// Who is in the conversation with that row in the history.
    pub(super) fn kind_of(&self, conv: i64) -> Option<ConversationKind> {
        self.by_id.values().find(|one| one.conv == conv).map(|one| one.kind.clone())
    }

    /// The offers among the loaded messages.
    pub(super) fn offers(&self) -> Vec<MessageId> {
        let messages = self.by_id.values().flat_map(|one| &one.messages);
        messages.filter(|message| message.content == Content::Offer).map(|message| message.id).collect()
    }

    pub(super) fn insert(&mut self, row: ConversationRow, newest: Vec<MessageRow>) {
        let has_older = newest.len() >= PAGE as usize;
        let conversation = Conversation {
            conv: row.conv,
            kind: row.kind,
            cursor: Cursor(row.cursor),
            read: row.read,
            unread: row.unread,
            pull: PullState::No,
            messages: newest.into_iter().filter_map(view_of).collect(),
            has_older,
            window: PAGE as usize,
            shown: None,
        };
        self.by_id.insert(row.id, conversation);
    }

    /// Whether anything that was missed is still on its way.
    pub(super) fn is_pulling(&self) -> bool {
        self.asked > 0 || !self.wanted.is_empty()
    }

    /// What follows the cursor of a conversation is wanted.
    pub(super) fn want_page(&mut self, id: ConversationId) {
        if let Some(one) = self.by_id.get_mut(&id)
            && one.pull == PullState::No
        {
            one.pull = PullState::Wanted;
            self.wanted.push_back(id);
        }
    }

    /// The next page to ask for, after which place. Few are asked for at once: together they must
    /// fit into what the coordinator queues for one connection.
    pub(super) fn next_page(&mut self) -> Option<(ConversationId, Seq)> {
        if self.asked >= PAGES_AT_ONCE {
            return None;
        }
        let id = self.wanted.pop_front()?;
        let one = self.by_id.get_mut(&id)?;
        one.pull = PullState::Asked;
        self.asked += 1;
        Some((id, one.cursor.0))
    }

    /// A page of a conversation has come.
    pub(super) fn page_came(&mut self, id: &ConversationId) {
        if let Some(one) = self.by_id.get_mut(id)
            && one.pull == PullState::Asked
        {
            one.pull = PullState::No;
            self.asked -= 1;
        }
    }

    /// What was asked for on one connection does not come on the next.
    pub(super) fn forget_pages(&mut self) {
        self.wanted.clear();
        self.asked = 0;
        self.by_id.values_mut().for_each(|one| one.pull = PullState::No);
    }

    /// As shown: the lobby first, then what was active last.
    pub(super) fn views(&mut self) -> Arc<[ConversationView]> {
        let mut views: Vec<ConversationView> = self
            .by_id
            .iter_mut()
            .filter(|(_, one)| one.kind == ConversationKind::Lobby || !one.messages.is_empty())
            .map(|(id, one)| one.view(*id))
            .collect();
        views.sort_by_key(|view| {
            let last = view.messages.last().map_or(Timestamp::default(), |message| message.at);
            (view.kind != ConversationKind::Lobby, std::cmp::Reverse(last), view.id)
        });
        views.into()
    }
}

impl Conversation {
    fn view(&mut self, id: ConversationId) -> ConversationView {
        let messages = self.shown.get_or_insert_with(|| self.messages.clone().into());
        ConversationView {
            id,
            kind: self.kind.clone(),
            unread: self.unread,
            read: self.read,
            messages: Arc::clone(messages),
            has_older: self.has_older,
        }
    }

    /// The oldest loaded place, from which [`prepend`](Self::prepend) goes on.
    pub(super) fn oldest(&self) -> Option<Seq> {
        self.messages.first().and_then(|message| match message.state {
            MessageState::Sent(seq) => Some(seq),
            _ => None,
        })
    }

    /// Adds older messages in front.
    pub(super) fn prepend(&mut self, older: Vec<MessageRow>) {
        self.has_older = older.len() >= PAGE as usize;
        let older: Vec<MessageView> = older.into_iter().filter_map(view_of).collect();
        self.window += older.len();
        self.messages.splice(0..0, older);
        self.shown = None;
    }

    /// Puts a message where it belongs, replacing what was known of it. Returns it as shown.
    pub(super) fn place(&mut self, row: MessageRow) -> Option<MessageView> {
        let view = view_of(row)?;
        self.messages.retain(|message| message.id != view.id || message.device != view.device);
        let at = match view.state {
            MessageState::Sent(seq) => self
                .messages
                .partition_point(|message| matches!(message.state, MessageState::Sent(other) if other < seq)),
            _ => self.messages.len(),
        };
        self.messages.insert(at, view.clone());
        self.trim();
        self.shown = None;
        Some(view)
    }

    /// One of our own messages has its place, or will get none.
    pub(super) fn settle(&mut self, id: &MessageId, state: MessageState) {
        if let Some(message) = self.messages.iter_mut().find(|message| message.mine && message.id == *id)
            && message.state == MessageState::Pending
        {
            message.state = state;
            self.shown = None;
        }
    }

    /// Lets go of the oldest when far more than the window is loaded.
    fn trim(&mut self) {
        if self.messages.len() > self.window + PAGE as usize {
            let extra = self.messages.len() - self.window;
            self.messages.drain(..extra);
            self.has_older = true;
        }
    }
}

/// A message as shown; `None` for what is not (answers, seals, unknown kinds).
fn view_of(row: MessageRow) -> Option<MessageView> {
    let content = match row.envelope.body {
        Body::Text { text } => Content::Text(text.into()),
        Body::Offer(_) => Content::Offer,
        Body::Sealed(_) | Body::Answer(_) | Body::Unknown => return None,
    };
    let state = match (row.status, row.seq) {
        (MessageStatus::Failed, _) => {
            let why = row.failure.unwrap_or_else(|| "The coordinator refused it.".to_owned());
            MessageState::Failed(Failure::new(FailureKind::Invalid, why))
        }
        (_, Some(seq)) => MessageState::Sent(seq),
        (_, None) => MessageState::Pending,
    };
    Some(MessageView {
        id: row.envelope.id,
        author: row.envelope.author.user,
        device: row.envelope.author.device,
        mine: row.mine,
        at: row.at,
        state,
        content,
    })
}

/// A refusal as a message's state.
pub(super) fn refused(error: &WireError) -> MessageState {
    MessageState::Failed(crate::session::coordinator::refused_failure(error))
}

#[cfg(test)]
mod tests {
    use landline_protocol::{Author, Envelope};
    use landline_trust::device::DeviceKey;

    use super::*;

    fn row(key: &DeviceKey, number: u8, seq: Option<u64>) -> MessageRow {
        let envelope = Envelope {
            v: 1,
            id: MessageId::new(Timestamp::from_millis(u64::from(number)), [number; 10]),
            conversation: ConversationId::lobby(),
            author: Author { user: "alice".parse().unwrap(), device: key.id() },
            n: u64::from(number),
            prev: None,
            lamport: 1,
            epoch: 0,
            sent_at: Timestamp::from_millis(1),
            body: Body::Text { text: number.to_string() },
        };
        MessageRow {
            row: i64::from(number),
            conv: 1,
            seq: seq.map(Seq),
            at: Timestamp::from_millis(1),
            mine: true,
            status: if seq.is_some() { MessageStatus::Sent } else { MessageStatus::Pending },
            failure: None,
            signed: landline_trust::envelope::seal(key, &envelope),
            envelope,
        }
    }

    #[test]
    fn a_pending_message_moves_to_its_place() {
        let key = DeviceKey::generate().unwrap();
        let mut all = Conversations::default();
        let start = ConversationRow {
            conv: 1,
            id: ConversationId::lobby(),
            kind: ConversationKind::Lobby,
            cursor: Seq::ZERO,
            read: Seq::ZERO,
            unread: 0,
        };
        all.insert(start, Vec::new());
        let lobby = all.get_mut(&ConversationId::lobby()).unwrap();
        lobby.place(row(&key, 9, None));
        lobby.place(row(&key, 2, Some(2)));
        lobby.place(row(&key, 1, Some(1)));
        lobby.place(row(&key, 9, Some(3)));
        lobby.place(row(&key, 4, None));
        let order: Vec<u64> = lobby.messages.iter().map(|m| m.id.as_bytes()[5].into()).collect();
        assert_eq!(order, [1, 2, 9, 4]);
        assert_eq!(lobby.messages[2].state, MessageState::Sent(Seq(3)));
    }

    #[test]
    fn few_pages_are_asked_for_at_once_and_none_twice() {
        let mut all = Conversations::default();
        let names = ["b", "c", "d"];
        let ids: Vec<_> = names
            .iter()
            .zip(1i64..)
            .map(|(name, conv)| {
                let kind = ConversationKind::direct("a".parse().unwrap(), name.parse().unwrap());
                let id = kind.id();
                let (cursor, read, unread) = (Seq(conv.unsigned_abs()), Seq::ZERO, 0);
                all.insert(ConversationRow { conv, id, kind, cursor, read, unread }, Vec::new());
                id
            })
            .collect();
        ids.iter().chain(&ids).for_each(|id| all.want_page(*id));
        assert_eq!(all.next_page(), Some((ids[0], Seq(1))));
        assert_eq!(all.next_page(), Some((ids[1], Seq(2))));
        assert_eq!(all.next_page(), None, "two are on their way");
        all.page_came(&ids[2]);
        assert_eq!(all.next_page(), None, "a page nobody asked for changes nothing");
        all.page_came(&ids[0]);
        assert_eq!(all.next_page(), Some((ids[2], Seq(3))));
        assert!(all.is_pulling());
        all.forget_pages();
        assert!(!all.is_pulling());
    }
}
