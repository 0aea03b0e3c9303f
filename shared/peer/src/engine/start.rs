//! Starting an engine: the profile taken, what it remembers read, the file server listening, and the
//! last account picked up.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use landline_net::Clock;
use landline_transfer::Shares;
use landline_trust::device::{DeviceKey, KeyError};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::downloads::{Downloads, Surroundings};
use super::outlet::Outlet;
use super::settings::Settings;
use super::shares::Outgoing;
use super::swarm::Holdings;
use super::{BothRates, Engine, Report};
use crate::api::{Command, Event, Line, Snapshot};
use crate::files::{FileServer, FileServerError};
use crate::history::{History, HistoryError};
use crate::profile::{Profile, ProfileError};
use crate::secrets::{Secrets, SecretsIn};

/// What an engine is started with.
pub struct Options {
    /// The profile's folder; made if missing.
    pub profile: PathBuf,
    /// Where accepted files go until the person chooses otherwise.
    pub download_folder: PathBuf,
    /// Where the file server listens. Port 0 takes the one of the last run, or any.
    pub listen: SocketAddr,
    /// What others are told instead of this machine's own addresses, which it follows: for whoever is
    /// reached through a forwarded port. At most [`landline_protocol::limits::ADDRESSES`].
    pub announce: Option<Vec<SocketAddr>>,
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
        let downloads = Downloads::new(Surroundings {
            connect: Arc::new(files.reach.clone()),
            credential: credential.subscribe(),
            rates: rates.down.clone(),
            shares: shares.clone(),
            reports: reports.clone(),
            device: key.id(),
        });
        let fixed = options.announce.map(|fixed| watch::channel(fixed).1);
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
            announced: fixed.unwrap_or_else(|| files.addresses.clone()),
            files,
            credential,
            signed_in: None,
            line: Line::SignedOut,
            downloads,
            outgoing: Outgoing::new(profile.dir()),
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
}
