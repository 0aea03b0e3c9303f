//! Pages of a backlog, encoded as they are read so that none outgrows a frame.

use landline_protocol::frame::{Page, Pull, Range};
use landline_protocol::{ConversationId, Seq, Sequenced, ServerFrame, limits};
use rusqlite::Connection;

use super::frames::encode;
use crate::store::{StoreError, messages};

/// What a page has beside its messages, generously.
const ENVELOPE_OF_PAGE: usize = 512;

/// The messages of a page, encoded; the head is added when it goes out.
pub(super) struct ReadPage {
    pull: Pull,
    messages: Vec<String>,
    newest: Option<Seq>,
}

/// Reads what was asked for, as far as a frame holds it.
pub(super) fn read(db: &Connection, pull: Pull) -> Result<ReadPage, StoreError> {
    let most = pull.limit.clamp(1, limits::PAGE_MESSAGES) as usize;
    let mut room = limits::PAGE_BYTES - ENVELOPE_OF_PAGE;
    let mut page = ReadPage { messages: Vec::new(), newest: None, pull };
    let (conversation, range) = (page.pull.conversation, page.pull.range);
    messages::walk(db, &conversation, range, |message| {
        let Some(text) = encoded(&message).filter(|text| text.len() < room) else {
            return false;
        };
        room -= text.len() + 1;
        page.messages.push(text);
        page.newest = page.newest.max(Some(message.seq));
        page.messages.len() < most
    })?;
    if matches!(range, Range::Before(_)) {
        page.messages.reverse();
    }
    Ok(page)
}

fn encoded(message: &Sequenced) -> Option<String> {
    serde_json::to_string(message).ok()
}

impl ReadPage {
    /// Which conversation it is of.
    pub(super) fn conversation(&self) -> ConversationId {
        self.pull.conversation
    }

    /// Up to where whoever gets this page has the conversation, if it was asked for the backlog.
    /// A cursor beyond the head is a mistake of the client's: it has no more than there is.
    pub(super) fn upto(&self, head: Seq) -> Option<Seq> {
        match self.pull.range {
            Range::After(cursor) => Some(self.newest.unwrap_or(cursor.min(head))),
            Range::Before(_) => None,
        }
    }

    /// The frame, with the conversation's head as it is by now.
    pub(super) fn frame(&self, head: Seq) -> String {
        let empty = Page {
            conversation: self.pull.conversation,
            range: self.pull.range,
            messages: Vec::new(),
            head: self.newest.map_or(head, |newest| newest.max(head)),
        };
        let frame = encode(&ServerFrame::Page(empty));
        frame.replacen("\"messages\":[]", &format!("\"messages\":[{}]", self.messages.join(",")), 1)
    }
}

#[cfg(test)]
mod tests {
    use landline_protocol::{PublicKey, Signature, Signed, Timestamp};

    use super::*;

    #[test]
    fn a_page_reads_as_if_it_had_been_encoded_whole() {
        let message = |seq: u64| Sequenced {
            seq: Seq(seq),
            at: Timestamp::from_millis(5),
            message: Signed {
                envelope: format!("{{\"messages\":[],\"n\":{seq}}}"),
                key: PublicKey::from_bytes([1; 32]),
                signature: Signature::from_bytes([2; 64]),
            },
        };
        let range = Range::After(Seq(3));
        let conversation = ConversationId::lobby();
        let messages = vec![message(4), message(5)];
        let page = ReadPage {
            pull: Pull { conversation, range, limit: 10 },
            messages: messages.iter().filter_map(encoded).collect(),
            newest: Some(Seq(5)),
        };
        assert_eq!(page.upto(Seq(9)), Some(Seq(5)));
        let whole = Page { conversation, range, messages, head: Seq(9) };
        assert_eq!(page.frame(Seq(9)), encode(&ServerFrame::Page(whole)));
    }
}
