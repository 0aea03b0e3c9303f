//! Clients, load and a checker, for `cargo xtask soak`.
//!
//! A program apart from the chores, because it contains the engine that they can do without.

mod check;
mod client;
mod coordinator;
mod kill;
mod random;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

#[derive(Parser)]
struct Cli {
    /// Which run
    run: Run,
    /// Repeats a run
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many messages
    #[arg(long, default_value_t = 5_000)]
    count: usize,
    /// How many clients
    #[arg(long, default_value_t = 20)]
    clients: usize,
    /// The `landline` program
    #[arg(long)]
    landline: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Run {
    /// kill -9 of the coordinator while everybody talks
    CoordinatorKill,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.run {
        Run::CoordinatorKill => kill::run(&cli).await,
    }
}
