//! Processes under test: killed as kill -9 does, and at the latest when dropped.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context, Result};

/// A process whose output is read as it comes.
pub(crate) struct Process {
    child: Child,
    /// Open for as long as this program lives: the process ends with it.
    _stdin: Option<ChildStdin>,
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    complaints: PathBuf,
}

/// How much of what it complained about is shown.
const SHOWN: usize = 600;

impl Process {
    /// Starts it; what it says on standard error goes to a file.
    pub(crate) fn start(command: &mut Command, complaints: &Path) -> Result<Self> {
        let errors = File::options().create(true).append(true).open(complaints)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let shown = command.get_program().to_string_lossy().into_owned();
        let mut child = command.spawn().with_context(|| format!("{shown} cannot be started"))?;
        let stdin = child.stdin.take();
        let output = child.stdout.take().context("no pipe")?;
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                sink.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Ok(Self { child, _stdin: stdin, lines, reader: Some(reader), complaints: complaints.to_owned() })
    }

    /// kill -9; returns when it is gone.
    pub(crate) fn kill(&mut self) -> Result<()> {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait()?;
        self.drain();
        Ok(())
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        if status.is_some() {
            self.drain();
        }
        Ok(status)
    }

    /// The lines from this one on that it has printed so far.
    pub(crate) fn lines(&self, from: usize) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.get(from..).unwrap_or_default().to_vec()
    }

    /// The end of what it complained about.
    pub(crate) fn complaint(&self) -> String {
        let text = std::fs::read(&self.complaints).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let from = text.char_indices().rev().nth(SHOWN).map_or(0, |(at, _)| at);
        text[from..].trim().to_owned()
    }

    fn drain(&mut self) {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Where it has ended by itself there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.drain();
    }
}
