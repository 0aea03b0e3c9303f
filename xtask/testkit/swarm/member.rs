//! Somebody on a machine of the LAN: the real program with a profile of its own.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::campaign::Campaign;
use crate::lan::{HUB, Lan};
use crate::process::Process;

/// Where the coordinator listens, at the hub.
pub(super) const PORT: u16 = 4810;
/// The number of whoever sends.
pub(super) const SENDER: usize = 0;

/// A member of the swarm.
pub(super) struct Member<'a> {
    campaign: &'a Campaign,
    lan: &'a Lan,
    work: &'a Path,
    pub(super) number: usize,
    errand: Errand,
    process: Option<Process>,
    /// Lines of this process that were read.
    read: usize,
    /// When it is to come back.
    returns: Option<Instant>,
    /// Bytes it has, as it says.
    pub(super) has: u64,
    /// It has said that everything is in place.
    pub(super) is_done: bool,
    /// It does not come back.
    pub(super) is_gone: bool,
    /// Why it cannot go on.
    pub(super) failed: Option<String>,
}

/// What it is started for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Errand {
    Send(PathBuf),
    SendAgain,
    Get,
    /// Nothing: it is there for others.
    Stay,
}

impl<'a> Member<'a> {
    /// Signs up.
    pub(super) fn join(campaign: &'a Campaign, lan: &'a Lan, work: &'a Path, number: usize) -> Result<Self> {
        let member = Self {
            campaign,
            lan,
            work,
            number,
            errand: Errand::Get,
            process: None,
            read: 0,
            returns: None,
            has: 0,
            is_done: false,
            is_gone: false,
            failed: None,
        };
        let mut command = member.command();
        command.args(["sign-up", &format!("{HUB}:{PORT}"), &member.name()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        child.stdin.take().context("no pipe")?.write_all(b"a long password\n")?;
        ensure!(child.wait()?.success(), "{} could not sign up", member.name());
        Ok(member)
    }

    pub(super) fn name(&self) -> String {
        format!("person-{}", self.number)
    }

    /// Where what it gets goes.
    pub(super) fn folder(&self) -> PathBuf {
        self.work.join(format!("received-{}", self.number))
    }

    /// How many of the others are online.
    pub(super) fn others_online(&self) -> Result<usize> {
        let output = self.command().args(["--json", "peers"]).stderr(Stdio::null()).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        Ok(records.filter(|record| record["online"] == true).count())
    }

    /// Begins to wait for the offer.
    pub(super) fn get(&mut self) -> Result<()> {
        std::fs::create_dir(self.folder())?;
        self.launch(Errand::Get)
    }

    /// Offers a file to everybody.
    pub(super) fn send(&mut self, file: &Path) -> Result<()> {
        self.launch(Errand::Send(file.to_owned()))
    }

    /// Whether it is in the middle of it, so that a fault strikes.
    pub(super) fn is_at_work(&self) -> bool {
        let runs = self.process.is_some() && self.failed.is_none();
        runs && (self.number == SENDER || (self.has > 0 && !self.is_done))
    }

    /// kill -9. It comes back after a while, if at all.
    pub(super) fn kill(&mut self, away: Option<Duration>) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
        }
        self.returns = away.map(|away| Instant::now() + away);
        self.is_gone = away.is_none();
        Ok(())
    }

    /// Reads what it says, and starts it again when it is time.
    pub(super) fn look(&mut self) -> Result<()> {
        if self.returns.is_some_and(|at| at <= Instant::now()) {
            self.returns = None;
            let errand = match &self.errand {
                Errand::Send(_) => Errand::SendAgain,
                other => other.clone(),
            };
            self.launch(errand)?;
        }
        let Some(process) = &mut self.process else { return Ok(()) };
        let ended = process.ended()?;
        let lines = process.lines(self.read);
        self.read += lines.len();
        for record in lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            match record["type"].as_str() {
                Some("progress") => self.has = record["bytes"].as_u64().unwrap_or(self.has),
                Some("received") => self.is_done = true,
                _ => {}
            }
        }
        match ended {
            None => Ok(()),
            Some(status) if status.success() => {
                self.is_done |= self.errand == Errand::Get;
                self.launch(Errand::Stay)
            }
            Some(status) => {
                let complaint = process.complaint();
                self.failed = Some(format!("{} ended with {status}: {complaint}", self.name()));
                self.process = None;
                Ok(())
            }
        }
    }

    fn launch(&mut self, errand: Errand) -> Result<()> {
        let mut command = self.command();
        command.args(["--json", "--until-stdin-closes", "--timeout", "120"]);
        match &errand {
            Errand::Send(file) => command.arg("send").arg(file).arg("lobby"),
            Errand::SendAgain => command.args(["send", "--resume"]),
            Errand::Get => command.args(["get", "--wait", "--from", "person-0", "--into"]).arg(self.folder()),
            Errand::Stay => command.args(["history", "lobby", "--follow"]),
        };
        self.process =
            Some(Process::start(&mut command, &self.work.join(format!("stderr-{}", self.number)))?);
        (self.errand, self.read) = (errand, 0);
        Ok(())
    }

    /// The program on its machine, away from the tester's own desktop and home.
    fn command(&self) -> Command {
        let address = Lan::address(self.number);
        let mut command = self.lan.on(self.number, &self.campaign.landline);
        command.env("LANDLINE_PROFILE", self.work.join(format!("profile-{}", self.number)));
        command.env("LANDLINE_LISTEN", format!("{address}:0"));
        command.env("LANDLINE_SECRETS", "file").env("DBUS_SESSION_BUS_ADDRESS", "disabled:");
        command.env("HOME", self.work).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        self.campaign.prepare(&mut command);
        command
    }
}

/// A coordinator at the hub.
pub(super) fn coordinator(campaign: &Campaign, lan: &Lan, work: &Path) -> Result<Process> {
    let at = format!("{}:{PORT}", HUB.parse::<Ipv4Addr>()?);
    let mut host = lan.at_hub(&campaign.landline);
    host.args(["host", "--json", "--until-stdin-closes", "--open", "--at", &at, "--data"]);
    host.arg(work.join("coordinator")).env("HOME", work);
    let mut process = Process::start(&mut host, &work.join("stderr-coordinator"))?;
    while process.lines(0).is_empty() {
        ensure!(process.ended()?.is_none(), "the coordinator did not begin: {}", process.complaint());
        campaign.stop.pause(Duration::from_millis(10))?;
    }
    Ok(process)
}
