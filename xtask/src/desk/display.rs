//! A display in memory: an X server of one's own, at a number that it finds free itself.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The server. Ends when dropped, and its windows with it.
pub(crate) struct Display {
    server: Child,
    name: String,
}

impl Display {
    /// Starts one of this size and waits until it answers.
    pub(crate) fn start(width: u16, height: u16) -> Result<Self> {
        let screen = format!("{width}x{height}x24");
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp", "-noreset"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("Xvfb cannot be started")?;
        // It writes its number once it listens.
        let mut number = String::new();
        let stdout = server.stdout.take().context("no pipe")?;
        BufReader::new(stdout).read_line(&mut number)?;
        let name = format!(":{}", number.trim());
        let display = Self { server, name };
        ensure!(display.name.len() > 1, "Xvfb ended before it listened");
        Ok(display)
    }

    /// `:99`, as programs want it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A program that will find this display and no other, and no desktop services.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        self.lend(&mut command);
        command
    }

    /// Makes a command find this display and no other.
    pub(crate) fn lend(&self, command: &mut Command) {
        command.env("DISPLAY", &self.name).env_remove("WAYLAND_DISPLAY");
        command.env("DBUS_SESSION_BUS_ADDRESS", "disabled:");
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        // Where it has ended by itself there is nothing to do.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
