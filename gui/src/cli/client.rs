//! The engine as one command uses it: ask, wait for the answer, watch the snapshot, close.
//!
//! The only file of the command line that touches the engine's handle.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use landline_peer::api::{Action, Command, Event, Failure, Line, Outcome, Snapshot, Ticket};
use landline_peer::{Clock, Handle, Options, ProfileError, SecretsIn, StartError};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::args::{Global, SecretsPlace};
use super::exit::{Exit, Problem, sentence};
use super::output::Out;

/// How long an engine may take to put things away.
const CLOSING: Duration = Duration::from_secs(5);
/// All of this machine's addresses, and the port of the last time.
const EVERYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Limits in bytes a second for one run, beside those that are set for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cap {
    /// Outwards.
    pub(crate) up: Option<u64>,
    /// Inwards.
    pub(crate) down: Option<u64>,
}

/// A running engine, and how long to wait for it.
pub(crate) struct Client {
    commands: mpsc::Sender<Command>,
    snapshot: watch::Receiver<Arc<Snapshot>>,
    events: mpsc::Receiver<Event>,
    engine: JoinHandle<()>,
    next_ticket: u64,
    patience: Duration,
    /// Where results and notes go.
    pub(crate) out: Out,
    /// The profile in use.
    pub(crate) profile: PathBuf,
}

/// Engine options as the arguments have them, the platform's usual places where they say nothing.
pub(crate) fn options(global: &Global) -> Result<Options, Problem> {
    let nowhere = |what: &str, option: &str| {
        Problem::usage(format!(
            "This system names no home directory to keep {what} in: choose one with {option} DIR."
        ))
    };
    let profile = global.profile.clone().or_else(landline_peer::default_profile_dir);
    let downloads = global.downloads.clone().or_else(landline_peer::default_download_folder);
    let profile = absolute(&profile.ok_or_else(|| nowhere("the profile", "--profile"))?)?;
    Ok(Options {
        profile,
        download_folder: absolute(&downloads.ok_or_else(|| nowhere("downloads", "--downloads"))?)?,
        listen: global.listen.unwrap_or(EVERYWHERE),
        device_name: landline_peer::device_name(),
        secrets: match global.secrets {
            Some(SecretsPlace::File) => SecretsIn::File,
            Some(SecretsPlace::Keyring) | None => SecretsIn::Keyring,
        },
        announce: None,
        waker: None,
        clock: Clock::system(),
    })
}

/// The working directory may change later, what is meant may not.
fn absolute(path: &Path) -> Result<PathBuf, Problem> {
    std::path::absolute(path).map_err(|error| Problem::usage(format!("{}: {error}.", path.display())))
}

impl Client {
    /// Starts the engine on the profile that the arguments name.
    pub(crate) async fn start(global: &Global, out: Out, cap: Cap) -> Result<Self, Problem> {
        let options = options(global)?;
        let profile = options.profile.clone();
        let handle = landline_peer::start(options).await?;
        let mut client = Self::over(handle, profile, global.timeout, out);
        if cap != Cap::default() {
            let Cap { up, down } = cap;
            client.run(Action::CapRates { up, down }).await?;
        }
        Ok(client)
    }

    fn over(handle: Handle, profile: PathBuf, patience: Duration, out: Out) -> Self {
        let Handle { commands, snapshot, events, task } = handle;
        Self { commands, snapshot, events, engine: task, next_ticket: 0, patience, out, profile }
    }

    /// The state at this moment.
    pub(crate) fn now(&self) -> Arc<Snapshot> {
        self.snapshot.borrow().clone()
    }

    /// Asks the engine and waits for its answer; the snapshot shows by then what it says.
    pub(crate) async fn run(&mut self, action: Action) -> Result<Outcome, Problem> {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        self.commands.send(Command { ticket, action }).await.map_err(|_| Problem::engine_gone())?;
        let patience = self.patience;
        timeout(patience, self.finished(ticket)).await.map_err(|_| no_answer(patience))?
    }

