//! `cargo xtask screenshots`: the pictures of the README, of the real window.
//!
//! Everything in them is real: other people are processes that say things and serve files.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Scene;
use super::display::Display;
use super::hosting;
use super::people::{Place, Stage};
use super::window::Window;
use crate::real::Process;

/// What is said before the window opens: who, to whom, what.
const SAID: [(&str, &str, &str); 9] = [
    ("Bo Lindqvist", "lobby", "Morning all. The printer on the second floor is back."),
    ("Дарья", "lobby", "Спасибо! Finally."),
    ("田中 美咲", "lobby", "The drawings for the east wing are done, I will send them to Amira."),
    ("Bo Lindqvist", "Amira", "Hi Amira, do you have a minute to look at the site video?"),
    ("Amira", "Bo Lindqvist", "Sure. How large is it?"),
    ("Bo Lindqvist", "Amira", "About eight gigabytes, straight off the camera."),
    ("Amira", "Bo Lindqvist", "Drop it here, it will not pass through anybody's server 🙂"),
    ("田中 美咲", "Amira", "East wing, second revision, follows in a minute."),
    ("Дарья", "Amira", "Lunch at half past twelve?"),
];
const PEOPLE: [&str; 5] = ["Amira", "Bo Lindqvist", "Дарья", "田中 美咲", "Noor"];
/// A window with room for three columns.
const WIDE: Place = Place { position: "0,0", size: "1280,800" };
const SIZE: (u16, u16) = (1280, 800);
/// Long enough under way to be pictured.
const LARGE: u64 = 8 << 30;

/// Takes them all, into `assets/screenshots`.
pub(crate) fn take(top: &Path) -> Result<()> {
    let pictures = top.join("assets/screenshots");
    std::fs::create_dir_all(&pictures)?;
    let scene = Scene { top: top.to_owned(), pictures };
    first_run(&scene)?;
    invite(&scene)?;
    for theme in ["dark", "light"] {
        main_window(&scene, theme)?;
    }
    println!("pictures are in {}", scene.pictures.display());
    Ok(())
}

/// The first screen of a new profile.
fn first_run(scene: &Scene) -> Result<()> {
    let display = Display::start(960, 680)?;
    let stage = Stage::new(scene)?;
    choose_theme(&stage, "Amira", "dark")?;
    let place = Place { position: "0,0", size: "960,680" };
    let mut window = stage.window(&display, "Amira", place)?;
    // Opening the profile is a picture too, and may take a while.
    window.main_button("join with")?;
    window.save(&scene.pictures.join("first-run.png"))
}

/// What somebody sees who has just begun to host.
fn invite(scene: &Scene) -> Result<()> {
    let display = Display::start(960, 680)?;
    let stage = Stage::empty(scene)?;
    choose_theme(&stage, "Amira", "dark")?;
    let place = Place { position: "0,0", size: "960,680" };
    let mut window = stage.window(&display, "Amira", place)?;
    hosting::host(&mut window, "Amira")?;
    hosting::copy_invite(&display, &mut window)?;
    window.save(&scene.pictures.join("invite.png"))
}

/// A conversation with a file on its way, among other people.
fn main_window(scene: &Scene, theme: &str) -> Result<()> {
    let display = Display::start(SIZE.0, SIZE.1)?;
    let stage = Stage::new(scene)?;
    for person in PEOPLE {
        stage.sign_up(person)?;
    }
    for (who, to, text) in SAID {
        stage.run(who, &["msg", to, text], "")?;
    }
    let _present = ["Дарья", "田中 美咲"].map(|who| stage.start(who, &["get", "--wait", "nothing at all"]));
    let files = [stage.file("site plan.pdf", 3 << 20)?, sparse(&stage, "east wing walkthrough.mov", LARGE)?];
    let _sending = offer(&stage, "Bo Lindqvist", &files)?;

    choose_theme(&stage, "Amira", theme)?;
    let mut window = stage.window(&display, "Amira", WIDE)?;
    window.settle()?;
    window.key("alt+Down")?;
    accept(&mut window)?;
    window.save_moving(&scene.pictures.join(format!("main-{theme}.png")))
}

/// Accepts the lowest offer and waits until it moves.
fn accept(window: &mut Window<'_>) -> Result<()> {
    let (x, y) = window.main_button("accept with")?;
    let before = window.picture()?;
    window.click(x, y)?;
    window.point(x, y - 300)?;
    window.changing(&before, "the progress of the download")
}

fn offer(stage: &Stage, who: &str, files: &[PathBuf]) -> Result<Process> {
    let mut arguments = vec!["send", "--to", "Amira"];
    arguments.extend(files.iter().filter_map(|file| file.to_str()));
    let mut sending = stage.start(who, &arguments)?;
    let last =
        files.last().and_then(|file| file.file_name()).unwrap_or_default().to_string_lossy().into_owned();
    sending.until_record("offer", |offer| (offer["name"] == last.as_str()).then_some(()))?;
    Ok(sending)
}

/// A large file that takes no room.
fn sparse(stage: &Stage, name: &str, size: u64) -> Result<PathBuf> {
    let path = stage.path(name);
    std::fs::File::create(&path)?.set_len(size)?;
    Ok(path)
}

/// As the settings menu of the window would.
fn choose_theme(stage: &Stage, who: &str, theme: &str) -> Result<()> {
    let profile = stage.path(who);
    std::fs::create_dir_all(&profile)?;
    std::fs::set_permissions(&profile, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    std::fs::write(profile.join("window.json"), format!("{{\"theme\":\"{theme}\"}}"))?;
    Ok(())
}
