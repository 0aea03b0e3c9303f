//! One participant of a run: an engine, asked and watched from outside.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use landline_peer::api::{
    Action, Command, Content, ConversationView, Event, MessageState, Outcome, Secret, Snapshot, Target,
    Ticket,
};
use landline_peer::{Clock, Handle, Options, SecretsIn};
use landline_protocol::{ConversationKind, UserName};
use tokio::time::timeout;

use crate::check::Held;

/// How long anything may take before it counts as stuck.
const PATIENCE: Duration = Duration::from_mins(2);
/// How many of its messages may wait for their acknowledgement while it says more.
const UNDER_WAY: usize = 16;

/// An engine with somebody signed in.
pub(crate) struct Client {
    /// The account.
    pub(crate) user: UserName,
    handle: Handle,
    tickets: u64,
    /// The places of its own messages, as first seen.
    pub(crate) acknowledged: BTreeMap<String, u64>,
}

impl Client {
    /// Starts an engine in a folder and makes an account.
    pub(crate) async fn join(folder: &Path, user: UserName, coordinator: &str) -> Result<Self> {
        let options = Options {
            profile: folder.join("profile"),
            download_folder: folder.join("downloads"),
            listen: "127.0.0.1:0".parse()?,
            device_name: user.to_string(),
            secrets: SecretsIn::File,
            announce: None,
            waker: None,
            clock: Clock::system(),
        };
        let handle = landline_peer::start(options).await?;
        let mut client = Self { user: user.clone(), handle, tickets: 0, acknowledged: BTreeMap::new() };
        let target = Target::Address(coordinator.to_owned());
        client
            .ask(Action::SignUp { target, username: user, password: Secret::new("a long password") })
            .await?;
        Ok(client)
    }

    /// Says something once not too much is under way. Returns when it is in the outbox.
    pub(crate) async fn say(&mut self, to: ConversationKind, text: String) -> Result<()> {
        self.until("room in the outbox", |snapshot| waiting(snapshot) < UNDER_WAY).await?;
        self.ask(Action::SendText { to, text }).await.map(drop)
    }

    /// Waits until the snapshot is as wanted.
    pub(crate) async fn until(
        &mut self,
        what: &str,
        wanted: impl Fn(&Snapshot) -> bool,
    ) -> Result<Arc<Snapshot>> {
        let outcome = timeout(PATIENCE, self.watch(wanted)).await;
        outcome.with_context(|| format!("{} waited in vain for {what}", self.user))?
    }

    async fn watch(&mut self, wanted: impl Fn(&Snapshot) -> bool) -> Result<Arc<Snapshot>> {
        loop {
            let snapshot = self.handle.snapshot.borrow_and_update().clone();
            self.note_places(&snapshot)?;
            if wanted(&snapshot) {
                return Ok(snapshot);
            }
            // Events are heard meanwhile, so that their queue never fills.
            tokio::select! {
                changed = self.handle.snapshot.changed() => changed.context("the engine ended")?,
                event = self.handle.events.recv() => drop(event.context("the engine ended")?),
            }
        }
    }

    /// Remembers the places of its own messages; one that moves is a fault.
    fn note_places(&mut self, snapshot: &Snapshot) -> Result<()> {
        let messages = snapshot.conversations.iter().flat_map(|conversation| conversation.messages.iter());
        for message in messages.filter(|message| message.mine) {
            let MessageState::Sent(seq) = message.state else {
                continue;
            };
            let first = *self.acknowledged.entry(message.id.to_string()).or_insert(seq.0);
            if first != seq.0 {
                bail!("{}: {} was acknowledged at {first} and is at {seq} now", self.user, message.id);
            }
        }
        Ok(())
    }

    /// All that it has of a conversation, oldest first.
    pub(crate) async fn history(&mut self, kind: &ConversationKind) -> Result<Vec<Held>> {
        let id = kind.id();
        loop {
            let snapshot = self.handle.snapshot.borrow().clone();
            let Some(conversation) = snapshot.conversations.iter().find(|one| one.id == id) else {
                return Ok(Vec::new());
            };
            if !conversation.has_older {
                return Ok(held(conversation));
            }
            let loaded = conversation.messages.len();
            self.ask(Action::LoadOlder { conversation: id }).await?;
            let more = move |snapshot: &Snapshot| {
                let now = snapshot.conversations.iter().find(|one| one.id == id);
                now.is_none_or(|now| now.messages.len() > loaded || !now.has_older)
            };
            self.until("older messages", more).await?;
        }
    }

    async fn ask(&mut self, action: Action) -> Result<Outcome> {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.handle.commands.send(Command { ticket, action }).await.context("the engine ended")?;
        let answer = async {
            loop {
                match self.handle.events.recv().await.context("the engine ended")? {
                    Event::Finished { ticket: of, result } if of == ticket => return Ok(result?),
                    _ => {}
                }
            }
        };
        timeout(PATIENCE, answer).await.context("the engine does not answer")?
    }

    /// Puts the engine away.
    pub(crate) async fn leave(self) -> Result<()> {
        let Handle { commands, events, task, .. } = self.handle;
        drop((commands, events));
        Ok(timeout(PATIENCE, task).await??)
    }
}

/// How many of its messages are not acknowledged yet.
pub(crate) fn waiting(snapshot: &Snapshot) -> usize {
    let messages = snapshot.conversations.iter().flat_map(|conversation| conversation.messages.iter());
    messages.filter(|message| message.state == MessageState::Pending).count()
}

fn held(conversation: &ConversationView) -> Vec<Held> {
    let one = |message: &landline_peer::api::MessageView| Held {
        seq: match message.state {
            MessageState::Sent(seq) => Some(seq.0),
            MessageState::Pending | MessageState::Failed(_) => None,
        },
        id: message.id.to_string(),
        text: match &message.content {
            Content::Text(text) => text.to_string(),
            Content::Offer => String::new(),
        },
    };
    conversation.messages.iter().map(one).collect()
}
