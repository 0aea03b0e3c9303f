//! Two people at two windows: sign up, chat both ways, share files and a folder, accept, done.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::Scene;
use super::display::Display;
use super::window::{Window, arrives};
use crate::command::{self, program};
use crate::real::{Ended, Process, random_file, same};

/// What stands around the windows: a folder for everything, and a coordinator open to everyone.
pub(super) struct Stage {
    _coordinator: Option<Process>,
    /// `127.0.0.1:port`; nothing where there is no coordinator.
    pub(super) address: String,
    landline: PathBuf,
    folder: TempDir,
}

impl Stage {
    /// One without a coordinator.
    pub(super) fn empty(scene: &Scene) -> Result<Self> {
        let (address, landline) = (String::new(), program(&scene.top, "landline"));
        let folder = tempfile::tempdir()?;
        Ok(Self { _coordinator: None, address, landline, folder })
    }

    /// One with a coordinator that anybody may join.
    pub(super) fn new(scene: &Scene) -> Result<Self> {
        let stage = Self::empty(scene)?;
        let mut host = Command::new(&stage.landline);
        host.args(["host", "--json", "--open", "--at", "127.0.0.1:0", "--data"])
            .arg(stage.path("coordinator"));
        let mut coordinator = Process::start("the coordinator", &mut host, "")?;
        let address =
            coordinator.until_record("hosting", |record| record["address"].as_str().map(str::to_owned))?;
        Ok(Self { _coordinator: Some(coordinator), address, ..stage })
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
        command.arg("--profile").arg(self.path(name)).arg("--downloads").arg(self.downloads(name));
        command.args(["--listen", "127.0.0.1:0"]);
        command.env("HOME", self.folder.path()).env("LANDLINE_SECRETS", "file");
        command.env("DBUS_SESSION_BUS_ADDRESS", "disabled:").env_remove("RUST_BACKTRACE");
        command
    }

    /// Somebody's subcommand, run to its end.
    pub(super) fn run(&self, name: &str, arguments: &[&str], input: &str) -> Result<Ended> {
        let mut command = self.landline(name);
        command.arg("--json").args(arguments);
        Process::start(name, &mut command, input)?.wait()?.expect(0)
    }

    /// Somebody's subcommand, left running.
    pub(super) fn start(&self, name: &str, arguments: &[&str]) -> Result<Process> {
        let mut command = self.landline(name);
        command.arg("--json").args(arguments);
        Process::start(name, &mut command, "")
    }

    /// Makes an account without a window.
    pub(super) fn sign_up(&self, name: &str) -> Result<()> {
        self.run(name, &["sign-up", &self.address, name], "a long password\n").map(drop)
    }

    /// A file of so many random bytes.
    pub(super) fn file(&self, name: &str, size: u64) -> Result<PathBuf> {
        random_file(&self.path(name), size)
    }

    /// A folder with a few files, and a folder within.
    pub(super) fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.path(name);
        std::fs::create_dir_all(folder.join("may"))?;
        for (file, size) in [("plan.txt", 2_000), ("may/отчёт.jpg", 3 << 20), ("may/empty", 0)] {
            random_file(&folder.join(file), size)?;
        }
        Ok(folder)
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
    pub(super) position: &'static str,
    pub(super) size: &'static str,
}

/// The left half of a display of [`SCREEN`].
pub(super) const LEFT: Place = Place { position: "0,0", size: "1000,760" };
/// The right half.
pub(super) const RIGHT: Place = Place { position: "1000,0", size: "1000,760" };
/// Room for two windows side by side.
pub(super) const SCREEN: (u16, u16) = (2000, 760);