    async fn finished(&mut self, wanted: Ticket) -> Result<Outcome, Problem> {
        loop {
            match self.events.recv().await {
                Some(Event::Finished { ticket, result }) if ticket == wanted => return Ok(result?),
                Some(event) => self.heard(&event),
                None => return Err(Problem::engine_gone()),
            }
        }
    }

    /// Waits until `look` finds what it looks for, however long that takes.
    pub(crate) async fn until<T>(
        &mut self,
        mut look: impl FnMut(&Snapshot) -> Option<T>,
    ) -> Result<T, Problem> {
        loop {
            let snapshot = self.snapshot.borrow_and_update().clone();
            if let Some(found) = look(&snapshot) {
                return Ok(found);
            }
            self.changed().await?;
        }
    }

    /// Waits for the next snapshot. Events are heard meanwhile, so that their queue never fills.
    async fn changed(&mut self) -> Result<(), Problem> {
        loop {
            tokio::select! {
                changed = self.snapshot.changed() => return changed.map_err(|_| Problem::engine_gone()),
                event = self.events.recv() => match event {
                    Some(event) => self.heard(&event),
                    None => return Err(Problem::engine_gone()),
                },
            }
        }
    }

    fn heard(&self, event: &Event) {
        if let Event::Notice(failure) = event {
            self.out.note(&failure.text);
        }
    }

    /// Waits until messages flow, and says why if they do not in time.
    pub(crate) async fn connected(&mut self) -> Result<(), Problem> {
        let patience = self.patience;
        let waiting = timeout(patience, self.until(|snapshot| verdict(&snapshot.line)));
        match waiting.await {
            Ok(verdict) => verdict?,
            Err(_) => Err(not_in_time(&self.now().line, patience)),
        }
    }

    /// Waits until messages flow or it is plain that they will not for now, and why: for commands
    /// that can do without.
    pub(crate) async fn settled(&mut self) -> Result<Option<Failure>, Problem> {
        let look = |snapshot: &Snapshot| match &snapshot.line {
            Line::Connecting => None,
            Line::Waiting { cause, .. } => Some(Ok(Some(cause.clone()))),
            line => verdict(line).map(|verdict| verdict.map(|()| None)),
        };
        match timeout(self.patience, self.until(look)).await {
            Ok(found) => found?,
            Err(_) => Ok(None),
        }
    }

    /// The same, and says on standard error that what follows may be old.
    pub(crate) async fn connected_or_old(&mut self) -> Result<(), Problem> {
        if let Some(cause) = self.settled().await? {
            self.out.note(&format!("Not connected, so this may be old. {}", cause.text));
        }
        Ok(())
    }

    /// How long to wait for the coordinator.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// Puts everything away. Waits a little for it, not for ever.
    pub(crate) async fn close(self) {
        let Self { commands, engine, mut events, .. } = self;
        let shutdown = Command { ticket: Ticket::default(), action: Action::Shutdown };
        let closing = async {
            // A failure means that the engine has ended: what was wanted.
            let _ = commands.send(shutdown).await;
            let drain = async { while events.recv().await.is_some() {} };
            drop(tokio::join!(drain, engine));
        };
        let _ = timeout(CLOSING, closing).await;
    }
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        let exit = match &error {
            StartError::Profile(ProfileError::Locked { .. }) => Exit::Locked,
            _ => Exit::Failed,
        };
        Self::new(exit, sentence(&error.to_string()))
    }
}

/// Whether commands that need the coordinator can go on: yes, no, or not known yet.
fn verdict(line: &Line) -> Option<Result<(), Problem>> {
    match line {
        Line::Connected { .. } => Some(Ok(())),
        Line::SignedOut => Some(Err(signed_out())),
        Line::Refused { cause } => Some(Err(cause.clone().into())),
        Line::Connecting | Line::Waiting { .. } => None,
    }
}

/// Nobody is signed in.
pub(crate) fn signed_out() -> Problem {
    Problem::new(
        Exit::SignedOut,
        "Nobody is signed in on this profile: use `landline sign-up` or `landline sign-in` first.",
    )
}

