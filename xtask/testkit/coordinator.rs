//! A coordinator in a process of its own, which can be killed and started again where it was.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The process; ends when dropped.
pub(crate) struct Coordinator {
    program: PathBuf,
    data: PathBuf,
    /// Where it listens, the same after every start.
    pub(crate) address: String,
    process: Child,
}

impl Coordinator {
    /// Starts one at a free port.
    pub(crate) fn start(program: &Path, data: &Path) -> Result<Self> {
        let (process, address) = launch(program, data, "127.0.0.1:0")?;
        let (program, data) = (program.to_owned(), data.to_owned());
        Ok(Self { program, data, address, process })
    }

    /// kill -9, and a new process on what the old one left.
    pub(crate) fn kill_and_restart(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        (self.process, _) = launch(&self.program, &self.data, &self.address)?;
        Ok(())
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        // Where it has ended by itself there is nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn launch(program: &Path, data: &Path, at: &str) -> Result<(Child, String)> {
    let mut process = Command::new(program)
        .args(["host", "--json", "--open", "--at", at, "--data"])
        .arg(data)
        .stdout(Stdio::piped())
        .spawn()
        .context("the coordinator cannot be started")?;
    let stdout = process.stdout.take().context("no pipe")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let record: Value = serde_json::from_str(&line).unwrap_or_default();
    if let Some(address) = record["address"].as_str() {
        return Ok((process, address.to_owned()));
    }
    process.kill()?;
    bail!("the coordinator did not say where it listens: {line}")
}
