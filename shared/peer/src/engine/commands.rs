//! What each command does. Those that wait for others end later, with the same ticket.

use std::ops::ControlFlow;
use std::path::PathBuf;

use landline_protocol::{Body, ConversationId, ConversationKind, MessageId, Seq, limits};

use super::account::signed_out;
use super::conversations::PAGE;
use super::downloads::make_folder;
use super::message_id;
use super::sign_in::Credentials;
use super::{Engine, no_randomness};
use crate::api::{Action, Command, Event, Failure, FailureKind, Outcome, Ticket};
use crate::history::{Draft, OfferRow};
use crate::session::coordinator::Address;

/// Whether a command has ended by the time its handler returns.
type Ending = Result<Option<Outcome>, Failure>;

const DONE: Ending = Ok(Some(Outcome::Done));
const LATER: Ending = Ok(None);

impl Engine {
    /// Carries out a command; `Break` after [`Action::Shutdown`].
    pub(super) async fn command(&mut self, command: Command) -> ControlFlow<()> {
        let Command { ticket, action } = command;
        let shutdown = matches!(action, Action::Shutdown);
        let ending = self.act(ticket, action).await;
        self.outlet.touch();
        match ending {
            Ok(Some(outcome)) => self.outlet.event(Event::Finished { ticket, result: Ok(outcome) }),
            Ok(None) => {}
            Err(failure) => self.outlet.event(Event::Finished { ticket, result: Err(failure) }),
        }
        if shutdown { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    async fn act(&mut self, ticket: Ticket, action: Action) -> Ending {
        match action {
            Action::SignUp { target, username, password } => {
                self.begin_sign_in(ticket, target, Credentials::SignUp { username, password });
                LATER
            }
            Action::SignIn { target, username, password } => {
                self.begin_sign_in(ticket, target, Credentials::SignIn { username, password });
                LATER
            }
            Action::SignOut => self.sign_out().await.map(Some),
            Action::Reconnect => {
                self.signed_in.as_ref().ok_or_else(signed_out)?.session.reconnect();
                DONE
            }
            Action::SendText { to, text } => self.send_text(to, text).await,
            Action::Share { to, path } => self.begin_share(ticket, to, path, None).map(|()| None),
            Action::ShareAgain { offer } => self.begin_share_again(ticket, offer).map(|()| None),
            Action::Accept { offer, how } => self.accept(offer, how).await.and(DONE),
            Action::List { offer } => self.begin_list(ticket, offer).map(|()| None),
            Action::Pause { offer } => self.pause(offer).await.and(DONE),
            Action::Resume { offer } => self.resume_download(offer).await.and(DONE),
            Action::Prioritise { offer, priority } => self.prioritise(offer, priority).await.and(DONE),
            Action::CapRates { up, down } => self.cap_rates(up, down).and(DONE),
            Action::SetTransfers(settings) => self.set_transfers(settings).await.and(DONE),
            Action::Decline { offer } => self.decline(offer).await.and(DONE),
            Action::Cancel { offer } => self.cancel(offer).await.and(DONE),
            Action::MarkRead { conversation, seq } => self.mark_read(conversation, seq).await,
            Action::LoadOlder { conversation } => self.load_older(conversation).await,
            Action::Invite => self.begin_invite(ticket).map(|()| None),
            Action::ForgetKey { address } => self.forget_key(&address).await,
            Action::SetDownloadFolder { folder } => self.set_download_folder(folder).await,
            Action::Shutdown => DONE,
        }
    }

    async fn send_text(&mut self, to: ConversationKind, text: String) -> Ending {
        if text.trim().is_empty() {
            return Err(Failure::new(FailureKind::Invalid, "There is nothing to send."));
        }
        if text.len() > limits::TEXT_BYTES {
            let most = limits::TEXT_BYTES / 1024;
            let text = format!("A message has at most {most} KiB. Send longer text as a file.");
            return Err(Failure::new(FailureKind::Limited, text));
        }
        let message = self.say(to, Body::Text { text }).await?;
        Ok(Some(Outcome::Queued { message }))
    }

    /// Puts something into the outbox, signed and on disk, and shows it.
    pub(super) async fn say(&mut self, to: ConversationKind, body: Body) -> Result<MessageId, Failure> {
        let id = message_id(&self.clock).map_err(no_randomness)?;
        self.say_as(id, to, body).await
    }

    /// The same under an id that was chosen before.
    pub(super) async fn say_as(
        &mut self,
        id: MessageId,
        to: ConversationKind,
        body: Body,
    ) -> Result<MessageId, Failure> {
        let signed_in = self.signed_in.as_ref().ok_or_else(signed_out)?;
        if !to.includes(&signed_in.author.user) {
            return Err(Failure::new(FailureKind::Invalid, "That conversation is between others."));
        }
        self.open_conversation(&to).await?;
        let signed_in = self.signed_in.as_mut().ok_or_else(signed_out)?;
        let draft = Draft {
            account: signed_in.account.id,
            kind: to.clone(),
            author: signed_in.author.clone(),
            id,
            at: self.clock.now(),
            body,
        };
        let key = std::sync::Arc::clone(&self.key);
        let (message, offers) = self.history.call(move |db| db.enqueue(draft, &key)).await?;
        if let Some(conversation) = signed_in.conversations.get_mut(&to.id()) {
            conversation.place(message.clone());
        }
        signed_in.outbox.push(to, &message);
        self.offers_changed(offers).await;
        Ok(id)
    }

    /// Makes sure that a conversation is in memory.
    pub(super) async fn open_conversation(&mut self, kind: &ConversationKind) -> Result<(), Failure> {
        let signed_in = self.signed_in.as_mut().ok_or_else(signed_out)?;
        if signed_in.conversations.get(&kind.id()).is_some() {
            return Ok(());
        }
        let (account, kind) = (signed_in.account.id, kind.clone());
        let (row, newest) = self
            .history
            .call(move |db| {
                let row = db.conversation(account, &kind)?;
                let newest = db.messages(row.conv, None, PAGE)?;
                Ok((row, newest))
            })
            .await?;
        signed_in.conversations.insert(row, newest);
        Ok(())
    }

    async fn mark_read(&mut self, id: ConversationId, seq: Seq) -> Ending {
        let signed_in = self.signed_in.as_mut().ok_or_else(signed_out)?;
        let Some(conversation) = signed_in.conversations.get_mut(&id) else {
            return DONE;
        };
        if conversation.unread == 0 && conversation.read >= seq {
            return DONE;
        }
        let conv = conversation.conv;
        let (read, unread) = self.history.call(move |db| db.mark_read(conv, seq)).await?;
        conversation.read = read;
        conversation.unread = unread;
        DONE
    }

    async fn load_older(&mut self, id: ConversationId) -> Ending {
        let signed_in = self.signed_in.as_mut().ok_or_else(signed_out)?;
        let Some(conversation) = signed_in.conversations.get_mut(&id) else {
            return DONE;
        };
        let Some(oldest) = conversation.oldest() else {
            return DONE;
        };
        let conv = conversation.conv;
        let older = self.history.call(move |db| db.messages(conv, Some(oldest), PAGE)).await?;
        conversation.prepend(older);
        DONE
    }

    async fn forget_key(&mut self, address: &str) -> Ending {
        let address = Address::parse(address)?.to_string();
        let name = address.clone();
        if self.history.call(move |db| db.forget_pin(&name)).await? {
            return DONE;
        }
        Err(Failure::new(FailureKind::NotFound, format!("No key is known for {address}.")))
    }

    async fn set_download_folder(&mut self, folder: PathBuf) -> Ending {
        make_folder(&folder).await?;
        let kept = folder.clone();
        self.history.call(move |db| db.set_setting_path("download_folder", &kept)).await?;
        self.download_folder = folder;
        self.downloads.outlooks.look_again();
        DONE
    }

    /// Takes in offers that were made, sealed or answered, and acts on what that asks for.
    pub(super) async fn offers_changed(&mut self, offers: Vec<OfferRow>) {
        for offer in offers {
            self.offer_changed(offer).await;
        }
    }
}
