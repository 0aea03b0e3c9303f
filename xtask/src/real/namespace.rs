//! A network of one's own: a loopback device whose traffic can be counted and slowed down.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::command;

/// The tools that are missing for it, if any.
pub(crate) fn missing_tools() -> Option<String> {
    let absent: Vec<&str> = ["ip", "nft", "tc"].into_iter().filter(|tool| !command::exists(tool)).collect();
    (!absent.is_empty()).then(|| format!("needs {}", absent.join(" and ")))
}

/// Why this system does not allow one, if so: an ordinary user, or a container without privileges.
pub(crate) fn forbidden() -> Option<&'static str> {
    static WHY: OnceLock<Option<String>> = OnceLock::new();
    let attempt =
        || Namespace::new().err().map(|why| format!("needs a network namespace of its own: {why:#}"));
    WHY.get_or_init(attempt).as_deref()
}

/// A network namespace; goes when dropped.
pub(super) struct Namespace {
    name: String,
}

impl Namespace {
    pub(super) fn new() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("landline-{}-{number}", std::process::id());
        command::output(Command::new("ip").args(["netns", "add", &name]))?;
        let namespace = Self { name };
        command::output(namespace.command("ip").args(["link", "set", "lo", "up"]))?;
        Ok(namespace)
    }

    /// A program that will run in here. `ip` becomes that program, so that the process id is its.
    pub(super) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// Counts from now on what goes to and comes from a TCP port.
    pub(super) fn count(&self, port: u16) -> Result<()> {
        let rules = format!(
            "table inet count {{
               counter to_{port} {{ }}
               counter from_{port} {{ }}
               chain port_{port} {{
                 type filter hook output priority 0
                 tcp dport {port} counter name to_{port}
                 tcp sport {port} counter name from_{port}
               }}
             }}
"
        );
        let mut nft = self.command("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn()?;
        nft.stdin.take().context("no pipe")?.write_all(rules.as_bytes())?;
        ensure!(nft.wait()?.success(), "the packet filter did not take its rules");
        Ok(())
    }

    /// Bytes to and from a counted port, headers included.
    pub(super) fn counted(&self, port: u16) -> Result<(u64, u64)> {
        let listing = command::output(self.command("nft").args(["-j", "list", "counters"]))?;
        let listing: Value = serde_json::from_str(&listing)?;
        let bytes = |name: String| {
            let entries = listing["nftables"].as_array()?;
            let counter = entries.iter().find(|entry| entry["counter"]["name"] == name.as_str())?;
            counter["counter"]["bytes"].as_u64()
        };
        bytes(format!("to_{port}")).zip(bytes(format!("from_{port}"))).context("nothing is counted there")
    }

    /// Lets no more than so many megabits a second through, both directions together. Nothing is
    /// dropped for it: the queue is long.
    pub(super) fn slow_down(&self, megabits: u32) -> Result<()> {
        let rate = format!("{megabits}mbit");
        let mut tc = self.command("tc");
        tc.args([
            "qdisc", "replace", "dev", "lo", "root", "tbf", "rate", &rate, "burst", "256kb", "limit", "64mb",
        ]);
        command::output(&mut tc).map(drop)
    }

    /// Full speed again.
    pub(super) fn let_go(&self) -> Result<()> {
        let mut tc = self.command("tc");
        command::output(tc.args(["qdisc", "del", "dev", "lo", "root"])).map(drop)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(why) = command::output(Command::new("ip").args(["netns", "del", &self.name])) {
            println!("{why:#}");
        }
    }
}
