//! The engine: one owner of a participant's state, one loop. Commands come in, snapshots and
//! events go out; whatever waits (dialling, hashing, fetching) is a task that reports back.

mod account;
mod commands;
mod conversations;
mod directory;
mod downloads;
mod gate;
mod incoming;
mod listing;
mod outbox;
mod outlet;
mod settings;
mod shares;
mod sign_in;
mod swarm;
mod view;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use landline_protocol::peer_routes::Door;
use landline_protocol::{Author, MessageId};
use landline_transfer::{Rates, ShareError, Shares};
use landline_trust::device::{DeviceKey, KeyError};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::{Command, Event, Failure, FailureKind, Line, Snapshot, TransferSettings, UploadEntry};
use crate::files::{FileServer, FileServerError};
use crate::history::{Account, History, HistoryError};
use crate::profile::{Profile, ProfileError};
use crate::secrets::{Secrets, SecretsIn};
use crate::session::{SessionEvent, SessionHandle};
use conversations::Conversations;
use directory::Directory;
use downloads::{Downloads, FetchReport, Offers, OutlookReport, Surroundings};
use landline_net::Clock;
use listing::ListReport;
use outbox::Outbox;
use outlet::Outlet;
use settings::Settings;
use shares::{Outgoing, ShareReport};
use swarm::{HeldReport, Holdings};

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
    SignIn(Box<account::SignInReport>),
    Invite(account::InviteReport),
    Share(Box<ShareReport>),
    Fetch(Box<FetchReport>),
    Held(HeldReport),
    Outlook(OutlookReport),
    List(ListReport),
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
    offers: Offers,
    /// Who took what, the newest first.
    uploads: Arc<[UploadEntry]>,
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

/// Limits on what goes out and on what comes in.
#[derive(Default)]
struct BothRates {
    up: Rates,
    down: Rates,
    /// Bytes a second for this run, beside what is set for good.
    up_cap: Option<u64>,
    down_cap: Option<u64>,
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
    settings: Arc<TransferSettings>,
    rates: BothRates,
    shares: Shares,
    upload_pulse: watch::Receiver<u64>,
    spoiled: Option<mpsc::Receiver<(Door, ShareError)>>,
    files: FileServer,
    credential: watch::Sender<Arc<str>>,
    signed_in: Option<SignedIn>,
    line: Line,
    downloads: Downloads,
    outgoing: Outgoing,
    holdings: Holdings,
    /// Ends every look at what is held.
    stop_looking: CancellationToken,
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
        let rates = BothRates::default();
        let shares = Shares::new(rates.up.clone());
        let clock = options.clock;
        let files =
            FileServer::start(options.listen, settings.port, &key, shares.clone(), clock.clone()).await?;
        let port = files.port;
        history.call(move |db| db.set_setting("port", &port.to_le_bytes())).await?;
        let (credential, _) = watch::channel(Arc::from(""));
        let (outlet, snapshot) =
            Outlet::new(key.id(), settings.download_folder.clone(), events, options.waker);
        let (reports, inbox) = mpsc::channel(REPORTS);
        let around = Surroundings {
            connect: Arc::new(files.reach.clone()),
            credential: credential.subscribe(),
            rates: rates.down.clone(),
            shares: shares.clone(),
            reports: reports.clone(),
            device: key.id(),
        };
        let slots = settings::count(settings.transfers.download_slots);
        let outgoing = Outgoing::new(profile.dir());
        let mut engine = Self {
            secrets: Secrets::new(options.secrets, profile.dir(), key.id()),
            key,
            clock,
            skew_ms: settings.skew_ms,
            device_name: options.device_name,
            download_folder: settings.download_folder,
            history,
            settings: settings.transfers,
            rates,
            upload_pulse: shares.changed(),
            spoiled: shares.spoiled(),
            shares,
            files,
            credential,
            signed_in: None,
            line: Line::SignedOut,
            downloads: Downloads::new(around, slots),
            outgoing,
            holdings: Holdings::default(),
            stop_looking: CancellationToken::new(),
            outlet,
            reports,
            tasks: JoinSet::new(),
            _profile: profile,
        };
        engine.apply_settings();
        engine.resume().await?;
        engine.publish();
        Ok((engine, snapshot, inbox))
    }

    async fn run(mut self, mut commands: mpsc::Receiver<Command>, mut reports: mpsc::Receiver<Report>) {
        loop {
            let (due, chore) = (self.outlet.due(self.is_moving()), self.next_chore());
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => if self.command(command).await.is_break() { break },
                    // Nobody can ask for anything any more.
                    None => break,
                },
                Some(event) = next_event(&mut self.signed_in) => self.session_event(event).await,
                Some(report) = reports.recv() => self.report(report).await,
                Ok(()) = self.upload_pulse.changed() => self.uploads_changed().await,
                Some((door, error)) = next_spoiled(&mut self.spoiled) => self.spoiled(door, error).await,
                () = sleep_until(chore), if chore.is_some() => self.chores(),
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

    /// When something is to be done that nobody asks for.
    fn next_chore(&self) -> Option<Instant> {
        self.next_swarm_chore().into_iter().chain(self.downloads.outlooks.next()).min()
    }

    fn chores(&mut self) {
        let now = Instant::now();
        self.swarm_chores(now);
        self.look_at_places(now);
    }

    async fn uploads_changed(&mut self) {
        self.outlet.touch();
        self.log_uploads().await;
    }

    async fn report(&mut self, report: Report) {
        self.outlet.touch();
        match report {
            Report::SignIn(report) => self.finish_sign_in(*report).await,
            Report::Invite(report) => self.finish_invite(report),
            Report::Share(report) => self.share_report(*report).await,
            Report::Fetch(report) => self.fetch_report(*report).await,
            Report::Held(report) => self.held_report(report).await,
            Report::Outlook(report) => self.outlook_report(report),
            Report::List(report) => self.list_report(report),
            Report::ResendDue => self.flush_outbox(),
        }
    }

    /// Whether anything shown changes by itself.
    fn is_moving(&self) -> bool {
        self.downloads.is_moving() || self.outgoing.is_moving()
    }

    /// Ends transfers and lets go of everything that belongs to them.
    async fn let_go(&mut self) {
        self.downloads.stop_all();
        self.stop_looking.cancel();
        self.stop_looking = CancellationToken::new();
        self.holdings.withdraw_all(&self.shares);
        self.outgoing.withdraw_all(&self.shares);
        self.log_uploads().await;
        self.outgoing.clear();
        self.holdings.clear();
    }

    /// Hangs up, ends transfers in order and lets go of the profile.
    async fn stop(mut self) {
        self.let_go().await;
        self.signed_in = None;
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

async fn next_event(signed_in: &mut Option<SignedIn>) -> Option<SessionEvent> {
    match signed_in {
        Some(signed_in) => signed_in.session_events.recv().await,
        None => std::future::pending().await,
    }
}

async fn next_spoiled(
    spoiled: &mut Option<mpsc::Receiver<(Door, ShareError)>>,
) -> Option<(Door, ShareError)> {
    match spoiled {
        Some(spoiled) => spoiled.recv().await,
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
