//! What was written and is not yet on the coordinator's disk: sent in order, a bounded amount at a
//! time, again after every reconnect, until acknowledged.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use landline_net::socket::SocketSender;
use landline_protocol::{
    ClientFrame, ConversationId, ConversationKind, ErrorCode, MessageId, Signed, WireError,
};

use super::{Engine, Report};
use crate::history::MessageRow;
use crate::session::coordinator::refused_failure;
use crate::session::encode;

/// How much may be unacknowledged at once; well below what a connection's queue holds.
const WINDOW_MESSAGES: usize = 64;
const WINDOW_BYTES: usize = 256 * 1024;

/// Before a message is tried again that the coordinator could not take just now.
const RESEND: Duration = Duration::from_secs(2);

/// A message on its way.
#[derive(Clone)]
struct Parcel {
    row: i64,
    conv: i64,
    to: ConversationKind,
    signed: Signed,
}

/// The messages that wait and those that are out.
#[derive(Default)]
pub(super) struct Outbox {
    waiting: VecDeque<(MessageId, Parcel)>,
    flying: HashMap<MessageId, Parcel>,
    flying_bytes: usize,
    /// Nothing is sent until the coordinator can take something again.
    paused: bool,
    line: Option<SocketSender>,
}

impl Outbox {
    /// The line is up: everything not acknowledged goes out again.
    pub(super) fn connect(&mut self, line: SocketSender) {
        self.line = Some(line);
        self.resume();
    }

    /// Replaces everything that is not acknowledged.
    pub(super) fn reload(&mut self, outbox: Vec<(ConversationKind, MessageRow)>) {
        self.waiting.clear();
        self.flying.clear();
        self.flying_bytes = 0;
        for (to, message) in outbox {
            self.push(to, &message);
        }
    }

    /// The coordinator cannot take anything just now. Says whether that is news: then somebody has
    /// to [`resume`](Self::resume) later, once.
    fn pause(&mut self) -> bool {
        !std::mem::replace(&mut self.paused, true)
    }

    /// Sends everything that is not acknowledged, again.
    fn resume(&mut self) {
        self.paused = false;
        self.recall();
        self.fill();
    }

    /// The line is down.
    pub(super) fn disconnect(&mut self) {
        self.line = None;
    }

    /// The line, while it is up.
    pub(super) fn line(&self) -> Option<&SocketSender> {
        self.line.as_ref()
    }

    /// Adds a message that is on disk.
    pub(super) fn push(&mut self, to: ConversationKind, message: &MessageRow) {
        let parcel = Parcel { row: message.row, conv: message.conv, to, signed: message.signed.clone() };
        self.waiting.push_back((message.envelope.id, parcel));
        self.fill();
    }

    /// A message is done with; returns its conversation's row, if it was ours to send.
    pub(super) fn settle(&mut self, id: &MessageId) -> Option<i64> {
        let parcel = self.flying.remove(id)?;
        self.flying_bytes -= parcel.signed.envelope.len();
        self.fill();
        Some(parcel.conv)
    }

    /// Takes back everything that is out, in the order in which it was written.
    fn recall(&mut self) {
        let mut back: Vec<_> = self.flying.drain().collect();
        back.extend(self.waiting.drain(..));
        back.sort_by_key(|(_, parcel)| parcel.row);
        self.waiting = back.into();
        self.flying_bytes = 0;
    }

    /// Sends what fits. A line that does not take it is closing; the rest waits for the next.
    fn fill(&mut self) {
        while !self.paused && self.flying.len() < WINDOW_MESSAGES && self.flying_bytes < WINDOW_BYTES {
            let Some(line) = &self.line else { return };
            let Some((id, parcel)) = self.waiting.pop_front() else {
                return;
            };
            let frame = ClientFrame::Send { to: parcel.to.clone(), message: parcel.signed.clone() };
            if line.send(encode(&frame)).is_err() {
                self.waiting.push_front((id, parcel));
                return;
            }
            self.flying_bytes += parcel.signed.envelope.len();
            self.flying.insert(id, parcel);
        }
    }
}

impl Engine {
    /// Sends again what the coordinator could not take a moment ago.
    pub(super) fn flush_outbox(&mut self) {
        if let Some(signed_in) = &mut self.signed_in {
            signed_in.outbox.resume();
        }
    }

    /// A message was not taken: for good, or for now.
    pub(super) async fn refused(&mut self, id: MessageId, error: WireError) {
        let passing = matches!(
            error.code,
            ErrorCode::StorageFull
                | ErrorCode::TooManyRequests
                | ErrorCode::Internal
                | ErrorCode::ShuttingDown
        );
        if passing {
            return self.hold_back(&error);
        }
        let device = self.key.id();
        let Some(signed_in) = &mut self.signed_in else {
            return;
        };
        let Some(conv) = signed_in.outbox.settle(&id) else {
            return;
        };
        let conversation: Option<ConversationId> = signed_in.conversations.id_of(conv);
        if let Some(one) = conversation.and_then(|found| signed_in.conversations.get_mut(&found)) {
            one.settle(&id, super::conversations::refused(&error));
        }
        let why = error.message.clone();
        if let Err(error) = self.history.call(move |db| db.refuse(conv, &device, &id, &why)).await {
            self.notice(error);
        }
    }

    /// Waits until the coordinator may be able to take messages again; all that were refused
    /// meanwhile go out together then.
    fn hold_back(&mut self, error: &WireError) {
        let Some(signed_in) = &mut self.signed_in else { return };
        if !signed_in.outbox.pause() {
            return;
        }
        let wait = error.details.retry_after_ms.map_or(RESEND, Duration::from_millis);
        let reports = self.reports.clone();
        self.tasks.spawn(async move {
            tokio::time::sleep(wait).await;
            // An engine that is gone sends nothing more.
            let _ = reports.send(Report::ResendDue).await;
        });
        self.notice(refused_failure(error));
    }
}
