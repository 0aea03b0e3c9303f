//! `landline demo`: the whole job in one command, on any machine, with nothing left behind.
//!
//! A coordinator and two people run as processes of their own, in a temporary folder, and do what
//! people do: sign up, talk, share a file. This process only starts them and watches. Their
//! standard input is a pipe from here, and they end with it: even when this process is killed,
//! none of them lives on.

mod cast;
mod children;
mod content;
mod headless;
mod narrator;
mod relay;
mod summary;
#[cfg(feature = "window")]
mod windows;

use std::io;

use crate::cli::args::{self, Global};
use crate::cli::exit::{Exit, Problem};
use crate::cli::interrupt::Interrupts;
use crate::cli::window;
use children::Stage;
use narrator::Narrator;

/// Plays the demo, then clears everything away, however it ended.
pub(crate) async fn run(global: &Global, args: &args::Demo) -> Result<(), Problem> {
    let mut interrupts = Interrupts::listen(global.until_stdin_closes)?;
    let stage = Stage::set().map_err(|error| problem(&error))?;
    let narrator = Narrator { json: global.json };
    let result = tokio::select! {
        result = play(&stage, args, narrator) => result.map_err(|error| problem(&error)),
        () = interrupts.next() => Err(Problem::new(Exit::Interrupted, "Stopped; everything is cleared away.")),
    };
    let cleared = stage.clear().await.map_err(|error| problem(&error));
    result.and(cleared)
}

async fn play(stage: &Stage, args: &args::Demo, narrator: Narrator) -> anyhow::Result<()> {
    let windows = window::built_in() && window::display_present() && !args.headless;
    #[cfg(feature = "window")]
    if windows {
        return windows::play(stage, args.size, narrator).await;
    }
    if !windows && !args.headless && window::built_in() {
        narrator.say("(There is no display: this is the demo without windows.)\n")?;
    }
    headless::play(stage, args.size, narrator).await
}

fn problem(error: &anyhow::Error) -> Problem {
    match error.downcast_ref::<io::Error>() {
        Some(closed) if closed.kind() == io::ErrorKind::BrokenPipe => Problem::new(Exit::Ok, ""),
        _ => Problem::new(Exit::Failed, format!("The demo did not work out. {error:#}")),
    }
}
