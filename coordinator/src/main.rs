//! `landline-coordinator`: settings in, a running coordinator, an orderly end.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use landline_coordinator::settings::{self, Flags};
use landline_coordinator::{Clock, Config, Coordinator, invite_into, reachable_at};
use landline_protocol::InviteLink;
use tracing_subscriber::EnvFilter;

/// The coordinator of a Landline network: knows who is here and carries their messages.
/// Files never pass it. With no flags it works.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Print a fresh invite link for one person
    Invite {
        /// The person becomes an admin, who can invite others
        #[arg(long)]
        admin: bool,
    },
}

fn main() -> ExitCode {
    match dispatch(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("landline-coordinator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: &Cli) -> anyhow::Result<()> {
    let config = settings::resolve(&cli.flags)?;
    match cli.command {
        Some(Command::Invite { admin }) => {
            let links = invite_into(&config, admin, &Clock::system())?;
            print_links("An invite link for one person, good once and for seven days:", &links)
        }
        None => run(config),
    }
}

#[tokio::main]
async fn run(mut config: Config) -> anyhow::Result<()> {
    start_log();
    config.fit_descriptors();
    let signals = signals::Signals::new().context("signals cannot be waited for")?;
    let coordinator = Coordinator::start(config).await?;
    greet(&coordinator)?;
    signals.wait().await;
    coordinator.shutdown().await;
    Ok(())
}

/// The log goes to standard error, as service managers want it; `LANDLINE_LOG` filters it.
fn start_log() {
    let filter = EnvFilter::try_from_env("LANDLINE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(filter)
        .init();
}

/// Says where it is and how to get in. To standard output alone: logs are kept and copied, and
/// the link is a secret.
fn greet(coordinator: &Coordinator) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for address in reachable_at(coordinator.address()) {
        writeln!(out, "Address:     {address}")?;
    }
    writeln!(out, "Fingerprint: {}", coordinator.device().fingerprint())?;
    out.flush()?;
    drop(out);
    let links = coordinator.invite_links();
    if links.is_empty() {
        return Ok(());
    }
    print_links("Nobody has an account yet. Whoever joins by this link becomes the admin:", &links)
}

/// The first link is the one to use; the others are for other networks of this machine.
fn print_links(what: &str, links: &[InviteLink]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what}")?;
    for link in links {
        writeln!(out, "Invite:      {link}")?;
    }
    Ok(out.flush()?)
}

#[cfg(unix)]
mod signals {
    //! The two ways in which a service manager or a terminal asks to end.

    use tokio::signal::unix::{Signal, SignalKind, signal};

    pub(super) struct Signals {
        terminate: Signal,
        interrupt: Signal,
    }

    impl Signals {
        pub(super) fn new() -> std::io::Result<Self> {
            let terminate = signal(SignalKind::terminate())?;
            Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
        }

        pub(super) async fn wait(mut self) {
            tokio::select! {
                _ = self.terminate.recv() => {}
                _ = self.interrupt.recv() => {}
            }
        }
    }
}

#[cfg(not(unix))]
mod signals {
    //! The one way in which a terminal asks to end.

    pub(super) struct Signals;

    impl Signals {
        pub(super) fn new() -> std::io::Result<Self> {
            Ok(Self)
        }

        pub(super) async fn wait(self) {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}
