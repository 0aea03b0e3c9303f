//! Running a program and weighing it: wall time, CPU, peak memory, from what the system says about it.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::command::show;

/// Clock ticks a second in `/proc/PID/stat`: always this to user space (man 7 time).
const TICKS: f64 = 100.0;
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// What a program cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    pub(super) seconds: f64,
    pub(super) cpu_seconds: f64,
    pub(super) peak_mib: f64,
}

/// Runs a program to its end and weighs it with all its children. Returns what it printed.
pub(super) fn run(command: &mut Command) -> Result<(Cost, String)> {
    let shown = show(command);
    let begun = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context(shown.clone())?;
    let watch = Watch::start(child.id());
    let output = child.stdout.take().context("no pipe")?;
    // Read beside it, so that a full pipe never holds it up.
    let reader = std::thread::spawn(move || std::io::read_to_string(output));
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("no process id")?;
    // It stays in the process table until it is weighed.
    waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
    let seconds = begun.elapsed().as_secs_f64();
    let cpu_seconds = cpu(child.id())?;
    let status = child.wait()?;
    let peak_mib = watch.stop();
    let text = reader.join().map_err(|_| anyhow::anyhow!("its output could not be read"))??;
    ensure!(status.success(), "`{shown}` ended with {status}: {text}");
    Ok((Cost { seconds, cpu_seconds, peak_mib }, text))
}

/// A program that serves while others are measured; ends when dropped.
pub(super) struct Server {
    child: Child,
    watch: Watch,
}

impl Server {
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        let child = command.spawn().with_context(|| show(command))?;
        let watch = Watch::start(child.id());
        Ok(Self { child, watch })
    }

    /// CPU used since it began, that of children it has reaped included.
    pub(super) fn cpu(&self) -> Result<f64> {
        cpu(self.child.id())
    }

    /// The most memory so far.
    pub(super) fn peak_mib(&self) -> f64 {
        self.watch.peak_mib()
    }

    /// What it prints, if its output is piped.
    pub(super) fn output(&mut self) -> Result<std::process::ChildStdout> {
        self.child.stdout.take().context("no pipe")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where it has ended by itself there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// User and system time of a process and of the children it has waited for (man 5 proc).
fn cpu(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may hold spaces; what follows its closing bracket does not.
    let (_, rest) = stat.rsplit_once(')').context("an odd /proc/PID/stat")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    Ok((11..=14).map(ticks).sum::<f64>() / TICKS)
}

/// Looks at a process's peak memory until it ends: afterwards nobody can tell.
struct Watch {
    peak_kib: Arc<AtomicU64>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    fn start(pid: u32) -> Self {
        let (peak_kib, end) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (peak, ended) = (Arc::clone(&peak_kib), Arc::clone(&end));
        let thread = std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let seen = high_water(pid);
                peak.fetch_max(seen.unwrap_or(0), Ordering::Relaxed);
                std::thread::sleep(LOOK);
            }
        });
        Self { peak_kib, end, thread: Some(thread) }
    }

    fn peak_mib(&self) -> f64 {
        self.peak_kib.load(Ordering::Relaxed) as f64 / 1024.0
    }

    fn stop(self) -> f64 {
        self.peak_mib()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// `VmHWM`, in KiB. `ip netns exec` becomes its program, so what began as another is weighed too.
fn high_water(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
