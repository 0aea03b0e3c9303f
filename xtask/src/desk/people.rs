//! Two people at two windows: sign up, chat both ways, share, accept, done.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::Scene;
use super::display::Display;
use super::window::Window;
use crate::command::program;
use crate::real::Process;

/// What stands around the windows: a folder for everything, and a coordinator open to everyone.
pub(super) struct Stage {
    _coordinator: Process,
    /// `127.0.0.1:port`.
    pub(super) address: String,
    landline: PathBuf,
    folder: TempDir,
}

impl Stage {
    /// Starts the coordinator.
    pub(super) fn new(scene: &Scene) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let landline = program(&scene.top, "landline");
        let mut host = Command::new(&landline);
        host.args(["host", "--json", "--open", "--at", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("coordinator"));
        let mut coordinator = Process::start("the coordinator", &mut host, "")?;
        let address =
            coordinator.until_record("hosting", |record| record["address"].as_str().map(str::to_owned))?;
        let port = address.rsplit(':').next().context("an address has a port")?;
        let address = format!("127.0.0.1:{port}");
        Ok(Self {
            _coordinator: coordinator,
            address,
            landline,
            folder,
        })
    }

    /// A path in the stage's own folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where somebody's accepted files go.
    pub(super) fn downloads(&self, name: &str) -> PathBuf {
        self.path(&format!("{name} downloads"))
    }

    /// The program on somebody's profile, away from the tester's own desktop and home.
    pub(super) fn landline(&self, name: &str) -> Command {
        let mut command = Command::new(&self.landline);
        command
            .arg("--profile")
            .arg(self.path(name))
            .arg("--downloads")
            .arg(self.downloads(name));
        command.args(["--listen", "127.0.0.1:0"]);
        command
            .env("HOME", self.folder.path())
            .env("LANDLINE_SECRETS", "file");
        command
            .env("DBUS_SESSION_BUS_ADDRESS", "disabled:")
            .env_remove("RUST_BACKTRACE");
        command
    }

    /// Somebody's subcommand, run to its end.
    pub(super) fn run(&self, name: &str, arguments: &[&str], input: &str) -> Result<()> {
        let mut command = self.landline(name);
        command.arg("--json").args(arguments);
        Process::start(name, &mut command, input)?
            .wait()?
            .expect(0)
            .map(drop)
    }

    /// Makes an account without a window.
    pub(super) fn sign_up(&self, name: &str) -> Result<()> {
        self.run(name, &["sign-up", &self.address, name], "a long password\n")
    }

    /// Opens somebody's window at a place of the display.
    pub(super) fn window<'d>(&self, display: &'d Display, name: &str, place: Place) -> Result<Window<'d>> {
        let mut command = self.landline(name);
        command.args(["--window-position", place.position, "--window-size", place.size]);
        Window::open(display, &format!("{name}'s window"), command)
    }
}

/// Where a window opens and how large, as the program's arguments have it.
#[derive(Clone, Copy)]
pub(super) struct Place {
    position: &'static str,
    size: &'static str,
}

/// The left half of a display of [`SCREEN`].
pub(super) const LEFT: Place = Place {
    position: "0,0",
    size: "1000,760",
};
/// The right half.
pub(super) const RIGHT: Place = Place {
    position: "1000,0",
    size: "1000,760",
};
/// Room for two windows side by side.
pub(super) const SCREEN: (u16, u16) = (2000, 760);

/// The main job by hand.
pub(super) fn two_people(scene: &Scene) -> Result<String> {
    let display = Display::start(SCREEN.0, SCREEN.1)?;
    let stage = Stage::new(scene)?;
    let mut alice = stage.window(&display, "alice", LEFT)?;
    let mut bob = stage.window(&display, "bob", RIGHT)?;
    step(scene, "1-first-run", &mut [&mut alice, &mut bob])?;
    Ok(String::new())
}

/// Pictures of a step, one for each window.
fn step(scene: &Scene, name: &str, windows: &mut [&mut Window<'_>]) -> Result<()> {
    for (index, window) in windows.iter_mut().enumerate() {
        let side = ["left", "right"][index % 2];
        window.save(&picture(&scene.pictures, name, side))?;
    }
    Ok(())
}

fn picture(folder: &Path, name: &str, side: &str) -> PathBuf {
    folder.join(format!("{name}-{side}.png"))
}
