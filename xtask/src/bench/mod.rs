//! `cargo xtask bench transfer`: Landline and the programs people would use instead, side by side in
//! one run, in release builds, on this machine alone.

mod big;
mod content;
mod figures;
mod landline;
mod measure;
mod overheads;
mod peers;
mod small;
mod swarm;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::command::{self, cargo};
use crate::setup;
use figures::{Row, print_table};

/// What is measured.
#[derive(Args)]
pub(crate) struct Bench {
    /// What to measure
    subject: Subject,
    /// One object a line on standard output instead of tables
    #[arg(long)]
    json: bool,
    /// How often each is measured; the median counts
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Only this case
    #[arg(long)]
    case: Option<Case>,
    /// Only subjects whose name contains one of these, with commas between
    #[arg(long)]
    only: Option<String>,
    /// How large the big file is, in MiB
    #[arg(long, default_value_t = 4096)]
    mib: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Subject {
    /// Files and folders from machine to machine
    Transfer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Case {
    /// One large file to a file on disk
    BigFileToDisk,
    /// One large file to a file in memory
    BigFileToMemory,
    /// One large file from two sources, resumed from the middle, and without verification: as fast as the
    /// machine goes, and over links of 1 Gbit/s
    Overheads,
    /// Ten thousand files of 16 KiB, to memory
    SmallFiles,
    /// One seeder and eight downloaders behind links of 200 Mbit/s
    #[value(name = "swarm-8")]
    Swarm,
}

/// What every case needs to know.
struct Ground {
    landline: PathBuf,
    testkit: PathBuf,
    /// On disk, emptied at the end.
    disk: tempfile::TempDir,
    /// In memory (tmpfs), likewise.
    memory: tempfile::TempDir,
    runs: usize,
    only: Option<String>,
    mib: u64,
}

/// Debian packages of the programs that Landline is measured against.
const PACKAGES: [&str; 8] =
    ["nginx-light", "curl", "openssl", "rsync", "iperf3", "aria2", "mktorrent", "python3-minimal"];

impl Bench {
    /// Measures, and prints tables or JSON.
    pub(crate) fn run(&self, top: &Path) -> Result<()> {
        let Subject::Transfer = self.subject;
        setup::ensure_packages(&PACKAGES)?;
        build(top)?;
        let ground = self.ground(top)?;
        let cases = Case::value_variants().iter().filter(|case| self.case.is_none_or(|only| only == **case));
        for case in cases {
            for (rows, yardstick) in case.measure(&ground)? {
                if self.json {
                    rows.iter().try_for_each(Row::print_json)?;
                } else if let Some(first) = rows.first() {
                    print_table(first.case, &rows, yardstick);
                }
            }
        }
        Ok(())
    }

    fn ground(&self, top: &Path) -> Result<Ground> {
        let target = top.join("target/bench");
        std::fs::create_dir_all(&target)?;
        let memory = Path::new("/dev/shm");
        if !memory.is_dir() {
            bail!("there is no /dev/shm to measure in");
        }
        Ok(Ground {
            landline: release(top, "landline"),
            testkit: release(top, "testkit"),
            disk: tempfile::tempdir_in(target).context("no folder on disk to measure in")?,
            memory: tempfile::tempdir_in(memory)?,
            runs: self.runs.max(1),
            only: self.only.clone(),
            mib: self.mib,
        })
    }
}

impl Case {
    /// The rows of each table, and the subject that its ratios go by.
    fn measure(self, ground: &Ground) -> Result<Vec<(Vec<Row>, &'static str)>> {
        match self {
            Self::BigFileToDisk => Ok(vec![(big::to_disk(ground)?, big::YARDSTICK)]),
            Self::BigFileToMemory => Ok(vec![(big::to_memory(ground)?, big::YARDSTICK)]),
            Self::Overheads => {
                Ok(overheads::measure(ground)?.into_iter().map(|rows| (rows, "landline")).collect())
            }
            Self::SmallFiles => Ok(vec![(small::measure(ground)?, small::YARDSTICK)]),
            Self::Swarm => Ok(vec![(swarm::measure(ground)?, swarm::YARDSTICK)]),
        }
    }
}

impl Ground {
    /// One of Landline's ends, on this machine.
    fn end(&self) -> landline::End<'_> {
        landline::End { testkit: &self.testkit, machine: None }
    }

    fn wants(&self, subject: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.split(',').any(|part| subject.contains(part)))
    }
}

fn build(top: &Path) -> Result<()> {
    command::run(&mut cargo(
        top,
        &[
            "build",
            "--quiet",
            "--release",
            "-p",
            "landline",
            "-p",
            "xtask",
            "--bin",
            "landline",
            "--bin",
            "testkit",
        ],
    ))
}

fn release(top: &Path, name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| top.join("target"), PathBuf::from);
    target.join("release").join(name)
}

/// Removes what a run left at its destination.
fn clear(path: &Path) -> Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(meta) if meta.is_dir() => Ok(std::fs::remove_dir_all(path)?),
        Ok(_) => Ok(std::fs::remove_file(path)?),
    }
}

/// Lets what is written reach the disk before the next run is timed.
fn settle() -> Result<()> {
    command::output(&mut Command::new("sync")).map(drop)
}
