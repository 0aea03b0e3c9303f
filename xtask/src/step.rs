//! One thing that is tested: its title, its work, and how it ended. Steps run one after the other and
//! are counted.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::command::{cargo, run as run_command};
use crate::setup::strict;

/// How a step that did not fail ended.
pub(crate) enum Outcome {
    /// It showed what it should; perhaps with figures.
    Passed(String),
    /// It could not run here.
    Skipped(String),
}

impl Outcome {
    /// Passed, with nothing to add.
    pub(crate) const OK: Self = Self::Passed(String::new());
}

type Work = Box<dyn Fn(&Path) -> Result<Outcome>>;

/// One thing that is tested.
pub(crate) struct Step {
    title: String,
    work: Work,
    /// Without it there is no point in going on.
    essential: bool,
}

impl Step {
    /// A step does its work in the checkout at the path it is given.
    pub(crate) fn new(title: impl Into<String>, work: impl Fn(&Path) -> Result<Outcome> + 'static) -> Self {
        Self { title: title.into(), work: Box::new(work), essential: false }
    }

    /// What follows makes no sense if this fails.
    pub(crate) fn essential(self) -> Self {
        Self { essential: true, ..self }
    }

    /// A step that is a cargo command.
    pub(crate) fn cargo(title: &str, arguments: &'static [&'static str]) -> Self {
        Self::new(title, |top| run_command(&mut cargo(top, arguments)).map(|()| Outcome::OK))
    }

    /// Warnings of rustdoc are errors; links to private items are fine where those are shown too.
    pub(crate) fn documentation() -> Self {
        Self::new("documentation", |top| {
            let mut doc =
                cargo(top, &["doc", "--quiet", "--workspace", "--no-deps", "--document-private-items"]);
            let flags = "-D warnings -A rustdoc::private_intra_doc_links";
            run_command(doc.env("RUSTDOCFLAGS", flags)).map(|()| Outcome::OK)
        })
    }
}

/// Runs steps one after the other, whatever becomes of each, and counts.
pub(crate) fn report(top: &Path, steps: &[Step], only: Option<&str>) -> Result<()> {
    let chosen: Vec<&Step> =
        steps.iter().filter(|step| only.is_none_or(|part| step.title.contains(part))).collect();
    if chosen.is_empty() {
        let known: Vec<&str> = steps.iter().map(|step| step.title.as_str()).collect();
        bail!("no step is called so; there are: {}", known.join(", "));
    }
    let (mut passed, mut failed, mut skipped) = (0, Vec::new(), 0);
    for (index, step) in chosen.iter().enumerate() {
        println!("\n=== {}/{} {}", index + 1, chosen.len(), step.title);
        let begun = Instant::now();
        let outcome = (step.work)(top);
        let took = seconds(begun.elapsed());
        match outcome {
            Ok(Outcome::Passed(figures)) => {
                passed += 1;
                println!("--- passed in {took}{}{figures}", if figures.is_empty() { "" } else { ": " });
            }
            // Where everything is meant to run, what could not is no better than what went wrong.
            Ok(Outcome::Skipped(why)) if strict() => {
                println!("--- FAILED in {took}: it could not run: {why}");
                failed.push(step.title.as_str());
            }
            Ok(Outcome::Skipped(why)) => {
                skipped += 1;
                println!("--- skipped: {why}");
            }
            Err(why) => {
                println!("--- FAILED in {took}: {why:#}");
                failed.push(step.title.as_str());
                if step.essential {
                    skipped = chosen.len() - index - 1;
                    println!("    what follows needs it and is skipped");
                    break;
                }
            }
        }
    }
    if !failed.is_empty() {
        println!("\nFailed: {}", failed.join(", "));
    }
    println!("\n{passed} passed, {} failed, {skipped} skipped", failed.len());
    if failed.is_empty() { Ok(()) } else { std::process::exit(1) }
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}
