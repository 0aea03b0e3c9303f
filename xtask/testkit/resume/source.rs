//! A source: a process that can be killed and comes back as the same device at the same address.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use landline_protocol::DeviceId;

use crate::campaign::Campaign;
use crate::process::Process;
use crate::transfer::Offer;

/// How long it may take until it serves: it hashes first.
const PATIENCE: Duration = Duration::from_mins(1);
/// Somebody else may have taken its port meanwhile, for a moment.
const TRIES: usize = 20;

/// What a source serves, and as whom.
pub(super) struct Source<'a> {
    campaign: &'a Campaign,
    folder: PathBuf,
    content: PathBuf,
    limit: Option<u64>,
    author: Option<DeviceId>,
    process: Option<Process>,
    /// As it said, the same in every life.
    pub(super) offer: String,
    address: Option<SocketAddr>,
    /// When it is to come back.
    pub(super) returns: Option<Instant>,
}

impl<'a> Source<'a> {
    /// Starts one that keeps what it needs in a folder of its own. Without an author it is the author.
    pub(super) fn start(
        campaign: &'a Campaign,
        folder: PathBuf,
        content: &Path,
        limit: Option<u64>,
        author: Option<DeviceId>,
    ) -> Result<(Self, DeviceId)> {
        std::fs::create_dir(&folder)?;
        let mut source = Self {
            campaign,
            folder,
            content: content.to_owned(),
            limit,
            author,
            process: None,
            offer: String::new(),
            address: None,
            returns: None,
        };
        let device = source.launch()?;
        Ok((source, device))
    }

    pub(super) fn is_alive(&self) -> bool {
        self.process.is_some()
    }

    /// kill -9. It comes back after a while, if ever.
    pub(super) fn kill(&mut self, away: Option<Duration>) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
        }
        self.returns = away.map(|away| Instant::now() + away);
        Ok(())
    }

    /// Starts it again when it is time.
    pub(super) fn return_if_due(&mut self) -> Result<()> {
        if self.returns.is_some_and(|at| at <= Instant::now()) {
            self.returns = None;
            self.launch()?;
        }
        Ok(())
    }

    fn launch(&mut self) -> Result<DeviceId> {
        let mut complaint = String::new();
        for _ in 0..TRIES {
            let mut process = Process::start(&mut self.command()?, &self.folder.join("stderr"))?;
            if let Some(line) = self.first_line(&mut process)? {
                let offer: Offer = serde_json::from_str(&line)?;
                (self.offer, self.address) = (line, Some(offer.address));
                self.process = Some(process);
                return Ok(offer.device);
            }
            complaint = process.complaint();
            self.campaign.stop.pause(Duration::from_millis(50))?;
        }
        bail!("a source cannot be started: {complaint}")
    }

    fn command(&self) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["transfer", "serve", "--until-stdin-closes", "--key-dir"]).arg(self.folder.join("key"));
        if let Some(address) = self.address {
            command.args(["--listen", &address.to_string()]);
        }
        if let Some(limit) = self.limit {
            command.args(["--limit", &limit.to_string()]);
        }
        if let Some(author) = self.author {
            command.args(["--holds-for", &author.to_string()]);
        }
        command.arg(&self.content);
        self.campaign.prepare(&mut command);
        Ok(command)
    }

    /// What it says once it serves; `None` when it ended instead.
    fn first_line(&self, process: &mut Process) -> Result<Option<String>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(line) = process.lines(0).into_iter().next() {
                return Ok(Some(line));
            }
            if process.ended()?.is_some() {
                return Ok(None);
            }
            if Instant::now() > deadline {
                bail!("a source did not begin: {}", process.complaint());
            }
            self.campaign.stop.pause(Duration::from_millis(1))?;
        }
    }
}
