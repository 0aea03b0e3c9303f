//! What the tests need beyond Rust: looked for, and installed where that is possible.

use std::process::Command;

use anyhow::{Result, bail};

use crate::command;

/// Debian packages: what the window needs to run, a display for it, and tools to look from outside.
const PACKAGES: [&str; 19] = [
    "git",
    "libx11-6",
    "libx11-xcb1",
    "libxcursor1",
    "libxi6",
    "libxkbcommon-x11-0",
    "libegl1",
    "libgl1",
    "libgl1-mesa-dri",
    "libfontconfig1",
    "fonts-noto-cjk",
    "fonts-noto-color-emoji",
    "xvfb",
    "xdotool",
    "imagemagick",
    "xclip",
    "nftables",
    "iproute2",
    "procps",
];

/// Whether a failure to get something is an error rather than a reason to skip.
pub(crate) fn strict() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// Installs what is missing. Not being able to is an error where `CI=true`; elsewhere the steps
/// that cannot run are skipped, and say so.
pub(crate) fn ensure() -> Result<()> {
    match ensure_packages(&PACKAGES) {
        Ok(()) => Ok(()),
        Err(why) if strict() => Err(why),
        Err(why) => {
            println!("{why:#}\nGoing on without; what needs them is skipped.");
            Ok(())
        }
    }
}

/// Installs those of these Debian packages that are missing.
pub(crate) fn ensure_packages(packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !installed(package)).collect();
    if missing.is_empty() { Ok(()) } else { install(&missing) }
}

fn installed(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${Status}", package]);
    command::output(&mut query).is_ok_and(|status| status.ends_with(" installed"))
}

fn install(packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    if !command::exists("apt-get") {
        bail!("This system has no apt-get. The tests want what Debian calls: {list}.");
    }
    if !rustix::process::geteuid().is_root() {
        bail!("Not root. Install what is missing with: sudo apt-get install {list}");
    }
    println!("Installing {list}");
    let mut update = Command::new("apt-get");
    command::run(update.args(["update", "--quiet=2"]))?;
    let mut install = Command::new("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive");
    install.args(["install", "--yes", "--quiet=2", "--no-install-recommends"]).args(packages);
    command::run(&mut install)
}
