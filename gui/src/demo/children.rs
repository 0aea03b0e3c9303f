//! The demo's processes: started, listened to, and ended without exception.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a process may take to end by itself once its standard input has ended.
const GRACE: Duration = Duration::from_secs(5);
/// How much of a process's standard error is kept.
const ERROR_LINES: usize = 20;

/// The temporary folder, and everyone in it.
pub(super) struct Stage {
    folder: tempfile::TempDir,
    program: PathBuf,
    stop: CancellationToken,
    keepers: TaskTracker,
}

impl Stage {
    /// Makes the folder.
    pub(super) fn set() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("landline-demo-").tempdir();
        Ok(Self {
            folder: folder.context("No temporary folder could be made.")?,
            program: std::env::current_exe().context("This program's own file cannot be found.")?,
            stop: CancellationToken::new(),
            keepers: TaskTracker::new(),
        })
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts `landline` with these arguments, in the folder: paths are relative to it. `input` is what it reads first; afterwards its
    /// standard input stays open for as long as it shall live.
    pub(super) async fn start(
        &self,
        who: &str,
        arguments: Vec<String>,
        input: &str,
    ) -> anyhow::Result<Running> {
        let mut command = Command::new(&self.program);
        command
            .args(["--json", "--until-stdin-closes"])
            .args(&arguments)
            .current_dir(self.folder())
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        forget_settings(&mut command);
        apart(&mut command);
        let mut child = command.spawn().with_context(|| format!("{who} could not be started."))?;
        let (Some(mut stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            bail!("{who} has no pipes.");
        };
        stdin.write_all(input.as_bytes()).await.with_context(|| format!("{who} does not listen."))?;
        stdin.flush().await?;
        let stop = self.stop.child_token();
        let (tell, exit) = oneshot::channel();
        self.keepers.spawn(keep(child, stdin, stop.clone(), tell));
        let errors = self.keepers.spawn(last_lines(stderr));
        Ok(Running { who: who.to_owned(), lines: BufReader::new(stdout).lines(), errors, exit, stop })
    }

    /// Ends every process, waits for that, and removes the folder.
    pub(super) async fn clear(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.keepers.close();
        self.keepers.wait().await;
        let path = self.folder().to_owned();
        self.folder.close().with_context(|| format!("{} could not be removed.", path.display()))
    }
}

/// The demo is the same whatever this machine's own Landline is set to.
fn forget_settings(command: &mut Command) {
    let ours = |name: &std::ffi::OsString| name.to_string_lossy().starts_with("LANDLINE_");
    for name in std::env::vars_os().map(|(name, _)| name).filter(ours) {
        command.env_remove(name);
    }
}

/// A process group of its own: Ctrl-C reaches the demo alone, which then ends its children in
/// order.
#[cfg(unix)]
fn apart(command: &mut Command) {
    command.process_group(0);
}

#[cfg(not(unix))]
fn apart(_command: &mut Command) {}

/// Holds a process until it ends or is to end.
async fn keep(
    mut child: Child,
    stdin: ChildStdin,
    stop: CancellationToken,
    tell: oneshot::Sender<io::Result<ExitStatus>>,
) {
    let mut stdin = Some(stdin);
    let status = tokio::select! {
        status = child.wait() => status,
        () = stop.cancelled() => {
            drop(stdin.take());
            match timeout(GRACE, child.wait()).await {
                Ok(status) => status,
                Err(_) => match child.kill().await {
                    Ok(()) => child.wait().await,
                    Err(error) => Err(error),
                },
            }
        }
    };
    // Nobody may want to know.
    let _ = tell.send(status);
}

/// Reads to the end, keeps the last lines.
async fn last_lines(stderr: impl AsyncRead + Unpin) -> Vec<String> {
    let mut lines = BufReader::new(stderr).lines();
    let mut last = std::collections::VecDeque::new();
    while let Ok(Some(line)) = lines.next_line().await {
        if last.len() == ERROR_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
    last.into()
}

/// A `landline` at work.
pub(super) struct Running {
    who: String,
    lines: Lines<BufReader<ChildStdout>>,
    errors: JoinHandle<Vec<String>>,
    exit: oneshot::Receiver<io::Result<ExitStatus>>,
    stop: CancellationToken,
}

impl Running {
    /// The next record it prints; nothing once it has said all.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Value>> {
        match self.lines.next_line().await? {
            Some(line) => {
                serde_json::from_str(&line).map(Some).with_context(|| format!("{} printed {line}", self.who))
            }
            None => Ok(None),
        }
    }

    /// The next record of a type, others passed over. A process that ends before has failed.
    pub(super) async fn expect(&mut self, kind: &str) -> anyhow::Result<Value> {
        while let Some(record) = self.next().await? {
            if record["type"] == kind {
                return Ok(record);
            }
        }
        Err(anyhow!("{}", self.why().await))
    }

    /// Waits until it ends by itself; it must have succeeded.
    pub(super) async fn finish(mut self) -> anyhow::Result<Vec<Value>> {
        let mut records = Vec::new();
        while let Some(record) = self.next().await? {
            records.push(record);
        }
        match (&mut self.exit).await {
            Ok(Ok(status)) if status.success() => Ok(records),
            _ => Err(anyhow!("{}", self.why().await)),
        }
    }

    /// Ends it in order, and waits for that.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        // Its last words must not fill the pipe.
        let Self { mut lines, exit, .. } = self;
        while let Ok(Some(_)) = lines.next_line().await {}
        drop(exit.await);
    }

    /// What it said on standard error.
    async fn why(&mut self) -> String {
        let lines = (&mut self.errors).await.unwrap_or_default();
        let message = lines.iter().rev().find_map(|line| {
            let error: Value = serde_json::from_str(line).ok()?;
            error["message"].as_str().map(str::to_owned)
        });
        let said = message.unwrap_or_else(|| lines.join(" / "));
        format!("{}: {}", self.who, if said.is_empty() { "ended without a word." } else { &said })
    }
}
