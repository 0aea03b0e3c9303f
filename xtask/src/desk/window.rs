//! One window of a program: found by its process, moved, clicked, typed into, pictured.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::display::Display;
use super::drop;
use super::picture::Picture;
use crate::command;
use crate::real::Process;

/// How long a window may take to appear, or to become what is waited for.
const PATIENCE: Duration = Duration::from_secs(40);
/// A picture in which nothing moved for this long is taken as it is.
const STILL: Duration = Duration::from_millis(350);

/// A window on a display, and the process it belongs to.
pub(crate) struct Window<'display> {
    display: &'display Display,
    process: Process,
    id: u32,
}

impl<'display> Window<'display> {
    /// Starts a program and waits for its window.
    pub(crate) fn open(display: &'display Display, name: &str, mut program: Command) -> Result<Self> {
        display.lend(&mut program);
        let mut process = Process::start(name, &mut program, "")?;
        let owner = process.id().to_string();
        let deadline = Instant::now() + PATIENCE;
        let id = loop {
            let mut search = display.command("xdotool");
            search.args(["search", "--all", "--onlyvisible", "--pid", &owner, "--name", "."]);
            let found = command::output(&mut search).unwrap_or_default();
            if let Some(id) = found.lines().next_back().and_then(|line| line.trim().parse().ok()) {
                break id;
            }
            process.running()?;
            ensure!(Instant::now() < deadline, "{name} shows no window");
            std::thread::sleep(Duration::from_millis(50));
        };
        Ok(Self { display, process, id })
    }

    /// The process behind it.
    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The X server's name for it.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Clicks a point of the window, from its top left corner.
    pub(crate) fn click(&self, x: i32, y: i32) -> Result<()> {
        self.point(x, y)?;
        self.xdotool(&["click", "1"])
    }

    /// Moves the pointer over a point of the window.
    pub(crate) fn point(&self, x: i32, y: i32) -> Result<()> {
        self.focus()?;
        let id = self.id.to_string();
        self.xdotool(&["mousemove", "--sync", "--window", &id, &x.to_string(), &y.to_string()])
    }

    /// Types text, as fast as every program follows.
    pub(crate) fn type_text(&self, text: &str) -> Result<()> {
        self.focus()?;
        let delay = if text.is_ascii() { "20" } else { "120" };
        self.xdotool(&["type", "--delay", delay, "--", text])
    }

    /// Presses a key or a chord: `Return`, `ctrl+v`.
    pub(crate) fn key(&self, key: &str) -> Result<()> {
        self.focus()?;
        self.xdotool(&["key", key])
    }

    /// Lets go of a file over a point of the window, as a file manager does.
    pub(crate) fn drop_file(&self, x: i32, y: i32, file: &Path) -> Result<()> {
        self.point(x, y)?;
        drop::file(self.display.name(), self.id, (x, y), file)
    }

    /// What it shows now.
    pub(crate) fn picture(&self) -> Result<Picture> {
        Picture::take(self.display.name(), self.id)
    }

    /// Waits until what it shows has stopped changing; a blinking caret does not count.
    pub(crate) fn settle(&mut self) -> Result<Picture> {
        let deadline = Instant::now() + PATIENCE;
        let (mut last, mut since) = (self.picture()?, Instant::now());
        while since.elapsed() < STILL {
            std::thread::sleep(Duration::from_millis(50));
            let now = self.picture()?;
            if now.differs(&last) {
                since = Instant::now();
            }
            last = now;
            self.process.running()?;
            self.in_time(deadline, "does not come to rest")?;
        }
        Ok(last)
    }

    /// Empties the field that has the keyboard and types into it.
    pub(crate) fn fill(&self, x: i32, y: i32, text: &str) -> Result<()> {
        self.click(x, y)?;
        self.key("ctrl+a")?;
        self.type_text(text)
    }

    /// Waits until it shows something else than `before`, and has settled on it.
    pub(crate) fn changed(&mut self, before: &Picture, what: &str) -> Result<Picture> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = self.settle()?;
            if now.differs(before) {
                return Ok(now);
            }
            self.in_time(deadline, &format!("does not show {what}"))?;
        }
    }

    /// Waits for a main button (Join, Accept, Open) and tells where it is.
    pub(crate) fn main_button(&mut self, what: &str) -> Result<(i32, i32)> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(place) = self.settle()?.main_button() {
                return Ok(place);
            }
            self.in_time(deadline, &format!("offers no button to {what}"))?;
        }
    }

    /// Waits until it has changed many times, as something that makes progress does.
    pub(crate) fn changing(&mut self, before: &Picture, what: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let (mut last, mut changes) = (before.clone(), 0);
        while changes < 25 {
            let now = self.picture()?;
            changes += usize::from(now.differs(&last));
            last = now;
            self.in_time(deadline, &format!("does not show {what}"))?;
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Writes what it shows into a small PNG file.
    pub(crate) fn save(&mut self, path: &Path) -> Result<()> {
        self.settle()?;
        self.save_moving(path)
    }

    /// The same, of a window that will not come to rest.
    pub(crate) fn save_moving(&self, path: &Path) -> Result<()> {
        let mut import = self.display.command("import");
        import
            .args(["-window", &self.id.to_string(), "-strip", "-define", "png:compression-level=9"])
            .arg(path);
        command::output(&mut import).map(std::mem::drop)
    }

    /// Fails after the deadline, and leaves a picture of how things were.
    fn in_time(&self, deadline: Instant, otherwise: &str) -> Result<()> {
        if Instant::now() < deadline {
            return Ok(());
        }
        let picture = std::env::temp_dir().join(format!("landline-window-{}.png", self.id));
        self.save_moving(&picture)?;
        bail!("the window {otherwise}; see {}", picture.display())
    }

    /// Gives it the keyboard. There is no window manager to ask.
    fn focus(&self) -> Result<()> {
        self.xdotool(&["windowfocus", "--sync", &self.id.to_string()])
    }

    fn xdotool(&self, arguments: &[&str]) -> Result<()> {
        let mut xdotool = self.display.command("timeout");
        xdotool.args(["20", "xdotool"]).args(arguments);
        command::output(&mut xdotool).map(std::mem::drop)
    }
}

/// Waits for a file to be there.
pub(crate) fn arrives(path: &Path) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !path.exists() {
        if Instant::now() > deadline {
            bail!("{} did not arrive", path.display());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
