//! What the long runs have in common: how they are asked for, and how they say what came of it.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
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
}

/// What came of it.
#[derive(Default)]
pub(crate) struct Verdict {
    /// Faults that struck work in flight.
    pub(crate) injected: u64,
    /// What was compared with what it should be.
    pub(crate) checked: u64,
    /// What was not as it should be, in sentences.
    pub(crate) failures: Vec<String>,
}

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

/// The most failures that are printed.
const SHOWN: usize = 20;

impl Campaign {
    /// Prints the verdict; an error when there was a failure, or nothing was tried.
    pub(crate) fn judge(&self, soak: &str, verdict: Verdict) -> Result<()> {
        let Verdict { injected, checked, failures } = verdict;
        for failure in failures.iter().take(SHOWN) {
            println!("{failure}");
        }
        if self.json {
            let Self { seed, count, .. } = *self;
            let line = Line { soak, seed, count, injected, checked, failures: failures.len() };
            println!("{}", serde_json::to_string(&line)?);
        } else {
            println!("{soak}: {injected} faults struck, {checked} checks, {} failures", failures.len());
        }
        if !failures.is_empty() {
            bail!("{} failures", failures.len());
        }
        if injected == 0 || checked == 0 {
            bail!("nothing was struck or nothing was checked: this run says nothing");
        }
        Ok(())
    }
}
