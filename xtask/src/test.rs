//! `cargo xtask test`: everything, in an order in which nothing is built twice, with a count at
//! the end.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::command::program;
use crate::step::{Outcome, Step, report};
use crate::{desk, help, real, setup, soak, tidy};

/// Runs the whole plan, or the steps whose title contains `only`.
pub(crate) fn run(top: &Path, only: Option<&str>) -> Result<()> {
    setup::ensure()?;
    report(top, &plan(top), only)
}

fn plan(top: &Path) -> Vec<Step> {
    let mut plan = vec![
        Step::cargo("formatting", &["fmt", "--all", "--check"]),
        Step::new("tidy", |top| tidy::run(top).map(|()| Outcome::OK)),
        Step::cargo("clippy", &["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        // Builds every program too: later steps use them from the target directory.
        Step::cargo("build", &["build", "--workspace", "--all-targets"]).essential(),
        Step::cargo("unit and integration tests", &["test", "--quiet", "--workspace", "--all-targets"]),
        Step::cargo("without the window", &["check", "--quiet", "-p", "landline", "--no-default-features"]),
        Step::documentation(),
    ];
    plan.push(help::step());
    plan.extend(real::steps());
    plan.push(Step::new("demo without a display", demo));
    plan.extend(soak::small());
    plan.extend(desk::steps(&top.join("target/window")));
    plan
}

/// The demo ends by itself, with success, and leaves nothing behind.
fn demo(top: &Path) -> Result<Outcome> {
    let left = tempfile::tempdir()?;
    let mut demo = Command::new(program(top, "landline"));
    demo.args(["demo", "--headless"]).env("TMPDIR", left.path()).env_remove("DISPLAY");
    let ended = real::Process::start("the demo", &mut demo, "")?.wait()?.expect(0)?;
    println!("{}", ended.lines.join("\n"));
    let behind: Vec<_> =
        std::fs::read_dir(left.path())?.filter_map(Result::ok).map(|e| e.file_name()).collect();
    if behind.is_empty() {
        Ok(Outcome::OK)
    } else {
        bail!("the demo left {behind:?} in the temporary folder")
    }
}
