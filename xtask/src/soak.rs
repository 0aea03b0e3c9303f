//! `cargo xtask soak`: long runs with faults, driven by the testkit program.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::command::{self, program};
use crate::step::{Outcome, Step};

/// A long run.
#[derive(Args)]
pub(crate) struct Soak {
    /// Which: coordinator-kill
    name: String,
    /// Repeats a run: who says what when, and when faults strike
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many messages
    #[arg(long, default_value_t = 5_000)]
    count: u64,
}

impl Soak {
    /// Runs it in the testkit.
    pub(crate) fn run(&self, top: &Path) -> Result<()> {
        let mut testkit = Command::new(program(top, "testkit"));
        testkit.arg(&self.name);
        testkit.args(["--seed", &self.seed.to_string(), "--count", &self.count.to_string()]);
        testkit.arg("--landline").arg(program(top, "landline"));
        command::run(&mut testkit)
    }
}

/// The run that is part of every test.
pub(crate) fn small() -> Step {
    Step::new("soak: coordinator-kill", |top| {
        let soak = Soak { name: "coordinator-kill".to_owned(), seed: 1, count: 5_000 };
        soak.run(top).map(|()| Outcome::OK)
    })
}
