//! A person: an engine with a profile and a folder of its own, asked and watched.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use landline_peer::api::{
    Action, Command, Event, Failure, Outcome, Secret, Snapshot, Target, Ticket, TransferSettings,
    TransferState, TransferView,
};
use landline_peer::{Clock, Handle, Options, SecretsIn};
use landline_protocol::{ConversationKind, MessageId, UserName};
use tokio::time::{Instant, timeout_at};

use crate::views::*;

/// Nothing on the loopback takes this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

const PASSWORD: &str = "correct horse";

/// What a person's computer is like.
pub(crate) struct Machine {
    pub(crate) clock: Clock,
    pub(crate) listen: SocketAddr,
    /// Where others are told to find it, if not there.
    pub(crate) announce: Option<Vec<SocketAddr>>,
}

impl Default for Machine {
    fn default() -> Self {
        Self { clock: Clock::system(), listen: "127.0.0.1:0".parse().unwrap(), announce: None }
    }
}

pub(crate) struct Person {
    pub(crate) name: UserName,
    machine: Machine,
    home: tempfile::TempDir,
    handle: Option<Handle>,
    /// What happened and nobody has asked about yet.
    pub(crate) happened: VecDeque<Event>,
    tickets: u64,
}

impl Person {
    /// With an empty profile, signed in nowhere.
    pub(crate) async fn start(name: &str, machine: Machine) -> Self {
        let home = tempfile::tempdir().unwrap();
        let name = name.parse().unwrap();
        let mut person = Self { name, machine, home, handle: None, happened: VecDeque::new(), tickets: 0 };
        person.come_back().await;
        person
    }

    /// Starts the engine on the profile as it is.
    pub(crate) async fn come_back(&mut self) {
        let options = Options {
            profile: self.profile(),
            download_folder: self.downloads(),
            listen: self.machine.listen,
            device_name: format!("{}’s machine", self.name),
            secrets: SecretsIn::File,
            announce: self.machine.announce.clone(),
            waker: None,
            clock: self.machine.clock.clone(),
        };
        self.handle = Some(landline_peer::start(options).await.unwrap());
    }

    /// Ends the engine in order.
    pub(crate) async fn leave(&mut self) {
        self.run(Action::Shutdown).await.unwrap();
        let handle = self.handle.take().unwrap();
        drop(handle.commands);
        handle.task.await.unwrap();
    }

    pub(crate) async fn restart(&mut self) {
        self.leave().await;
        self.come_back().await;
    }

    pub(crate) fn profile(&self) -> PathBuf {
        self.home.path().join("profile")
    }

    pub(crate) fn downloads(&self) -> PathBuf {
        self.home.path().join("downloads")
    }

    /// Whatever lies in the download folder, hidden or not.
    pub(crate) fn in_downloads(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.downloads()) else { return Vec::new() };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// What is left in the download folder goes by a task of its own that says nothing.
    pub(crate) async fn downloads_become(&self, names: &[&str]) {
        let deadline = Instant::now() + PATIENCE;
        while self.in_downloads() != names {
            let found = self.in_downloads();
            assert!(Instant::now() < deadline, "{}’s folder has {found:?}, not {names:?}", self.name);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A file of this person, to be shared.
    pub(crate) fn file(&self, name: &str, size: u64) -> PathBuf {
        let path = self.home.path().join(name);
        write_content(&path, size);
        path
    }

    fn handle(&mut self) -> &mut Handle {
        self.handle.as_mut().expect("the engine runs")
    }

    pub(crate) fn snapshot(&mut self) -> std::sync::Arc<Snapshot> {
        self.handle().snapshot.borrow().clone()
    }

    /// Asks for something and waits until it has ended.
    pub(crate) async fn run(&mut self, action: Action) -> Result<Outcome, Failure> {
        let what = format!("{action:?}");
        let ticket = self.ask(action).await;
        self.event(&what, |event| match event {
            Event::Finished { ticket: of, result } if *of == ticket => Some(result.clone()),
            _ => None,
        })
        .await
    }

    async fn ask(&mut self, action: Action) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.handle().commands.send(Command { ticket, action }).await.unwrap();
        ticket
    }

    /// Waits until something has happened, and forgets that it did.
    pub(crate) async fn event<T>(&mut self, what: &str, mut want: impl FnMut(&Event) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut from = 0;
        loop {
            for at in from..self.happened.len() {
                if let Some(found) = want(&self.happened[at]) {
                    self.happened.remove(at);
                    return found;
                }
            }
            from = self.happened.len();
            match timeout_at(deadline, self.handle().events.recv()).await {
                Ok(Some(event)) => self.happened.push_back(event),
                Ok(None) => panic!("{}’s engine ended before {what}", self.name),
                Err(_) => self.give_up(what),
            }
        }
    }

    /// Waits until the state is so.
    pub(crate) async fn until<T>(&mut self, what: &str, mut want: impl FnMut(&Snapshot) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let snapshot = self.handle().snapshot.borrow_and_update().clone();
            if let Some(found) = want(&snapshot) {
                return found;
            }
            let handle = self.handle.as_mut().expect("the engine runs");
            let next = async {
                tokio::select! {
                    changed = handle.snapshot.changed() => changed.map(|()| None),
                    Some(event) = handle.events.recv() => Ok(Some(event)),
                }
            };
            match timeout_at(deadline, next).await {
                Ok(Ok(event)) => self.happened.extend(event),
                Ok(Err(_)) => panic!("{}’s engine ended before {what}", self.name),
                Err(_) => self.give_up(what),
            }
        }
    }

