//! Clients, load, faults and checkers, for `cargo xtask soak` and `cargo xtask bench`.
//!
//! A program apart from the chores, because it contains the engine that they can do without.

mod campaign;
mod check;
mod client;
mod coordinator;
mod kill;
mod random;
mod transfer;

use clap::{Parser, Subcommand};

use campaign::Campaign;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    run: Run,
}

#[derive(Subcommand)]
enum Run {
    /// kill -9 of the coordinator while everybody talks
    CoordinatorKill(Campaign),
    /// The two ends of the transfer engine
    #[command(subcommand)]
    Transfer(transfer::End),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().run {
        Run::CoordinatorKill(campaign) => campaign.judge("coordinator-kill", kill::run(&campaign).await?),
        Run::Transfer(end) => end.run().await,
    }
}
