//! `cargo xtask soak`: long runs with faults, driven by the testkit program.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::command::{self, program};
use crate::step::{Outcome, Step};

/// A long run.
#[derive(Args)]
pub(crate) struct Soak {
    /// Which
    name: Name,
    /// Repeats a run: what happens when, and when faults strike
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many: messages, faults or rounds [default: the full run]
    #[arg(long)]
    count: Option<u64>,
    /// End with one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// kill -9 of the coordinator while everybody talks; counts messages
    CoordinatorKill,
}

impl Name {
    /// What the testkit calls it.
    fn as_str(self) -> &'static str {
        match self {
            Self::CoordinatorKill => "coordinator-kill",
        }
    }

    /// What the full run counts to, and the one that is part of every test.
    fn counts(self) -> (u64, u64) {
        match self {
            Self::CoordinatorKill => (5_000, 5_000),
        }
    }
}

impl Soak {
    /// Runs it in the testkit.
    pub(crate) fn run(&self, top: &Path) -> Result<()> {
        let count = self.count.unwrap_or(self.name.counts().0);
        let mut testkit = Command::new(program(top, "testkit"));
        testkit.arg(self.name.as_str());
        testkit.args(["--seed", &self.seed.to_string(), "--count", &count.to_string()]);
        testkit.args(self.json.then_some("--json"));
        testkit.arg("--landline").arg(program(top, "landline"));
        command::run(&mut testkit)
    }
}

/// The runs that are part of every test.
pub(crate) fn small() -> Vec<Step> {
    let step = |name: &Name| {
        let name = *name;
        Step::new(format!("soak: {}", name.as_str()), move |top| {
            let soak = Soak { name, seed: 1, count: Some(name.counts().1), json: true };
            soak.run(top).map(|()| Outcome::OK)
        })
    };
    Name::value_variants().iter().map(step).collect()
}