/// The main job by hand: sign up, chat both ways, share by drop and by path, a folder too, accept, done.
pub(super) fn two_people(scene: &Scene) -> Result<String> {
    let display = Display::start(SCREEN.0, SCREEN.1)?;
    let stage = Stage::new(scene)?;
    let mut alice = stage.window(&display, "alice", LEFT)?;
    let mut bob = stage.window(&display, "bob", RIGHT)?;
    step(scene, "1-first-run", &mut alice, &mut bob)?;

    fill_in(&mut alice, Some(&stage.address), "alice")?;
    fill_in(&mut bob, Some(&stage.address), "bob")?;
    step(scene, "2-signed-up", &mut alice, &mut bob)?;

    say(&mut alice, "Hello bob, are you there?")?;
    say(&mut bob, "Yes! Send me the report.")?;
    step(scene, "3-chat", &mut alice, &mut bob)?;

    let dropped = stage.file("отчёт 2026 (финал) 😀.pdf", 40 << 20)?;
    let before = bob.settle()?;
    alice.drop_file(CONVERSATION.0, CONVERSATION.1, &dropped)?;
    bob.changed(&before, "the offer")?;
    receive(scene, &stage, "4-dropped", &dropped, (&mut alice, &mut bob))?;

    let typed = stage.file("plan.txt", 4_000)?;
    let before = bob.settle()?;
    share_by_path(&mut alice, &typed)?;
    bob.changed(&before, "the offer")?;
    receive(scene, &stage, "5-by-path", &typed, (&mut alice, &mut bob))?;

    let folder = stage.folder("site photos")?;
    let before = bob.settle()?;
    alice.drop_file(CONVERSATION.0, CONVERSATION.1, &folder)?;
    bob.changed(&before, "the offer")?;
    receive(scene, &stage, "6-folder", &folder, (&mut alice, &mut bob))?;

    drop((alice, bob));
    for (who, other) in [("alice", "bob"), ("bob", "alice")] {
        let said = stage.run(who, &["history", other], "")?.records("message");
        for text in ["Hello bob, are you there?", "Yes! Send me the report."] {
            ensure!(said.iter().any(|message| message["text"] == text), "{who} has not kept {text:?}");
        }
    }
    Ok(format!("pictures in {}", scene.pictures.display()))
}

/// Where messages are, in a window of [`LEFT`]'s size.
const CONVERSATION: (i32, i32) = (640, 360);
/// The paper clip beside the field.
const CLIP: (i32, i32) = (308, 693);

/// Fills in the first screen, whose fields stand above the main button, and waits for the main
/// window. The address or invite is left out where one hosts.
pub(super) fn fill_in(window: &mut Window<'_>, target: Option<&str>, name: &str) -> Result<()> {
    let (x, y) = window.main_button("go on with")?;
    if let Some(target) = target {
        window.fill(x, y - 185, target)?;
        // A link is followed by a line about its key; the fields move.
        window.settle()?;
    }
    let (x, y) = window.main_button("go on with")?;
    window.fill(x, y - 118, name)?;
    window.fill(x, y - 51, "a long password")?;
    let before = window.settle()?;
    window.key("Return")?;
    window.changed(&before, "the main window").map(drop)
}

/// Opens the conversation with the only other person, and says something there.
pub(super) fn say(window: &mut Window<'_>, text: &str) -> Result<()> {
    window.key("alt+Down")?;
    window.settle()?;
    window.type_text(text)?;
    let before = window.settle()?;
    window.key("Return")?;
    window.changed(&before, "the message").map(drop)
}

/// Shares a file by typing its path.
fn share_by_path(window: &mut Window<'_>, file: &Path) -> Result<()> {
    window.click(CLIP.0, CLIP.1)?;
    // "File…" opens a dialogue of the desktop's; the field stands below.
    let (x, y) = window.main_button("choose a file with")?;
    window.fill(x, y + 67, &file.to_string_lossy())?;
    let before = window.settle()?;
    window.key("Return")?;
    window.changed(&before, "the offer").map(drop)
}

/// Bob accepts what alice offered last, and has it byte for byte.
fn receive(
    scene: &Scene,
    stage: &Stage,
    name: &str,
    file: &Path,
    (alice, bob): (&mut Window<'_>, &mut Window<'_>),
) -> Result<()> {
    let (x, y) = bob.main_button("accept with")?;
    step(scene, &format!("{name}-offered"), alice, bob)?;
    bob.click(x, y)?;
    let arrived = stage.downloads("bob").join(file.file_name().context("a file has a name")?);
    arrives(&arrived)?;
    if file.is_dir() {
        let mut diff = Command::new("diff");
        command::output(diff.args(["--recursive", "--brief"]).args([file, &arrived]))?;
    } else {
        same(file, &arrived)?;
    }
    step(scene, &format!("{name}-done"), alice, bob)
}

/// Pictures of a step, one for each window.
pub(super) fn step(scene: &Scene, name: &str, left: &mut Window<'_>, right: &mut Window<'_>) -> Result<()> {
    left.save(&scene.pictures.join(format!("{name}-left.png")))?;
    right.save(&scene.pictures.join(format!("{name}-right.png")))
}