fn not_in_time(line: &Line, patience: Duration) -> Problem {
    match line {
        Line::Waiting { cause, .. } => Failure::into(cause.clone()),
        _ => no_answer(patience),
    }
}

fn no_answer(patience: Duration) -> Problem {
    let text = format!(
        "No answer within {} seconds; it may only be slow: --timeout waits longer.",
        patience.as_secs_f64()
    );
    Problem::new(Exit::Unreachable, text)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use landline_peer::api::FailureKind;

    use super::super::offers::tests::snapshot;
    use super::*;

    /// The other side of a client: what an engine holds.
    struct Engine {
        commands: mpsc::Receiver<Command>,
        snapshot: watch::Sender<Arc<Snapshot>>,
        events: mpsc::Sender<Event>,
    }

    fn pair(line: Line) -> (Client, Engine) {
        let (commands, inbox) = mpsc::channel(4);
        let (snapshots, snapshot) = watch::channel(Arc::new(Snapshot { line, ..snapshot(vec![]) }));
        let (events, outbox) = mpsc::channel(1);
        let handle = Handle { commands, snapshot, events: outbox, task: tokio::spawn(async {}) };
        let client = Client::over(handle, "p".into(), Duration::from_millis(50), Out::new(true));
        let engine = Engine { commands: inbox, snapshot: snapshots, events };
        (client, engine)
    }

    fn waiting(kind: FailureKind) -> Line {
        Line::Waiting { until: Instant::now(), cause: Failure::new(kind, "Nobody answers.") }
    }

    #[tokio::test]
    async fn an_answer_is_told_from_the_answers_to_others() {
        let (mut client, mut engine) = pair(Line::Connected { round_trip: None });
        let answering = async {
            let asked = engine.commands.recv().await.unwrap();
            for (ticket, result) in [
                (Ticket(asked.ticket.0 + 1), Err(Failure::new(FailureKind::Io, "Another's."))),
                (asked.ticket, Ok(Outcome::Done)),
            ] {
                engine.events.send(Event::Finished { ticket, result }).await.unwrap();
            }
        };
        let (outcome, ()) = tokio::join!(client.run(Action::SignOut), answering);
        assert_eq!(outcome, Ok(Outcome::Done));
    }

    #[tokio::test]
    async fn waiting_for_the_line_ends_with_its_cause() {
        for (line, expected) in [
            (Line::Connected { round_trip: None }, Ok(())),
            (Line::SignedOut, Err(Exit::SignedOut)),
            (Line::Connecting, Err(Exit::Unreachable)),
            (waiting(FailureKind::Limited), Err(Exit::Limited)),
            (Line::Refused { cause: Failure::new(FailureKind::KeyChanged, "Stop.") }, Err(Exit::KeyChanged)),
        ] {
            let (mut client, _engine) = pair(line);
            assert_eq!(client.connected().await.map_err(|problem| problem.exit), expected);
        }
    }

    #[tokio::test]
    async fn a_line_that_comes_up_in_time_is_enough() {
        let (mut client, engine) = pair(waiting(FailureKind::Unreachable));
        client.patience = Duration::from_secs(30);
        let (connected, ()) = tokio::join!(client.connected(), async {
            engine.snapshot.send_replace(Arc::new(snapshot(vec![])));
        });
        assert_eq!(connected, Ok(()));
    }

    #[tokio::test]
    async fn an_engine_that_is_gone_is_no_reason_to_hang() {
        let (mut client, engine) = pair(Line::Connecting);
        drop(engine);
        assert_eq!(client.run(Action::SignOut).await.unwrap_err().exit, Exit::Failed);
        assert_eq!(client.connected().await.unwrap_err().exit, Exit::Failed);
        client.close().await;
    }

    #[test]
    fn a_locked_profile_has_its_own_code_and_names_the_holder() {
        let locked = StartError::Profile(ProfileError::Locked { pid: "4711".into() });
        let problem = Problem::from(locked);
        assert_eq!(problem.exit, Exit::Locked);
        assert!(problem.text.contains("4711") && problem.text.ends_with('.'), "{problem}");
    }
}
