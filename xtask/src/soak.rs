//! `cargo xtask soak`: long runs with faults, driven by the testkit program.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};

use crate::command::{self, cargo, program};
use crate::real;
use crate::step::{Outcome, Step};

/// A long run.
#[derive(Args)]
pub(crate) struct Soak {
    /// Which
    name: Name,
    /// Repeats a run: what happens when, and when faults strike
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many: messages, kills or rounds [default: the full run]
    #[arg(long)]
    count: Option<u64>,
    /// End with one line of JSON
    #[arg(long)]
    json: bool,
    /// Build this bug in: the run must then fail
    #[arg(long)]
    plant: Option<Plant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// kill -9 of the coordinator while everybody talks; counts messages
    CoordinatorKill,
    /// kill -9 of either side of downloads while bytes move; counts kills that struck
    Resume,
    /// Many fetch what one sends, members and links fail; counts rounds
    Swarm,
    /// Sources that lie in every way there is, beside one that does not; counts hostile answers
    HostilePeer,
}

/// A bug that a run must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Plant {
    /// Pieces are admitted without the check (resume, hostile-peer)
    Unverified,
    /// After a restart a piece of which there is anything counts as whole (resume)
    PrefixCounts,
    /// Nobody passes on what it has (swarm)
    Selfish,
}

/// What the engine with the bugs is built by; which of them it has is said when it starts.
const PLANTS: &str = "landline-transfer/plant";
/// The variable that says it.
const PLANT: &str = "LANDLINE_PLANT";
/// How the testkit ends when a run failed because of the planted bug.
const FOUND: i32 = 3;
/// The programs of a run.
const PROGRAMS: [&str; 2] = ["landline", "testkit"];

impl Name {
    /// What the testkit calls it.
    fn as_str(self) -> &'static str {
        match self {
            Self::CoordinatorKill => "coordinator-kill",
            Self::Resume => "resume",
            Self::Swarm => "swarm",
            Self::HostilePeer => "hostile-peer",
        }
    }

    /// What the full run counts to, and the one that is part of every test.
    fn counts(self) -> (u64, u64) {
        match self {
            Self::CoordinatorKill => (5_000, 5_000),
            Self::Resume => (200, 24),
            Self::Swarm => (10, 1),
            Self::HostilePeer => (10_000, 1_500),
        }
    }

    /// Why it cannot run here, if so.
    fn hindrance(self) -> Option<String> {
        let no_network = || real::missing_tools().or_else(|| real::forbidden().map(str::to_owned));
        if self == Self::Swarm { no_network() } else { None }
    }
}

impl Plant {
    /// What the testkit calls it.
    fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::PrefixCounts => "prefix-counts",
            Self::Selfish => "selfish",
        }
    }

    /// The runs that must find it.
    fn found_by(self) -> &'static [Name] {
        match self {
            Self::Unverified => &[Name::Resume, Name::HostilePeer],
            Self::PrefixCounts => &[Name::Resume],
            Self::Selfish => &[Name::Swarm],
        }
    }
}

impl Soak {
    /// Runs it, with programs built before or, with a planted bug, now.
    pub(crate) fn run(&self, top: &Path) -> Result<()> {
        match self.plant {
            None => self.run_with(|name| program(top, name)),
            Some(plant) if !plant.found_by().contains(&self.name) => bail!(
                "{} is not made to find this; `cargo xtask soak {} --plant {}` is",
                self.name.as_str(),
                plant.found_by()[0].as_str(),
                plant.as_str()
            ),
            Some(_) => {
                build_planted(top)?;
                self.run_with(|name| planted(top).join(name))
            }
        }
    }

    /// Succeeds if the run fails, and for the reason it must.
    fn finds_planted(&self, top: &Path) -> Result<()> {
        let mut testkit = self.command(|name| planted(top).join(name));
        let status = testkit.status().context("the testkit cannot be started")?;
        ensure!(status.code() == Some(FOUND), "the planted bug was not found: {status}");
        Ok(())
    }

    fn run_with(&self, program: impl Fn(&str) -> PathBuf) -> Result<()> {
        command::run(&mut self.command(program))
    }

    fn command(&self, program: impl Fn(&str) -> PathBuf) -> Command {
        let count = self.count.unwrap_or(self.name.counts().0);
        let mut testkit = Command::new(program("testkit"));
        testkit.arg(self.name.as_str());
        testkit.args(["--seed", &self.seed.to_string(), "--count", &count.to_string()]);
        testkit.args(self.json.then_some("--json"));
        if self.name == Name::HostilePeer {
            // It measures memory: what is held, not what glibc keeps for each of many threads.
            testkit.env("MALLOC_ARENA_MAX", "2");
        }
        if let Some(plant) = self.plant {
            testkit.args(["--plant", plant.as_str()]);
            // For the engine that is in the testkit itself.
            testkit.env(PLANT, plant.as_str());
        }
        testkit.arg("--landline").arg(program("landline"));
        testkit
    }
}

/// Where the programs with bugs are, apart from those that others use.
fn planted(top: &Path) -> PathBuf {
    program(top, "").with_file_name("planted")
}

/// Builds the programs with the bugs, puts them aside, and the good ones back where they belong.
fn build_planted(top: &Path) -> Result<()> {
    // With examples, of which there are none, features are the same as with tests: nothing of others
    // is built again.
    let mut build =
        cargo(top, &["build", "--quiet", "--workspace", "--bins", "--examples", "--features", PLANTS]);
    let done = command::run(&mut build).and_then(|()| put_aside(top));
    command::build(top)?;
    done
}

fn put_aside(top: &Path) -> Result<()> {
    let aside = planted(top);
    std::fs::create_dir_all(&aside)?;
    for name in PROGRAMS {
        let to = aside.join(name);
        // What runs from there, if anything does, keeps its file.
        let _ = std::fs::remove_file(&to);
        std::fs::copy(program(top, name), &to).with_context(|| to.display().to_string())?;
    }
    Ok(())
}

/// The runs that are part of every test: each as it is, then with each bug that it must find.
pub(crate) fn small() -> Vec<Step> {
    let mut steps: Vec<Step> = Name::value_variants().iter().map(|name| small_run(*name, None)).collect();
    steps.push(Step::new("soak: programs with planted bugs", |top| build_planted(top).map(|()| Outcome::OK)));
    for plant in Plant::value_variants() {
        steps.extend(plant.found_by().iter().map(|name| small_run(*name, Some(*plant))));
    }
    steps
}

fn small_run(name: Name, plant: Option<Plant>) -> Step {
    let title = match plant {
        None => format!("soak: {}", name.as_str()),
        Some(plant) => format!("soak: {} finds {}", name.as_str(), plant.as_str()),
    };
    Step::new(title, move |top| {
        if let Some(why) = name.hindrance() {
            return Ok(Outcome::Skipped(why));
        }
        let soak = Soak { name, seed: 1, count: Some(name.counts().1), json: true, plant };
        let run = if plant.is_some() { soak.finds_planted(top) } else { soak.run(top) };
        run.map(|()| Outcome::OK)
    })
}
