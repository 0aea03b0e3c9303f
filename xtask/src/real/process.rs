//! A process under observation: what it prints, what it uses, how it ends. Killed when dropped.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long anything may take before it counts as stuck.
const PATIENCE: Duration = Duration::from_mins(2);

/// Lines as they come, from both of a process's outputs.
#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

/// A running process.
pub(crate) struct Process {
    name: String,
    child: Child,
    log: Arc<Log>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

/// How a process ended.
pub(crate) struct Ended {
    /// The exit code; 128 and the signal's number where a signal ended it.
    pub(crate) code: i32,
    /// All that it printed.
    pub(crate) lines: Vec<String>,
}

impl Process {
    /// Starts it, and gives it `input` to read.
    pub(crate) fn start(name: &str, command: &mut Command, input: &str) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{name} cannot be started"))?;
        let mut stdin = child.stdin.take().context("no pipe")?;
        // A process that ends without reading has its reasons: its exit code tells.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let log = Arc::new(Log::default());
        let outputs: [Option<Box<dyn Read + Send>>; 2] =
            [child.stdout.take().map(|o| Box::new(o) as _), child.stderr.take().map(|o| Box::new(o) as _)];
        let readers = outputs.into_iter().flatten().map(|output| follow(output, Arc::clone(&log))).collect();
        let name = name.to_owned();
        Ok(Self { name, child, log, readers })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line that `look` finds something in, among those printed so far too.
    pub(crate) fn until<T>(&mut self, what: &str, look: impl Fn(&str) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = 0;
        loop {
            let ended = self.child.try_wait()?.is_some();
            let mut lines = self.log.lines.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(found) = lines.iter().skip(seen).find_map(|line| look(line)) {
                return Ok(found);
            }
            seen = lines.len();
            if ended || Instant::now() > deadline {
                let how = if ended { "ended" } else { "said nothing of the kind in time" };
                let tail = lines[seen.saturating_sub(8)..].join("\n  ");
                bail!("waiting for {what}: {} {how}; its last lines:\n  {tail}", self.name);
            }
            let (guard, _) = self
                .log
                .more
                .wait_timeout(lines, Duration::from_millis(100))
                .unwrap_or_else(PoisonError::into_inner);
            lines = guard;
            drop(lines);
        }
    }

    /// Waits for a JSON line of this `type` that `look` finds something in.
    pub(crate) fn until_record<T>(&mut self, kind: &str, look: impl Fn(&Value) -> Option<T>) -> Result<T> {
        self.until(kind, |line| {
            let record: Value = serde_json::from_str(line).ok()?;
            (record["type"] == kind).then(|| look(&record)).flatten()
        })
    }

    /// Ends it at once, as a power cut would.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) -> Result<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("no process id")?;
        Ok(kill_process(id, Signal::TERM)?)
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Result<Ended> {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait()? {
                Some(status) => break status,
                None if Instant::now() > deadline => bail!("{} does not end; {}", self.name, self.tail()),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        let lines = self.log.lines.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Ended { code: code(status), lines })
    }

    /// The most memory it ever had resident, in bytes; `None` once it has ended.
    pub(crate) fn peak_memory(&self) -> Option<u64> {
        peak_memory(self.child.id())
    }

    /// Fails if it has ended, and shows its last words.
    pub(crate) fn running(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} ended with {status}; {}", self.name, self.tail()),
            None => Ok(()),
        }
    }

    /// Waits until it accepts connections at a port.
    pub(crate) fn listens(&mut self, port: u16) -> Result<()> {
        self.until_socket(&format!("{} does not listen at port {port}", self.name), |socket| {
            socket.state == LISTENING && socket.local == port
        })
    }

    /// Waits until somebody in its network has a connection to a port.
    pub(crate) fn connects(&mut self, port: u16) -> Result<()> {
        self.until_socket(&format!("{} does not connect to port {port}", self.name), |socket| {
            socket.state == ESTABLISHED && socket.remote == port
        })
    }

    fn until_socket(&mut self, otherwise: &str, wanted: impl Fn(&Socket) -> bool) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let table = std::fs::read_to_string(format!("/proc/{}/net/tcp", self.child.id()))?;
            if table.lines().filter_map(Socket::read).any(|socket| wanted(&socket)) {
                return Ok(());
            }
            self.running()?;
            if Instant::now() > deadline {
                bail!("{otherwise}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The last lines, for error messages.
    fn tail(&self) -> String {
        let lines = self.log.lines.lock().unwrap_or_else(PoisonError::into_inner);
        format!("its last lines:\n  {}", lines[lines.len().saturating_sub(8)..].join("\n  "))
    }
}

/// `st` in the table of sockets (proc(5)).
const ESTABLISHED: &str = "01";
/// The same, waiting for connections.
const LISTENING: &str = "0A";

/// A line of the kernel's table of TCP sockets.
struct Socket {
    local: u16,
    remote: u16,
    state: String,
}

impl Socket {
    fn read(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let port = |field: usize| u16::from_str_radix(fields.get(field)?.split_once(':')?.1, 16).ok();
        Some(Self { local: port(1)?, remote: port(2)?, state: (*fields.get(3)?).to_owned() })
    }
}

impl Ended {
    /// Fails unless the process ended with this code, and shows what it said instead.
    pub(crate) fn expect(self, code: i32) -> Result<Self> {
        if self.code == code {
            return Ok(self);
        }
        let tail = self.lines[self.lines.len().saturating_sub(8)..].join("\n  ");
        bail!("exit code {} instead of {code}; the last lines:\n  {tail}", self.code)
    }

    /// The sentence with which it failed.
    pub(crate) fn sentence(&self) -> Result<String> {
        let read = |line: &String| {
            let record: Value = serde_json::from_str(line).ok()?;
            (record["type"] == "error").then(|| record["message"].as_str().map(str::to_owned)).flatten()
        };
        self.lines.iter().rev().find_map(read).context("it said nothing about why")
    }

    /// The JSON lines of this `type`.
    pub(crate) fn records(&self, kind: &str) -> Vec<Value> {
        let parsed = self.lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        parsed.filter(|record| record["type"] == kind).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended long ago; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The most memory a process ever had resident, in bytes.
pub(crate) fn peak_memory(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

fn follow(output: Box<dyn Read + Send>, log: Arc<Log>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            log.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            log.more.notify_all();
        }
    })
}

fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}
