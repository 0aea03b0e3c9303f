//! A message on its way in: every check between the socket and the writer.

use landline_protocol::{
    Author, ConversationId, ConversationKind, ErrorCode, MessageId, Sequenced, ServerFrame, Signed, WireError,
};
use landline_trust::{OpenError, open_head};
use serde::Deserialize;

use super::Hub;
use crate::auth::Authorized;
use crate::store::{Append, ConnectionId, Placed};

/// A message that was not let in.
pub(super) struct Refusal {
    /// Its id, if it can be read.
    id: Option<MessageId>,
    error: WireError,
}

impl Refusal {
    /// The answer to the sender.
    pub(super) fn frame(self) -> ServerFrame {
        match self.id {
            Some(id) => ServerFrame::Refused { id, error: self.error },
            None => ServerFrame::Error { error: self.error },
        }
    }
}

/// Checks what a connection sends: genuine, its own, and into a conversation of its own.
pub(super) fn check(
    hub: &Hub,
    who: &Authorized,
    origin: ConnectionId,
    to: &ConversationKind,
    message: Signed,
) -> Result<Append, Refusal> {
    let head = match open_head(&message) {
        Ok(head) => head,
        Err(error) => {
            return Err(Refusal { id: id_of(&message), error: unreadable(&error) });
        }
    };
    let kind = author_is(who, &head.author)
        .and_then(|()| conversation(hub, who, to, &head.conversation))
        .map_err(|error| Refusal { id: Some(head.id), error })?;
    Ok(Append {
        origin,
        kind,
        conversation: head.conversation,
        id: head.id,
        device: head.author.device,
        message,
        room: None,
    })
}

/// The frame in which a committed message is handed out.
pub(super) fn deliver_frame(message: Signed, conversation: ConversationId, placed: Placed) -> ServerFrame {
    ServerFrame::Deliver { conversation, message: Sequenced { seq: placed.seq, at: placed.at, message } }
}

fn author_is(who: &Authorized, author: &Author) -> Result<(), WireError> {
    if author.user == who.user && author.device == who.device {
        return Ok(());
    }
    Err(WireError::new(
        ErrorCode::Forbidden,
        "a message can only be sent by its author, from the device that signed it",
    ))
}

fn conversation(
    hub: &Hub,
    who: &Authorized,
    to: &ConversationKind,
    named: &ConversationId,
) -> Result<ConversationKind, WireError> {
    let kind = hub.spelled(to).ok_or_else(|| {
        WireError::new(ErrorCode::NotFound, "nobody of that name has an account here: check the name")
    })?;
    if !kind.includes(&who.user) {
        return Err(WireError::new(ErrorCode::Forbidden, "you are not in this conversation"));
    }
    if kind.id() != *named {
        return Err(WireError::new(
            ErrorCode::BadRequest,
            "the message was signed for another conversation than it is sent to",
        ));
    }
    Ok(kind)
}

fn unreadable(error: &OpenError) -> WireError {
    use landline_protocol::envelope::EnvelopeError;
    let code = match error {
        OpenError::Unreadable(EnvelopeError::TooLarge) => ErrorCode::TooLarge,
        OpenError::Unreadable(_) => ErrorCode::BadRequest,
        OpenError::NotTheAuthor { .. } | OpenError::Forged => ErrorCode::Forbidden,
    };
    WireError::new(code, error.to_string())
}

/// The id of a message that could not be opened, so that its sender can tell which it was.
fn id_of(message: &Signed) -> Option<MessageId> {
    #[derive(Deserialize)]
    struct Named {
        id: MessageId,
    }
    serde_json::from_str::<Named>(&message.envelope).ok().map(|named| named.id)
}
