//! Between the window and the engine: bounded channels, and a runtime on a thread of its own.
//!
//! The window never waits: it reads the newest [`Stage`], drains [`Report`]s and pushes commands
//! with `try_send`. Whatever takes time (dialogs, opening files, starting a coordinator) is an
//! [`Errand`] run over there.

mod desk;
mod engine;
#[cfg(test)]
pub(crate) mod fake;
mod glance;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use landline_peer::api::{Command, Event, Failure, Secret, Snapshot, Ticket};
use landline_protocol::{ConversationKind, MessageId, UserName};
use tokio::sync::{mpsc, watch};

use crate::state::{Choose, Hosting, Settings};

pub(crate) use engine::spawn;

/// How far the engine is.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    /// Opening the profile.
    Starting,
    /// It will not start, and why.
    Failed(String),
    /// Its newest state.
    Running(Arc<Snapshot>),
}

/// What comes from over there, besides the stage.
#[derive(Clone, Debug)]
pub(crate) enum Report {
    /// The engine's.
    Event(Event),
    /// Files or a folder were chosen to be sent.
    Chosen {
        /// To whom.
        to: ConversationKind,
        /// Which.
        paths: Vec<PathBuf>,
    },
    /// A place was chosen for an offer.
    SaveChosen {
        /// Which offer.
        offer: MessageId,
        /// Where to.
        path: PathBuf,
    },
    /// A folder was chosen for all that is accepted.
    DownloadFolderChosen(PathBuf),
    /// A coordinator runs in this process.
    Hosting {
        /// How it listens, to start it again next time.
        hosting: Hosting,
        /// The address that others dial.
        address: String,
    },
    /// Hosting did not come about.
    HostingFailed {
        /// The sign-up that was meant to follow.
        ticket: Option<Ticket>,
        /// Why.
        failure: Failure,
    },
    /// An errand failed.
    Failed(Failure),
}

/// Something that takes time.
#[derive(Clone, Debug)]
pub(crate) enum Errand {
    /// Start a coordinator here and sign up with it.
    Host {
        /// For the sign-up.
        ticket: Ticket,
        /// The administrator.
        username: UserName,
        /// Their password.
        password: Secret,
    },
    /// Ask for files or a folder.
    Choose(ConversationKind, Choose),
    /// Ask where to save an offer, beginning with this place.
    ChooseSave {
        /// The offer.
        offer: MessageId,
        /// It is a folder.
        folder: bool,
        /// Where to begin.
        path: PathBuf,
    },
    /// Ask for the folder of all that is accepted.
    ChooseDownloadFolder,
    /// Open a file or folder with its program.
    Open(PathBuf),
    /// Keep the window's settings.
    Save(Settings),
}

/// The window's end.
pub(crate) struct Bridge {
    /// To the engine.
    pub(crate) commands: mpsc::Sender<Command>,
    /// To the runtime's thread.
    pub(crate) errands: mpsc::Sender<Errand>,
    /// The newest state.
    pub(crate) stage: watch::Receiver<Stage>,
    /// What happened once.
    pub(crate) reports: mpsc::Receiver<Report>,
    /// The runtime's thread; absent in tests.
    pub(crate) thread: Option<std::thread::JoinHandle<()>>,
}

/// What waits in each direction before the sender is told that the other side is busy.
const COMMANDS: usize = 64;
const ERRANDS: usize = 16;
const REPORTS: usize = 256;

/// The other end of a [`Bridge`].
pub(crate) struct FarEnd {
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) errands: mpsc::Receiver<Errand>,
    pub(crate) stage: watch::Sender<Stage>,
    pub(crate) reports: mpsc::Sender<Report>,
}

/// Both ends.
pub(crate) fn pair() -> (Bridge, FarEnd) {
    let (commands, commands_in) = mpsc::channel(COMMANDS);
    let (errands, errands_in) = mpsc::channel(ERRANDS);
    let (stage_out, stage) = watch::channel(Stage::Starting);
    let (reports_out, reports) = mpsc::channel(REPORTS);
    let near = Bridge { commands, errands, stage, reports, thread: None };
    let far = FarEnd { commands: commands_in, errands: errands_in, stage: stage_out, reports: reports_out };
    (near, far)
}

impl Bridge {
    /// Lets the other side end in order. Called once the window is gone.
    pub(crate) fn close(self) {
        let Self { commands, errands, stage, reports, thread } = self;
        // Closed channels are how the other side learns of it; nothing waits for a reader any more.
        drop((commands, errands, stage, reports));
        let Some(thread) = thread else { return };
        let deadline = std::time::Instant::now() + CLOSING;
        while !thread.is_finished() && std::time::Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        if thread.is_finished() && thread.join().is_err() {
            tracing::error!("the engine's thread ended badly");
        }
    }
}

/// How long the engine may take to close its files.
const CLOSING: Duration = Duration::from_secs(5);

/// Where a coordinator in this process listens: everywhere, on the usual port.
pub(crate) fn usual_listen(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), port)
}
