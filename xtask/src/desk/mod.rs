//! The real window on a display of its own, driven from outside by mouse and keyboard.

mod display;
mod drop;
mod hosting;
mod idle;
mod people;
mod picture;
pub(crate) mod screenshots;
mod window;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::command;
use crate::step::{Outcome, Step};

/// Every scenario. Pictures of their steps go to `pictures`.
pub(crate) fn steps(pictures: &Path) -> Vec<Step> {
    vec![
        scenario("two people", pictures, people::two_people),
        scenario("host and join", pictures, hosting::host_and_join),
        scenario("idle", pictures, idle::idle),
    ]
}

/// What a scenario works with.
pub(crate) struct Scene {
    /// The top of the checkout.
    pub(crate) top: PathBuf,
    /// Where pictures go.
    pub(crate) pictures: PathBuf,
}

fn scenario(name: &str, pictures: &Path, work: fn(&Scene) -> Result<String>) -> Step {
    let pictures = pictures.to_owned();
    Step::new(format!("window: {name}"), move |top: &Path| match unavailable() {
        Some(why) if crate::setup::strict() => bail!(why),
        Some(why) => Ok(Outcome::Skipped(why)),
        None => {
            std::fs::create_dir_all(&pictures)?;
            let scene = Scene { top: top.to_owned(), pictures: pictures.clone() };
            Ok(Outcome::Passed(work(&scene)?))
        }
    })
}

fn unavailable() -> Option<String> {
    let absent: Vec<&str> =
        ["Xvfb", "xdotool", "import", "xclip"].into_iter().filter(|tool| !command::exists(tool)).collect();
    (!absent.is_empty()).then(|| format!("needs {}", absent.join(" and ")))
}
