//! What the long runs have in common: how they are asked for, and how they say what came of it.

use std::fmt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;

/// A long run with faults.
#[derive(Args)]
pub(crate) struct Campaign {
    /// Repeats a run
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How many: messages, faults or rounds, as the run counts them
    #[arg(long)]
    pub(crate) count: usize,
    /// End with one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The `landline` program
    #[arg(long)]
    pub(crate) landline: PathBuf,
    /// The programs have this bug, and the run must find it
    #[arg(long)]
    pub(crate) plant: Option<Plant>,
    #[arg(skip)]
    pub(crate) stop: Stop,
}

/// What a run is asked for so many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counts {
    /// Faults: as many must have struck.
    Faults,
    /// Messages or rounds: one fault at least.
    Others,
}

/// A bug that can be built in (see `planted.rs` of the transfer engine).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Plant {
    /// Pieces are admitted without the check
    Unverified,
    /// After a restart a piece of which there is anything counts as whole
    PrefixCounts,
    /// Nobody passes on what it has
    Selfish,
}

/// What went wrong: the kind by which a planted bug gives itself away, and a sentence.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    pub(crate) what: String,
}

/// A kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Something that was said is not where it should be.
    History,
    /// What arrived is not what was sent.
    Content,
    /// A final name was there with something else than what was sent.
    Early,
    /// Parts are left although the download is over.
    Leftover,
    /// More was fetched again than a kill, or the end of a download, excuses.
    Again,
    /// The sender sent more copies than one member needs.
    Uploads,
    /// It did not come to its end, or came to a bad one.
    Stuck,
    /// Something was touched that was none of its business.
    Outside,
    /// A liar was not named, or somebody honest was.
    Liar,
    /// More memory was taken than is right.
    Memory,
    /// Somebody who asks badly was given something, or nothing in order.
    Asker,
}

/// What came of it.
#[derive(Default)]
pub(crate) struct Verdict {
    /// Faults that struck work in flight.
    pub(crate) injected: u64,
    /// What was compared with what it should be.
    pub(crate) checked: u64,
    /// What was not as it should be.
    pub(crate) failures: Vec<Failure>,
}

/// Set when the run is to end before its end: whoever waits looks at it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

/// The last line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    soak: &'a str,
    seed: u64,
    count: usize,
    injected: u64,
    checked: u64,
    failures: usize,
}

/// The variable by which a program with the planted bugs is told which to have.
const PLANT: &str = "LANDLINE_PLANT";
/// The exit code of a run that failed because of the planted bug, and so did what it is for.
const FOUND: i32 = 3;
/// The most failures that are printed.
const SHOWN: usize = 20;

impl Campaign {
    /// Prints the verdict; an error when there was a failure, or too little was tried. Ends the program
    /// with [`FOUND`] when there was a failure of the kind that the planted bug must cause.
    pub(crate) fn judge(&self, soak: &str, counts: Counts, verdict: Verdict) -> Result<()> {
        let Verdict { injected, checked, failures } = verdict;
        for failure in failures.iter().take(SHOWN) {
            println!("{failure}");
        }
        println!("{soak}: {injected} faults struck, {checked} checks, {} failures", failures.len());
        let found = self.plant.map(|plant| failures.iter().any(|failure| failure.kind == plant.causes()));
        if self.json {
            let Self { seed, count, .. } = *self;
            let line = Line { soak, seed, count, injected, checked, failures: failures.len() };
            println!("{}", serde_json::to_string(&line)?);
        }
        if found == Some(true) {
            eprintln!("the planted bug was found");
            std::process::exit(FOUND);
        }
        if !failures.is_empty() {
            bail!("{} failures", failures.len());
        }
        if checked == 0 {
            bail!("nothing was checked: this run says nothing");
        }
        let wanted = match counts {
            Counts::Faults => self.count as u64,
            Counts::Others => 1,
        };
        if injected < wanted {
            bail!("{injected} faults struck instead of {wanted}: this run says too little");
        }
        Ok(())
    }

    /// Tells a program under test which bug it is to have.
    pub(crate) fn prepare(&self, command: &mut Command) {
        match self.plant {
            Some(plant) => command.env(PLANT, plant.as_str()),
            None => command.env_remove(PLANT),
        };
    }
}

impl Plant {
    fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::PrefixCounts => "prefix-counts",
            Self::Selfish => "selfish",
        }
    }

    /// How it must give itself away.
    fn causes(self) -> Kind {
        match self {
            Self::Unverified | Self::PrefixCounts => Kind::Content,
            Self::Selfish => Kind::Uploads,
        }
    }
}

impl Kind {
    /// A failure of this kind.
    pub(crate) fn failure(self, what: impl Into<String>) -> Failure {
        Failure { kind: self, what: what.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FAILED ({:?}) {}", self.kind, self.what)
    }
}

impl Stop {
    /// Ends the run.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Waits a moment; an error when the run is to end.
    pub(crate) fn pause(&self, moment: Duration) -> Result<()> {
        std::thread::sleep(moment);
        if self.0.load(Ordering::Relaxed) {
            bail!("interrupted");
        }
        Ok(())
    }
}
