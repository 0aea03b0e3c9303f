//! Landline's two ends as programs of their own: the transfer engine, with a server that knows no
//! accounts. Sign-in and chat have no part in what is measured.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::Ground;
use super::figures::Sample;
use super::measure::{self, Server};
use super::peers::{tell, tell_command};
use crate::lan::Lan;

/// Where one of the two ends runs: on this machine, or on one of a LAN.
#[derive(Clone, Copy)]
pub(super) struct End<'a> {
    pub(super) testkit: &'a Path,
    pub(super) machine: Option<(&'a Lan, usize)>,
}

impl End<'_> {
    fn program(self) -> Command {
        match self.machine {
            None => Command::new(self.testkit),
            Some((lan, number)) => lan.on(number, self.testkit),
        }
    }

    fn address(self) -> String {
        self.machine.map_or_else(|| "127.0.0.1".to_owned(), |(_, number)| Lan::address(number))
    }
}

/// A machine that shares one file or folder.
pub(super) struct Sharing {
    server: Server,
    /// What the receiver is told, as JSON.
    pub(super) offer: String,
}

#[derive(Deserialize)]
struct Offer {
    hash_seconds: f64,
}

#[derive(Deserialize)]
struct Report {
    transfer_seconds: f64,
    finish_seconds: f64,
    received: u64,
}

/// Fetches what is shared; only for subjects that were started.
pub(super) fn fetch(ground: &Ground, from: Option<&Sharing>, into: &Path, extra: &[&str]) -> Result<Sample> {
    from.context("nothing is shared")?.fetch(ground.end(), into, extra)
}

impl Sharing {
    /// Shares a path to be fetched into a folder, if Landline is to be measured at all.
    pub(super) fn if_wanted(ground: &Ground, path: &Path, into: &Path) -> Result<Option<Self>> {
        if !ground.wants("landline") {
            return Ok(None);
        }
        let sharing = Self::start(ground.end(), path)?;
        sharing.tell_fetch(ground.end(), into, &[]);
        Ok(Some(sharing))
    }

    /// Seconds of processor time that sharing has taken so far.
    pub(super) fn cpu(&self) -> Result<f64> {
        self.server.cpu()
    }

    /// Prints how it is fetched.
    pub(super) fn tell_fetch(&self, end: End<'_>, into: &Path, extra: &[&str]) {
        tell_command(&receiver(end, &self.offer, into, extra));
    }

    /// Shares a path and waits until it is hashed.
    pub(super) fn start(end: End<'_>, path: &Path) -> Result<Self> {
        let mut command = end.program();
        command
            .args(["transfer", "serve", "--listen", &format!("{}:0", end.address())])
            .arg(path)
            .stdout(Stdio::piped());
        tell_command(&command);
        let mut server = Server::start(&mut command)?;
        let mut offer = String::new();
        BufReader::new(server.output()?).read_line(&mut offer)?;
        let read: Offer = serde_json::from_str(&offer).with_context(|| format!("no offer: {offer}"))?;
        tell(&format!("landline: hashing at the source took {:.2} s", read.hash_seconds));
        Ok(Self { server, offer: offer.trim().to_owned() })
    }

    /// Fetches into a folder and weighs both ends. What is timed is everything from the start of the
    /// receiving program until the last byte is verified and written; sync and rename apart.
    pub(super) fn fetch(&self, end: End<'_>, into: &Path, extra: &[&str]) -> Result<Sample> {
        self.bring(end, into, extra).map(|(sample, _)| sample)
    }

    /// Goes on where an earlier attempt stopped: what counts is what came in this one, for nobody knows
    /// to the byte where the other stopped.
    pub(super) fn fetch_rest(&self, end: End<'_>, into: &Path) -> Result<Sample> {
        let (sample, received) = self.bring(end, into, &[])?;
        ensure!(received > 0, "nothing was left to fetch");
        Ok(Sample { bytes: received, ..sample })
    }

    /// What it cost, and how many bytes of content came.
    fn bring(&self, end: End<'_>, into: &Path, extra: &[&str]) -> Result<(Sample, u64)> {
        let mut command = receiver(end, &self.offer, into, extra);
        let before = self.server.cpu()?;
        let (cost, text) = measure::run(&mut command)?;
        let report: Report =
            serde_json::from_str(text.trim()).with_context(|| format!("no report: {text}"))?;
        // Whatever the program did before and after its own measurement counts as transfer.
        let seconds = cost.seconds - report.finish_seconds;
        debug_assert!(report.transfer_seconds <= seconds);
        let sample = Sample {
            seconds,
            bytes: 0,
            cpu_seconds: cost.cpu_seconds + self.server.cpu()? - before,
            peak_mib: (self.server.peak_mib(), cost.peak_mib),
            finish_seconds: Some(report.finish_seconds),
        };
        Ok((sample, report.received))
    }
}

fn receiver(end: End<'_>, offer: &str, into: &Path, extra: &[&str]) -> Command {
    let mut command = end.program();
    command.args(["transfer", "fetch", "--offer", offer]).args(extra).arg(into);
    command
}

/// Where the receiver put it.
pub(super) fn received(into: &Path, path: &Path) -> PathBuf {
    into.join(path.file_name().unwrap_or_default())
}