    pub(crate) async fn sees(&mut self, what: &str, mut want: impl FnMut(&Snapshot) -> bool) {
        self.until(what, |snapshot| want(snapshot).then_some(())).await;
    }

    fn give_up(&mut self, what: &str) -> ! {
        let snapshot = self.snapshot();
        let happened: Vec<_> = self.happened.iter().rev().take(8).collect();
        panic!("{} waited in vain: {what}\n{}\nlatest events: {happened:?}", self.name, summary(&snapshot));
    }

    pub(crate) async fn sign_up(&mut self, target: Target) -> Result<Outcome, Failure> {
        let (username, password) = (self.name.clone(), Secret::new(PASSWORD));
        self.run(Action::SignUp { target, username, password }).await
    }

    pub(crate) async fn sign_in(&mut self, target: Target) -> Result<Outcome, Failure> {
        let (username, password) = (self.name.to_string(), Secret::new(PASSWORD));
        self.run(Action::SignIn { target, username, password }).await
    }

    pub(crate) async fn is_connected(&mut self) {
        self.sees("the line is up", |snapshot| is_up(&snapshot.line)).await;
    }

    /// Knows that somebody is here, and so where: that comes apart from what they say.
    pub(crate) async fn meets(&mut self, other: &Self) {
        let is_here = |snapshot: &Snapshot| {
            snapshot.people.iter().any(|person| person.user == other.name && person.online)
        };
        self.sees("somebody else", is_here).await;
    }

    /// The line is known to be down; the next attempt need not wait.
    pub(crate) async fn reconnects(&mut self) {
        self.run(Action::Reconnect).await.unwrap();
        self.is_connected().await;
    }

    pub(crate) async fn is_offline(&mut self) {
        self.sees("the line is down", |snapshot| !is_up(&snapshot.line)).await;
    }

    pub(crate) async fn says(&mut self, to: &ConversationKind, text: &str) -> MessageId {
        let action = Action::SendText { to: to.clone(), text: text.to_owned() };
        match self.run(action).await.unwrap() {
            Outcome::Queued { message } => message,
            other => panic!("{other:?}"),
        }
    }

    /// Without waiting in between.
    pub(crate) async fn says_all(&mut self, to: &ConversationKind, texts: &[String]) {
        let mut open = std::collections::HashSet::new();
        for text in texts {
            open.insert(self.ask(Action::SendText { to: to.clone(), text: text.clone() }).await);
        }
        while !open.is_empty() {
            let done = self.event("all to be written", |event| match event {
                Event::Finished { ticket, result } => {
                    result.as_ref().unwrap();
                    Some(*ticket)
                }
                _ => None,
            });
            open.remove(&done.await);
        }
    }

    /// Until the text is there, once, with its place.
    pub(crate) async fn hears(&mut self, to: &ConversationKind, text: &str) {
        let what = format!("“{text}” with its place");
        self.sees(&what, |snapshot| is_sent(snapshot, to, text)).await;
        let snapshot = self.snapshot();
        assert_eq!(texts(&snapshot, to).iter().filter(|one| *one == text).count(), 1, "{text}");
    }

    pub(crate) async fn shares(&mut self, to: &ConversationKind, path: PathBuf) -> MessageId {
        match self.run(Action::Share { to: to.clone(), path }).await.unwrap() {
            Outcome::Queued { message } => message,
            other => panic!("{other:?}"),
        }
    }

    /// From now on, transfers behave like that.
    pub(crate) async fn sets(&mut self, settings: TransferSettings) {
        self.run(Action::SetTransfers(settings)).await.unwrap();
    }

    /// Sends no faster than so many bytes a second: slow enough for tests to step in.
    pub(crate) async fn sends_at(&mut self, rate: u64) {
        self.sets(TransferSettings { up: Some(rate), ..TransferSettings::default() }).await;
    }

    pub(crate) async fn accepts(&mut self, offer: MessageId) {
        self.is_offered(offer).await;
        self.run(accept(offer)).await.unwrap();
    }

    pub(crate) async fn is_offered(&mut self, offer: MessageId) {
        self.sees("the offer", |snapshot| snapshot.transfers.contains_key(&offer)).await;
    }

    /// Until a transfer looks like that.
    pub(crate) async fn transfer(
        &mut self,
        what: &str,
        offer: MessageId,
        mut want: impl FnMut(&TransferView) -> bool,
    ) {
        self.sees(what, |snapshot| snapshot.transfers.get(&offer).is_some_and(&mut want)).await;
    }

    /// Until a download is under way, neither at its beginning nor at its end.
    pub(crate) async fn is_midway(&mut self, offer: MessageId) {
        self.transfer("a download midway", offer, |view| {
            assert_ne!(view.state, TransferState::Done, "too fast to be interrupted");
            view.bytes > 0 && view.state == TransferState::Active
        })
        .await;
    }

    /// Until a download is complete, having failed at no time.
    pub(crate) async fn receives(&mut self, offer: MessageId) -> PathBuf {
        let own = self.name.clone();
        self.until("the file", |snapshot| {
            let view = snapshot.transfers.get(&offer)?;
            assert!(!matches!(view.state, TransferState::Failed(_)), "{own}: {:?}", view.state);
            view.path.clone().filter(|_| view.state == TransferState::Done)
        })
        .await
    }
}
