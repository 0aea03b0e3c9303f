//! The README against the programs' own help: every environment variable, option and exit code that
//! one has, the other has too.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{output, program};
use crate::real::Process;
use crate::step::{Outcome, Step};

/// What is asked for help: a program, and a subcommand of it.
const ASKED: [(&str, &[&str]); 3] =
    [("landline", &["--help"]), ("landline", &["host", "--help"]), ("landline-coordinator", &["--help"])];
/// In the README and not in any help: how much is logged.
const UNSPOKEN: &str = "LANDLINE_LOG";
/// In the help and not in the README: what nobody sets, and what every program has.
const OBVIOUS: [&str; 3] = ["--help", "--version", "--json"];

/// Compares them.
pub(crate) fn step() -> Step {
    Step::new("help and README agree", |top| {
        let readme = std::fs::read_to_string(top.join("README.md"))?;
        let help =
            ASKED.iter().map(|(name, words)| help(top, name, words)).collect::<Result<Vec<_>>>()?.join("\n");
        let faults = faults(&readme, &help);
        sample_settings(top)?;
        if faults.is_empty() { Ok(Outcome::OK) } else { bail!(faults.join("; ")) }
    })
}

/// A coordinator starts with the sample of its settings.
fn sample_settings(top: &Path) -> Result<()> {
    let data = tempfile::tempdir()?;
    let mut start = Command::new(program(top, "landline-coordinator"));
    start.arg("--config").arg(top.join("assets/coordinator.toml"));
    start.arg("--data-dir").arg(data.path().join("data")).args(["--listen", "127.0.0.1", "--port", "0"]);
    let mut coordinator = Process::start("the coordinator with assets/coordinator.toml", &mut start, "")?;
    coordinator.until("its fingerprint", |line| line.starts_with("Fingerprint").then_some(()))
}

fn help(top: &Path, name: &str, words: &[&str]) -> Result<String> {
    let mut asked = Command::new(program(top, name));
    output(asked.args(words)).context("asking for help")
}

fn faults(readme: &str, help: &str) -> Vec<String> {
    let (written, known) = (variables(readme), variables(help));
    let undocumented = known.difference(&written).map(|name| format!("the README does not mention {name}"));
    let unknown = written.difference(&known).filter(|name| **name != UNSPOKEN);
    let unknown = unknown.map(|name| format!("no program knows {name}, which the README mentions"));
    let options =
        options(help).into_iter().filter(|option| !readme.contains(option) && !OBVIOUS.contains(option));
    let options = options.map(|option| format!("the README does not mention {option}"));
    let codes = codes(help).into_iter().filter(|row| !readme.contains(row));
    let codes = codes.map(|row| format!("the README's exit codes lack {row:?}"));
    undocumented.chain(unknown).chain(options).chain(codes).collect()
}

fn variables(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_uppercase() && c != '_');
    words.filter(|word| word.starts_with("LANDLINE_")).collect()
}

/// Long options, where a line of help begins with one.
fn options(help: &str) -> BTreeSet<&str> {
    let words = help.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = line.split_once(", ").filter(|(short, _)| short.len() == 2).map_or(line, |(_, long)| long);
        line.starts_with("--").then(|| line.split([' ', '.', '=']).next()).flatten()
    });
    // `-v` stands in the README by its short name.
    words.filter(|word| *word != "--verbose").collect()
}

/// `  11  disk  this …` as the row of the README's table.
fn codes(help: &str) -> Vec<String> {
    let read = |line: &str| {
        let mut words = line.split_whitespace();
        let (code, word) = (words.next()?, words.next()?);
        let meaning = words.collect::<Vec<_>>().join(" ");
        Some(format!("| {} | `{word}` | {meaning} |", code.parse::<u8>().ok()?))
    };
    let codes = help.lines().skip_while(|line| !line.starts_with("Exit codes")).skip(1);
    codes.map_while(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELP: &str = "  -v, --verbose...  Say\n      --profile <DIR>  Where [env: LANDLINE_PROFILE=]\n\nExit codes (with):\n    0  ok  done\n   11  disk  it is full\n\nStart";
    const README: &str =
        "`--profile DIR` LANDLINE_PROFILE\n| 0 | `ok` | done |\n| 11 | `disk` | it is full |\n";

    #[test]
    fn what_agrees_passes() {
        assert_eq!(faults(README, HELP), [""; 0]);
    }

    #[test]
    fn each_difference_is_named() {
        assert_eq!(faults(&README.replace("LANDLINE_PROFILE", ""), HELP).len(), 1);
        assert_eq!(faults(&format!("{README} LANDLINE_GONE"), HELP).len(), 1);
        assert_eq!(faults(&README.replace("--profile", ""), HELP).len(), 1);
        assert_eq!(faults(&README.replace("it is full", "full"), HELP).len(), 1);
    }
}
