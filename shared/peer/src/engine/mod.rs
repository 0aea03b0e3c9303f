//! The engine: one owner of a participant's state, one loop. Commands come in, snapshots and
//! events go out; whatever waits (dialling, hashing, fetching) is a task that reports back.

mod account;
mod commands;
mod conversations;
mod directory;
mod downloads;
mod failures;
mod fetcher;
mod gate;
mod incoming;
mod outbox;
mod outlet;
mod shares;
mod sign_in;
mod view;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use landline_protocol::{Author, MessageId};
use landline_transfer::share::Shares;
use landline_trust::device::{DeviceKey, KeyError};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::api::{Command, Event, Failure, FailureKind, Line, Snapshot};
use crate::files::{FileServer, FileServerError};
use crate::history::{Account, History, HistoryError, OfferRow};
use crate::profile::{Profile, ProfileError};
use crate::secrets::{Secrets, SecretsIn};
use crate::session::{SessionEvent, SessionHandle};
use conversations::Conversations;
use directory::Directory;
use downloads::Downloads;
use fetcher::FetchReport;
use landline_net::Clock;
use outbox::Outbox;
use outlet::Outlet;
use shares::{Outgoing, ShareReport};

/// What an engine is started with.
pub struct Options {
    /// The profile's folder; made if missing.
    pub profile: PathBuf,
    /// Where accepted files go until the person chooses otherwise.
    pub download_folder: PathBuf,
    /// Where the file server listens. Port 0 takes the one of the last run, or any.
    pub listen: SocketAddr,
    /// What this machine is called in lists.
    pub device_name: String,
    /// Where tokens are kept.
    pub secrets: SecretsIn,
    /// Called after each new snapshot or event; must return at once.
    pub waker: Option<Arc<dyn Fn() + Send + Sync>>,
    /// The wall clock.
    pub clock: Clock,
}

/// The way to a running engine.
pub struct Handle {
    /// Commands in. Full means busy.
    pub commands: mpsc::Sender<Command>,
    /// The newest state.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// What happened once.
    pub events: mpsc::Receiver<Event>,
    /// The engine's task.
    pub task: tokio::task::JoinHandle<()>,
}

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The profile is in use or cannot be written.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The device's key cannot be read or made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The local database cannot be opened.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The file server cannot listen.
    #[error(transparent)]
    Files(#[from] FileServerError),
}

/// How many commands may wait.
const COMMANDS: usize = 64;
/// How many events may wait before they are counted instead.
const EVENTS: usize = 1024;
/// How many reports of tasks may wait.
const REPORTS: usize = 256;

/// Starts an engine on the current tokio runtime.
pub async fn start(options: Options) -> Result<Handle, StartError> {
    let (commands, command_inbox) = mpsc::channel(COMMANDS);
    let (events, event_outbox) = mpsc::channel(EVENTS);
    let (engine, snapshot, reports) = Engine::open(options, events).await?;
    let task = tokio::spawn(engine.run(command_inbox, reports));
    Ok(Handle { commands, snapshot, events: event_outbox, task })
}

/// What tasks report.
enum Report {
    SignIn(account::SignInReport),
    Invite(account::InviteReport),
    Share(ShareReport),
    Fetch(FetchReport),
    ResendDue,
}

/// Everything that exists only while somebody is signed in.
struct SignedIn {
    account: Account,
    author: Author,
    session: SessionHandle,
    session_events: mpsc::Receiver<SessionEvent>,
    conversations: Conversations,
    directory: Directory,
    outbox: Outbox,
    offers: BTreeMap<MessageId, OfferRow>,
    catching_up: CatchingUp,
}

/// How far a fresh connection has brought what was missed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CatchingUp {
    /// Where the conversations stand is not known yet.
    Asking,
    /// Pages are on their way.
    Pulling,
    /// Everything up to the heads is here.
    Done,
}

struct Engine {
    key: Arc<DeviceKey>,
    clock: Clock,
    /// How far the coordinator's clock was ahead of ours when it was last heard of.
    skew_ms: i64,
    device_name: String,
    download_folder: PathBuf,
    history: History,
    secrets: Secrets,
    shares: Shares,
    upload_pulse: watch::Receiver<u64>,
    files: FileServer,
    addresses: watch::Sender<Vec<SocketAddr>>,
    credential: watch::Sender<Arc<str>>,
    signed_in: Option<SignedIn>,
    line: Line,
    downloads: Downloads,
    outgoing: Outgoing,
    outlet: Outlet,
    reports: mpsc::Sender<Report>,
    tasks: JoinSet<()>,
    // Held until the engine ends.
    _profile: Profile,
}

