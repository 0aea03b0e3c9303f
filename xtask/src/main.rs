//! The project's chores: `cargo xtask test`, `tidy`, `screenshots`, `real`, `window`, `soak`.
//!
//! This program itself needs nothing but Rust and a linker; what its chores need they install
//! (`setup.rs`) or name.

mod bench;
mod command;
mod desk;
mod help;
mod lan;
mod real;
mod setup;
mod soak;
mod step;
mod test;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's chores")]
struct Cli {
    /// The programs are built already: use what is there
    #[arg(long, global = true)]
    built: bool,
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Install what is missing and run everything
    Test {
        /// Only steps whose title contains this
        #[arg(long)]
        only: Option<String>,
    },
    /// Check the rules of the tree and PROTOCOL.md against the types
    Tidy,
    /// Take the pictures of the README: the real window, on a display of its own
    Screenshots,
    /// Real processes: coordinator, alice and bob
    Real {
        /// One scenario; all of them when left out
        name: Option<String>,
    },
    /// Two real windows, driven by mouse and keyboard; or how idle an idle one is
    Window {
        /// One scenario; all of them when left out
        name: Option<String>,
        /// Where to put a picture of each step
        #[arg(long, default_value = "target/window")]
        pictures: PathBuf,
    },
    /// Long runs with faults
    Soak(soak::Soak),
    /// How fast it is, beside what people would use instead
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    let top = top()?;
    let build = || if cli.built { Ok(()) } else { command::build(&top) };
    match cli.chore {
        Chore::Test { only } => test::run(&top, only.as_deref()),
        Chore::Tidy => tidy::run(&top),
        Chore::Screenshots => {
            setup::ensure()?;
            build()?;
            desk::screenshots::take(&top)
        }
        Chore::Real { name } => {
            setup::ensure()?;
            build()?;
            step::report(&top, &real::steps(), name.as_deref())
        }
        Chore::Window { name, pictures } => {
            setup::ensure()?;
            build()?;
            step::report(&top, &desk::steps(&top.join(pictures)), name.as_deref())
        }
        Chore::Bench(bench) => bench.run(&top),
        Chore::Soak(soak) => {
            build()?;
            soak.run(&top)
        }
    }
}

/// The top of the checkout that this program was built from.
fn top() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(Path::to_owned).context("xtask stands in the workspace")
}
