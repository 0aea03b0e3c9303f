//! What the coordinator says, taken in: people, conversations, pages, messages and receipts.

use landline_protocol::frame::{ConversationHead, Page, Pull, Range};
use landline_protocol::log::{Cursor, Step};
use landline_protocol::{
    Author, ClientFrame, ConversationId, ConversationKind, Envelope, MessageId, Person, Seq, Sequenced,
    ServerFrame, WireError, limits,
};

use super::conversations::PAGE;
use super::{CatchingUp, Engine, SignedIn};
use crate::api::{Event, Failure, FailureKind, Line, MessageState};
use crate::history::{Arrived, Ingested};
use crate::session::coordinator::refused_failure;
use crate::session::{SessionEvent, encode};

impl Engine {
    /// Follows the line up and down, and passes frames on.
    pub(super) async fn session_event(&mut self, event: SessionEvent) {
        self.outlet.touch();
        match event {
            SessionEvent::Connecting => self.line = Line::Connecting,
            SessionEvent::Up { sender, welcome } => {
                tracing::info!(agent = %welcome.agent, "the line to the coordinator is up");
                if let Some(signed_in) = &mut self.signed_in {
                    signed_in.catching_up = CatchingUp::Asking;
                    signed_in.conversations.forget_pages();
                    signed_in.outbox.connect(sender);
                }
                self.swarm_connected();
                self.coordinator_shows(welcome.now).await;
            }
            // A heartbeat in the middle of catching up says nothing about having caught up.
            SessionEvent::RoundTrip(time) => {
                if let Line::Connected { round_trip } = &mut self.line {
                    *round_trip = Some(time);
                }
            }
            SessionEvent::Frame(frame) => self.frame(*frame).await,
            SessionEvent::Down { until, cause } => {
                tracing::info!(%cause, "the line to the coordinator is down");
                self.line_down();
                self.line = Line::Waiting { until, cause };
            }
            SessionEvent::Refused { cause } => {
                self.line_down();
                self.line = Line::Refused { cause };
            }
        }
    }

    fn line_down(&mut self) {
        if let Some(signed_in) = &mut self.signed_in {
            signed_in.outbox.disconnect();
            signed_in.directory.all_offline();
        }
        self.swarm_disconnected();
        self.coordinator_gone();
    }

    async fn frame(&mut self, frame: ServerFrame) {
        let result = match frame {
            ServerFrame::Directory { people, .. } => self.people(&people).await,
            ServerFrame::Presence { person } => self.people(&[person]).await,
            ServerFrame::Conversations { conversations } => self.heads(conversations).await,
            ServerFrame::Page(page) => self.page(page).await,
            ServerFrame::Deliver { conversation, message } => self.deliver(conversation, message).await,
            ServerFrame::Ack { id, conversation, seq, .. } => {
                self.acknowledged(id, conversation, seq);
                Ok(())
            }
            ServerFrame::Revocations { revocations } => self.revocations(revocations).await,
            ServerFrame::Refused { id, error } => {
                self.refused(id, error).await;
                Ok(())
            }
            ServerFrame::Holders { offer, holders, pass, .. } => {
                self.holders(offer, holders, pass);
                Ok(())
            }
            ServerFrame::NotFound { offer } => {
                self.no_holders(offer);
                Ok(())
            }
            ServerFrame::DialBack { from, addresses, nonce } => {
                self.files.reach.dial_back(from, addresses, nonce);
                Ok(())
            }
            ServerFrame::Error { error } => self.complaint(&error),
            ServerFrame::Welcome(_)
            | ServerFrame::Authenticated { .. }
            | ServerFrame::Goodbye { .. }
            | ServerFrame::Unknown => Ok(()),
        };
        if let Err(failure) = result {
            // What could not be kept is not counted as received: it comes again with the next
            // connection, from the cursor that is on disk.
            self.notice(failure);
            if let Some(line) = self.signed_in.as_ref().and_then(|signed_in| signed_in.outbox.line()) {
                line.close(None);
            }
        }
    }

    /// Something this side sent could not be acted on. If a page is awaited it may never come, and
    /// the next connection asks anew.
    fn complaint(&mut self, error: &WireError) -> Result<(), Failure> {
        let failure = refused_failure(error);
        if self.signed_in.as_ref().is_some_and(|signed_in| signed_in.conversations.is_pulling()) {
            return Err(failure);
        }
        self.notice(failure);
        Ok(())
    }

