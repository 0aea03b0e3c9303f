//! From a committed group to everybody who is to hear of it. Nothing gets here before its commit.

use landline_net::Utf8Bytes;
use landline_protocol::frame::ConversationHead;
use landline_protocol::{ConversationId, ConversationKind, ErrorCode, Seq, ServerFrame, WireError};

use super::frames::encode;
use super::{Hub, State, incoming, tell};
use crate::store::{Committed, Placed, Unplaced};

/// Messages handed out before others get their turn, so that queues drain between.
const DELIVERY_ROUND: usize = 32;

impl Hub {
    /// Tells the outcome of a group of appends: acks to their senders, new messages to everybody
    /// to whom the conversation is live.
    pub(crate) async fn deliver(&self, group: Vec<Committed>) {
        for (n, committed) in group.into_iter().enumerate() {
            self.deliver_one(committed);
            if n % DELIVERY_ROUND == DELIVERY_ROUND - 1 {
                tokio::task::yield_now().await;
            }
        }
    }

    fn deliver_one(&self, committed: Committed) {
        let Committed { append, outcome } = committed;
        let (answer, news) = match outcome {
            Ok(placed) => {
                let ack = ServerFrame::Ack {
                    id: append.id,
                    conversation: append.conversation,
                    seq: placed.seq,
                    at: placed.at,
                };
                let news = placed
                    .fresh
                    .then(|| incoming::deliver_frame(append.message, append.conversation, placed));
                (ack, news.map(|frame| (encode(&frame).into(), placed)))
            }
            Err(why) => (ServerFrame::Refused { id: append.id, error: unplaced(&why) }, None),
        };
        let mut state = self.state();
        if let Some(origin) = state.connections.get(&append.origin) {
            tell(origin, &answer);
        }
        if let Some((frame, placed)) = news {
            state.fan_out(append.conversation, &append.kind, &frame, placed);
        }
    }
}

impl State {
    fn fan_out(&mut self, id: ConversationId, kind: &ConversationKind, frame: &Utf8Bytes, placed: Placed) {
        if self.conversations.ensure(&id, kind) {
            self.announce_conversation(id, kind);
        }
        for connection in self.conversations.advance(&id, placed.seq) {
            if let Some(connected) = self.connections.get(&connection) {
                // Who reads too slowly is cut off by the socket, and resumes.
                let _ = connected.sender.send(frame.clone());
            }
        }
    }

    /// A conversation that is new is live at once for the members who are here.
    fn announce_conversation(&mut self, id: ConversationId, kind: &ConversationKind) {
        let head = ConversationHead { kind: kind.clone(), head: Seq::ZERO };
        let frame: Utf8Bytes = encode(&ServerFrame::Conversations { conversations: vec![head] }).into();
        let members = self.connections.iter().filter(|(_, c)| c.introduced && kind.includes(&c.user));
        for (connection, connected) in members {
            let _ = connected.sender.send(frame.clone());
            self.conversations.go_live(&id, *connection, Seq::ZERO);
        }
    }
}

fn unplaced(why: &Unplaced) -> WireError {
    match why {
        Unplaced::Conflict => WireError::new(
            ErrorCode::Conflict,
            "this device already sent another message under the same id: send it under a new one",
        ),
        Unplaced::Storage(error) => error.to_wire(),
    }
}
