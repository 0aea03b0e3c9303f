//! Clients, load, faults and checkers, for `cargo xtask soak` and `cargo xtask bench`.
//!
//! A program apart from the chores, because it contains the engine that they can do without.

mod campaign;
mod check;
mod client;
#[allow(dead_code, reason = "shared with the chores")]
#[path = "../src/command.rs"]
mod command;
mod content;
mod coordinator;
mod hostile;
mod kill;
#[path = "../src/lan.rs"]
mod lan;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[path = "../../gui/src/memory.rs"]
mod memory;
mod process;
mod random;
mod resume;
mod swarm;
mod transfer;

use anyhow::Result;
use clap::{Parser, Subcommand};

use campaign::{Campaign, Counts, Verdict};

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    run: Run,
}

#[derive(Subcommand)]
enum Run {
    /// kill -9 of the coordinator while everybody talks
    CoordinatorKill(Campaign),
    /// kill -9 of either side of downloads while bytes move
    Resume(Campaign),
    /// Sources that lie in every way there is, beside one that does not
    HostilePeer(Campaign),
    /// Many fetch what one sends, while members and links fail
    Swarm(Campaign),
    /// The two ends of the transfer engine
    #[command(subcommand)]
    Transfer(transfer::End),
}

#[tokio::main]
async fn main() -> Result<()> {
    match Cli::parse().run {
        Run::CoordinatorKill(campaign) => {
            campaign.judge("coordinator-kill", Counts::Others, kill::run(&campaign).await?)
        }
        Run::Resume(campaign) => blocking("resume", Counts::Faults, campaign, resume::run).await,
        Run::HostilePeer(campaign) => {
            campaign.judge("hostile-peer", Counts::Faults, hostile::run(&campaign).await?)
        }
        Run::Swarm(campaign) => blocking("swarm", Counts::Others, campaign, swarm::run).await,
        Run::Transfer(end) => end.run().await,
    }
}

/// Runs a campaign that waits a lot, so that it ends in order when this program is told to end.
async fn blocking(
    soak: &'static str,
    counts: Counts,
    campaign: Campaign,
    run: impl FnOnce(&Campaign) -> Result<Verdict> + Send + 'static,
) -> Result<()> {
    let stop = campaign.stop.clone();
    tokio::spawn(async move {
        told_to_end().await;
        stop.set();
    });
    tokio::task::spawn_blocking(move || campaign.judge(soak, counts, run(&campaign)?)).await?
}

async fn told_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut term) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = term.recv() => {}
    }
}
