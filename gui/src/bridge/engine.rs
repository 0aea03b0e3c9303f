//! The runtime's thread: starts the engine (and the coordinator, if this profile hosts one), then
//! passes on what either side says until the window is gone.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use landline_peer::api::{Action, Command, Failure, FailureKind, Secret, Snapshot, Target, Ticket};
use landline_protocol::UserName;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{Bridge, Errand, FarEnd, Report, Stage, desk, glance, pair};
use crate::hosting::Hosted;
use crate::state::Hosting;
use crate::views::format::sentence;
use landline_peer::{Handle, Options, start};

/// Tells the window that there is something new.
pub(crate) type Waker = Arc<dyn Fn() + Send + Sync>;

/// Starts the thread and gives the window's end of the bridge.
pub(crate) fn spawn(options: Options, hosting: Option<Hosting>, waker: Waker) -> std::io::Result<Bridge> {
    let (mut near, far) = pair();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("landline-worker")
        .enable_all()
        .build()?;
    let thread = std::thread::Builder::new().name("landline-engine".to_owned()).spawn(move || {
        runtime.block_on(run(options, hosting, far, waker));
        runtime.shutdown_timeout(Duration::from_secs(1));
    })?;
    near.thread = Some(thread);
    Ok(near)
}

async fn run(options: Options, hosting: Option<Hosting>, far: FarEnd, waker: Waker) {
    let mut office =
        Office { profile: options.profile.clone(), far, waker, hosted: None, errands: JoinSet::new() };
    let hosted = match hosting {
        Some(hosting) => office.host_again(hosting).await,
        None => None,
    };
    match start(options).await {
        Ok(handle) => {
            if let Some(report) = hosted {
                office.report(report).await;
            }
            office.serve(handle).await;
        }
        Err(error) => office.refuse(sentence(&error.to_string())).await,
    }
    if let Some(hosted) = office.hosted.take() {
        hosted.shutdown().await;
    }
}

/// What lives on the runtime's thread.
struct Office {
    profile: PathBuf,
    far: FarEnd,
    waker: Waker,
    hosted: Option<Hosted>,
    errands: JoinSet<Option<Report>>,
}

/// Why the loop turned.
enum Turn {
    Snapshot,
    Event(landline_peer::api::Event),
    Command(Command),
    Errand(Errand),
    Done(Option<Report>),
    /// The window or the engine is gone.
    End,
}

impl Office {
    async fn serve(&mut self, mut engine: Handle) {
        let first = engine.snapshot.borrow_and_update().clone();
        self.far.stage.send_replace(Stage::Running(first));
        (self.waker)();
        loop {
            match self.turn(&mut engine).await {
                Turn::Snapshot => {
                    let new = engine.snapshot.borrow_and_update().clone();
                    self.show(new);
                }
                Turn::Event(event) => self.report(Report::Event(event)).await,
                Turn::Command(command) => {
                    if engine.commands.send(command).await.is_err() {
                        break;
                    }
                }
                Turn::Errand(errand) => self.begin(errand, &engine.commands).await,
                Turn::Done(Some(report)) => self.report(report).await,
                Turn::Done(None) => {}
                Turn::End => break,
            }
        }
        self.stop(engine).await;
    }

    async fn turn(&mut self, engine: &mut Handle) -> Turn {
        tokio::select! {
            changed = engine.snapshot.changed() => if changed.is_ok() { Turn::Snapshot } else { Turn::End },
            Some(event) = engine.events.recv() => Turn::Event(event),
            command = self.far.commands.recv() => command.map_or(Turn::End, Turn::Command),
            Some(errand) = self.far.errands.recv() => Turn::Errand(errand),
            Some(done) = self.errands.join_next() => Turn::Done(done.ok().flatten()),
        }
    }

    /// Shows a snapshot, and wakes the window if it looks different.
    fn show(&self, new: Arc<Snapshot>) {
        let wake = match &*self.far.stage.borrow() {
            Stage::Running(old) => glance::differs(old, &new),
            _ => true,
        };
        self.far.stage.send_replace(Stage::Running(new));
        if wake {
            (self.waker)();
        }
    }

    async fn report(&self, report: Report) {
        // The window is gone when this fails; the loop ends with its next turn.
        let _ = self.far.reports.send(report).await;
        (self.waker)();
    }

    async fn begin(&mut self, errand: Errand, commands: &mpsc::Sender<Command>) {
        match errand {
            Errand::Host { ticket, username, password } => {
                if let Err(failure) = self.host(ticket, username, password, commands).await {
                    let ticket = Some(ticket);
                    self.report(Report::HostingFailed { ticket, failure }).await;
                }
            }
            errand => {
                self.errands.spawn(desk::run(errand, self.profile.clone()));
            }
        }
    }

    /// Starts a coordinator and signs its first account up.
    async fn host(
        &mut self,
        ticket: Ticket,
        username: UserName,
        password: Secret,
        commands: &mpsc::Sender<Command>,
    ) -> Result<(), Failure> {
        if self.hosted.is_none() {
            self.hosted = Some(Hosted::start(&self.profile, None).await?);
        }
        let Some(hosted) = &self.hosted else { return Ok(()) };
        let told = Report::Hosting { hosting: hosted.remember(), address: hosted.address() };
        let link = hosted.first_invite().ok_or_else(|| {
            let text = format!(
                "This computer hosts a coordinator already, with an administrator of its own. Choose Join, then \
                 “I have an account”, and sign in at {}.",
                hosted.local()
            );
            Failure::new(FailureKind::Invalid, text)
        })?;
        self.report(told).await;
        let action = Action::SignUp { target: Target::Invite(link), username, password };
        commands
            .send(Command { ticket, action })
            .await
            .map_err(|_| Failure::new(FailureKind::Internal, "The engine has stopped. Start Landline again."))
    }

    /// Starts the coordinator that this profile hosted before; what came of it is for later.
    async fn host_again(&mut self, hosting: Hosting) -> Option<Report> {
        match Hosted::start(&self.profile, Some(hosting.listen)).await {
            Ok(hosted) => {
                let address = hosted.address();
                let hosting = hosted.remember();
                self.hosted = Some(hosted);
                Some(Report::Hosting { hosting, address })
            }
            Err(failure) => Some(Report::HostingFailed { ticket: None, failure }),
        }
    }

    /// The engine did not start: says why until the window closes.
    async fn refuse(&mut self, text: String) {
        tracing::error!(%text, "the engine did not start");
        self.far.stage.send_replace(Stage::Failed(text));
        (self.waker)();
        while self.far.commands.recv().await.is_some() {}
    }

    /// Streams that the command line offered and everybody has answered since are kept no longer.
    async fn sweep(&self, engine: &Handle) {
        let (profile, now) = (self.profile.clone(), engine.snapshot.borrow().clone());
        let swept = tokio::task::spawn_blocking(move || crate::cli::spool::sweep(&profile, &now)).await;
        if swept.is_err() {
            tracing::warn!("the streams of the profile were not looked through");
        }
    }

    async fn stop(&mut self, engine: Handle) {
        self.errands.abort_all();
        self.sweep(&engine).await;
        let command = Command { ticket: Ticket::default(), action: Action::Shutdown };
        let Handle { commands, events, task, .. } = engine;
        drop(events);
        let _ = commands.send(command).await;
        if tokio::time::timeout(Duration::from_secs(3), task).await.is_err() {
            tracing::warn!("the engine did not stop within three seconds");
        }
    }
}