impl Engine {
    async fn open(
        options: Options,
        events: mpsc::Sender<Event>,
    ) -> Result<(Self, watch::Receiver<Arc<Snapshot>>, mpsc::Receiver<Report>), StartError> {
        let profile = Profile::open(&options.profile)?;
        let key = Arc::new(DeviceKey::load_or_create(profile.dir())?);
        let history = History::open(profile.dir())?;
        let settings = Settings::load(&history, options.download_folder).await?;
        let shares = Shares::new();
        let clock = options.clock;
        let files =
            FileServer::start(options.listen, settings.port, &key, shares.clone(), clock.clone()).await?;
        let port = files.port;
        history.call(move |db| db.set_setting("port", &port.to_le_bytes())).await?;
        let (addresses, _) = watch::channel(reachable(options.listen, port));
        let (credential, _) = watch::channel(Arc::from(""));
        let (outlet, snapshot) =
            Outlet::new(key.id(), settings.download_folder.clone(), events, options.waker);
        let (reports, inbox) = mpsc::channel(REPORTS);
        let mut engine = Self {
            secrets: Secrets::new(options.secrets, profile.dir(), key.id()),
            key,
            clock,
            skew_ms: settings.skew_ms,
            device_name: options.device_name,
            download_folder: settings.download_folder,
            history,
            upload_pulse: shares.changed(),
            shares,
            files,
            addresses,
            credential,
            signed_in: None,
            line: Line::SignedOut,
            downloads: Downloads::default(),
            outgoing: Outgoing::default(),
            outlet,
            reports,
            tasks: JoinSet::new(),
            _profile: profile,
        };
        engine.resume().await?;
        engine.publish();
        Ok((engine, snapshot, inbox))
    }

    async fn run(mut self, mut commands: mpsc::Receiver<Command>, mut reports: mpsc::Receiver<Report>) {
        loop {
            let due = self.outlet.due(self.is_moving());
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => if self.command(command).await.is_break() { break },
                    // Nobody can ask for anything any more.
                    None => break,
                },
                Some(event) = next_event(&mut self.signed_in) => self.session_event(event).await,
                Some(report) = reports.recv() => self.report(report).await,
                Ok(()) = self.upload_pulse.changed() => self.outlet.touch(),
                () = sleep_until(due), if due.is_some() => {}
                Some(_) = self.tasks.join_next() => {}
            }
            if self.outlet.is_due(self.is_moving()) {
                self.publish();
            }
        }
        self.publish();
        self.stop().await;
    }

    async fn report(&mut self, report: Report) {
        self.outlet.touch();
        match report {
            Report::SignIn(report) => self.finish_sign_in(report).await,
            Report::Invite(report) => self.finish_invite(report),
            Report::Share(report) => self.share_report(report).await,
            Report::Fetch(report) => self.fetch_report(report).await,
            Report::ResendDue => self.flush_outbox(),
        }
    }

    /// Whether anything shown changes by itself.
    fn is_moving(&self) -> bool {
        self.downloads.is_moving() || self.outgoing.uploading
    }

    /// Hangs up, ends transfers in order and lets go of the profile.
    async fn stop(mut self) {
        self.signed_in = None;
        self.downloads.stop_all();
        self.files.stop().await;
        self.tasks.shutdown().await;
    }

    /// A failure of no particular command, said and logged.
    fn notice(&mut self, failure: impl Into<Failure>) {
        let failure = failure.into();
        tracing::warn!(kind = ?failure.kind, "{failure}");
        self.outlet.event(Event::Notice(failure));
    }
}

/// What a profile remembers besides its history.
struct Settings {
    port: Option<u16>,
    skew_ms: i64,
    download_folder: PathBuf,
}

impl Settings {
    async fn load(history: &History, default_folder: PathBuf) -> Result<Self, HistoryError> {
        let (port, skew, folder) = history
            .call(|db| Ok((db.setting("port")?, db.setting("skew")?, db.setting_path("download_folder")?)))
            .await?;
        let port = port.and_then(|bytes| bytes.try_into().ok()).map(u16::from_le_bytes);
        let skew_ms = skew.and_then(|bytes| bytes.try_into().ok()).map_or(0, i64::from_le_bytes);
        Ok(Self { port, skew_ms, download_folder: folder.unwrap_or(default_folder) })
    }
}

/// Where others may find the file server: the bound address, or every interface's when all are
/// listened on.
fn reachable(listen: SocketAddr, port: u16) -> Vec<SocketAddr> {
    if listen.ip().is_unspecified() {
        landline_net::local_addresses(port)
    } else {
        vec![SocketAddr::new(listen.ip(), port)]
    }
}

async fn next_event(signed_in: &mut Option<SignedIn>) -> Option<SessionEvent> {
    match signed_in {
        Some(signed_in) => signed_in.session_events.recv().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => tokio::time::sleep(Duration::MAX).await,
    }
}

/// A fresh message id. Fails only where the system has no randomness.
fn message_id(clock: &Clock) -> Result<MessageId, getrandom::Error> {
    let mut random = [0; 10];
    getrandom::fill(&mut random)?;
    Ok(MessageId::new(clock.now(), random))
}

fn no_randomness(error: getrandom::Error) -> Failure {
    Failure::new(FailureKind::Internal, format!("The system gives no random numbers ({error})."))
}
