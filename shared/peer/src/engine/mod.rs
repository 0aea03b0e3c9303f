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
mod start;
mod swarm;
mod view;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use landline_protocol::peer_routes::Door;
use landline_protocol::{Author, MessageId};
use landline_transfer::{Rates, ShareError, Shares};
use landline_trust::device::DeviceKey;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::{Command, Event, Failure, FailureKind, Line, TransferSettings, UploadEntry};
use crate::files::FileServer;
use crate::history::{Account, History};
use crate::profile::Profile;
use crate::secrets::Secrets;
use crate::session::{SessionEvent, SessionHandle};
use conversations::Conversations;
use directory::Directory;
use downloads::{Downloads, FetchReport, Offers, OutlookReport};
use landline_net::Clock;
use listing::ListReport;
use outbox::Outbox;
use outlet::Outlet;
use shares::{Outgoing, ShareReport};
pub use start::{Handle, Options, StartError, start};
use swarm::{HeldReport, Holdings};

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
    /// Where others are told to find the file server.
    announced: watch::Receiver<Vec<SocketAddr>>,
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
        // First: whoever asks from now on is told to come back, not that there is nothing.
        self.shut_gate();
        let here = self.downloads.stop_all().await;
        self.note_here(here).await;
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