    async fn people(&mut self, people: &[Person]) -> Result<(), Failure> {
        let now = self.clock.now();
        let Some(signed_in) = &mut self.signed_in else {
            return Ok(());
        };
        let mut changed = Vec::new();
        for person in people {
            let was_away = !signed_in.directory.is_online(&person.user);
            changed.extend(signed_in.directory.update(person, now));
            if was_away && person.online {
                // Whoever is back is worth another try at once.
                person.devices.iter().for_each(|info| self.downloads.wake(&info.device));
            }
        }
        self.downloads.people_changed(&signed_in.offers, &signed_in.directory);
        if changed.is_empty() {
            return Ok(());
        }
        let account = signed_in.account.id;
        self.history.call(move |db| db.remember_devices(account, &changed)).await?;
        self.open_gate();
        Ok(())
    }

    /// Where each conversation stands: pull what is missing, and turn live delivery on.
    async fn heads(&mut self, heads: Vec<ConversationHead>) -> Result<(), Failure> {
        for head in heads {
            let Some(signed_in) = &self.signed_in else {
                return Ok(());
            };
            if !head.kind.includes(&signed_in.author.user) {
                continue;
            }
            self.open_conversation(&head.kind).await?;
            self.check_head(&head).await?;
            self.pull(head.kind.id());
        }
        if let Some(signed_in) = &mut self.signed_in
            && signed_in.catching_up == CatchingUp::Asking
        {
            signed_in.catching_up = CatchingUp::Pulling;
        }
        self.check_caught_up();
        Ok(())
    }

    /// A coordinator that was set back knows less than it has acknowledged: what it forgot goes out
    /// again, and what follows is not mistaken for what was there before.
    async fn check_head(&mut self, head: &ConversationHead) -> Result<(), Failure> {
        let (id, me) = (head.kind.id(), self.key.id());
        let Some(conversation) = self.conversation(&id).filter(|one| one.cursor.0 > head.head) else {
            return Ok(());
        };
        let (conv, at) = (conversation.conv, head.head);
        let Some(account) = self.signed_in.as_ref().map(|signed_in| signed_in.account.id) else {
            return Ok(());
        };
        let (row, newest, outbox) = self
            .history
            .call(move |db| {
                db.rewind(conv, &me, at)?;
                let rows = db.conversations(account)?;
                Ok((
                    rows.into_iter().find(|row| row.conv == conv),
                    db.messages(conv, None, PAGE)?,
                    db.outbox(account)?,
                ))
            })
            .await?;
        let Some(signed_in) = &mut self.signed_in else { return Ok(()) };
        if let Some(row) = row {
            signed_in.conversations.insert(row, newest);
        }
        signed_in.outbox.reload(outbox);
        self.notice(Failure::new(
            FailureKind::Internal,
            "The coordinator has lost messages it had before; it may have been restored from an older copy. \
             What was written on this machine is sent again.",
        ));
        Ok(())
    }

    /// The line counts as up once what was missed is here.
    fn check_caught_up(&mut self) {
        let Some(signed_in) = &mut self.signed_in else {
            return;
        };
        if signed_in.catching_up == CatchingUp::Pulling && !signed_in.conversations.is_pulling() {
            signed_in.catching_up = CatchingUp::Done;
            self.line = Line::Connected { round_trip: None };
        }
    }

    /// Wants what follows the cursor of a conversation, and asks for it when its turn has come.
    fn pull(&mut self, id: ConversationId) {
        if let Some(signed_in) = &mut self.signed_in {
            signed_in.conversations.want_page(id);
            signed_in.ask_for_pages();
        }
    }

    async fn page(&mut self, page: Page) -> Result<(), Failure> {
        let id = page.conversation;
        let Some(signed_in) = &mut self.signed_in else { return Ok(()) };
        signed_in.conversations.page_came(&id);
        signed_in.ask_for_pages();
        let Some(conversation) = self.conversation(&id) else { return Ok(()) };
        let mut cursor = conversation.cursor;
        let was_empty = page.messages.is_empty();
        let fresh: Vec<Sequenced> = page
            .messages
            .into_iter()
            .filter(|message| {
                let next = cursor.judge(message.seq) == Step::Next;
                if next {
                    cursor = Cursor(message.seq);
                }
                next
            })
            .collect();
        // An empty page short of the head: a message was committed while it was read. Only a page
        // that reaches the head turns live delivery on, so there must be another.
        let more = (was_empty || !fresh.is_empty()) && cursor.0 < page.head;
        self.ingest(id, fresh).await?;
        if more {
            self.pull(id);
        }
        self.check_caught_up();
        Ok(())
    }

