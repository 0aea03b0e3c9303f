//! The first journey of the README: host in one window, pass an invite on, join in the other.

use anyhow::{Result, ensure};

use super::Scene;
use super::display::Display;
use super::people::{LEFT, RIGHT, SCREEN, Stage, fill_in, say, step};
use super::window::Window;
use crate::command;

/// "Host here", from the main button of the first screen.
const HOST_HERE: (i32, i32) = (110, -344);
/// "Invite someone", beside the admin's own name.
const INVITE: (i32, i32) = (179, 30);

/// Alice hosts; bob joins by the link that alice's window copied for him; they talk.
pub(super) fn host_and_join(scene: &Scene) -> Result<String> {
    let display = Display::start(SCREEN.0, SCREEN.1)?;
    let stage = Stage::empty(scene)?;
    let mut alice = stage.window(&display, "alice", LEFT)?;
    let mut bob = stage.window(&display, "bob", RIGHT)?;
    host(&mut alice, "alice")?;
    let invite = copy_invite(&display, &mut alice)?;
    step(scene, "hosting-1-invited", &mut alice, &mut bob)?;
    alice.key("Escape")?;

    fill_in(&mut bob, Some(&invite), "bob")?;
    say(&mut bob, "Thank you for the invite.")?;
    say(&mut alice, "Welcome, bob.")?;
    step(scene, "hosting-2-joined", &mut alice, &mut bob)?;
    drop(bob);
    alice.settle()?;
    drop(alice);
    let said = stage.run("bob", &["history", "alice"], "")?.records("message");
    ensure!(said.iter().any(|message| message["author"] == "alice"), "bob has not heard alice: {said:?}");
    Ok(String::new())
}

/// One click, a name, a password.
pub(super) fn host(window: &mut Window<'_>, name: &str) -> Result<()> {
    let (x, y) = window.main_button("join with")?;
    let before = window.settle()?;
    window.click(x + HOST_HERE.0, y + HOST_HERE.1)?;
    window.changed(&before, "what hosting means")?;
    fill_in(window, None, name)
}

/// Opens the invite and copies its link; reads it as any other program would.
pub(super) fn copy_invite(display: &Display, window: &mut Window<'_>) -> Result<String> {
    // The window that has just begun to host shows the invite by itself.
    if window.settle()?.main_button().is_none() {
        window.click(INVITE.0, INVITE.1)?;
    }
    let (x, y) = window.main_button("copy the invite with")?;
    let before = window.picture()?;
    window.click(x, y)?;
    window.changed(&before, "that the link is copied")?;
    let mut clipboard = display.command("timeout");
    let link = command::output(clipboard.args(["10", "xclip", "-out", "-selection", "clipboard"]))?;
    ensure!(link.starts_with("landline://"), "the clipboard holds {link:?}");
    Ok(link)
}