    async fn deliver(&mut self, id: ConversationId, message: Sequenced) -> Result<(), Failure> {
        let Some(conversation) = self.conversation(&id) else {
            return Ok(());
        };
        match conversation.cursor.judge(message.seq) {
            Step::Next => self.ingest(id, vec![message]).await,
            Step::Known => Ok(()),
            Step::Gap => {
                self.pull(id);
                Ok(())
            }
        }
    }

    fn conversation(&mut self, id: &ConversationId) -> Option<&mut super::conversations::Conversation> {
        self.signed_in.as_mut()?.conversations.get_mut(id)
    }

    /// Keeps a run of messages that follows the cursor, then shows it.
    async fn ingest(&mut self, id: ConversationId, run: Vec<Sequenced>) -> Result<(), Failure> {
        let Some(last) = run.last().map(|message| message.seq) else {
            return Ok(());
        };
        let Some(signed_in) = &self.signed_in else {
            return Ok(());
        };
        let Some(conversation) = signed_in.conversations.get(&id) else {
            return Ok(());
        };
        let (account, conv, me) = (signed_in.account.id, conversation.conv, signed_in.author.clone());
        let kind = conversation.kind.clone();
        let arrivals = run.into_iter().map(|message| judged(message, &kind, &id)).collect();
        let ingested = self.history.call(move |db| db.ingest(account, conv, &me, arrivals)).await?;
        if let Some(conversation) = self.conversation(&id) {
            conversation.cursor = Cursor(last);
        }
        self.show(id, ingested).await;
        Ok(())
    }

    async fn show(&mut self, id: ConversationId, ingested: Ingested) {
        let Some(signed_in) = &mut self.signed_in else {
            return;
        };
        let Some(conversation) = signed_in.conversations.get_mut(&id) else {
            return;
        };
        let Ingested { messages, fresh, offers } = ingested;
        let mut arrived = Vec::new();
        for row in messages {
            let is_new = fresh.contains(&row.envelope.id);
            let by_other = !row.mine;
            if let Some(view) = conversation.place(row)
                && is_new
                && by_other
            {
                conversation.unread += 1;
                arrived.push(view);
            }
        }
        self.offers_changed(offers).await;
        for message in arrived {
            self.outlet.event(Event::Message { conversation: id, message });
        }
    }

    /// A message of ours is on the coordinator's disk. The place is kept when the message itself
    /// comes round; until then a restart only sends it again, which changes nothing.
    fn acknowledged(&mut self, id: MessageId, conversation: ConversationId, seq: Seq) {
        let Some(signed_in) = &mut self.signed_in else {
            return;
        };
        signed_in.outbox.settle(&id);
        if let Some(conversation) = signed_in.conversations.get_mut(&conversation) {
            conversation.settle(&id, MessageState::Sent(seq));
        }
    }
}

impl SignedIn {
    fn ask_for_pages(&mut self) {
        let Some(line) = self.outbox.line() else { return };
        while let Some((conversation, after)) = self.conversations.next_page() {
            let pull = Pull { conversation, range: Range::After(after), limit: limits::PAGE_MESSAGES };
            // A closing line brings nothing; the next one begins anew.
            let _ = line.send(encode(&ClientFrame::Pull(pull)));
        }
    }
}

/// Checks what came: the signature, and that it was said here by someone who may.
fn judged(message: Sequenced, kind: &ConversationKind, id: &ConversationId) -> Arrived {
    let Sequenced { seq, at, message: signed } = message;
    let opened = landline_trust::envelope::open(&signed);
    let envelope = match opened {
        Ok(envelope) if belongs(&envelope, kind, id) => Some(envelope),
        Ok(envelope) => {
            tracing::warn!(%seq, author = %envelope.author.user, "a message that does not belong here");
            None
        }
        Err(error) => {
            tracing::warn!(%seq, %error, "a message that is not genuine");
            None
        }
    };
    Arrived { seq, at, signed, envelope }
}

fn belongs(envelope: &Envelope, kind: &ConversationKind, id: &ConversationId) -> bool {
    let Author { user, .. } = &envelope.author;
    envelope.conversation == *id && kind.includes(user)
}
