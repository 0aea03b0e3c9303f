//! `cargo xtask tidy`: the rules of the tree that no compiler knows.
//!
//! Every complaint names a place and says what to do about it.

mod crates;
mod document;
mod links;
mod source;
mod tables;
mod wire;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command;

/// Something that has to be put right.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Complaint {
    file: PathBuf,
    /// From 1; 0 where the whole file is meant.
    line: usize,
    what: String,
}

impl Complaint {
    fn new(file: &Path, line: usize, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file.display(), self.what),
            line => write!(f, "{}:{line}: {}", self.file.display(), self.what),
        }
    }
}

/// A text file of the project, its path relative to the top.
pub(crate) struct Text {
    path: PathBuf,
    text: String,
}

impl Text {
    fn is_rust(&self) -> bool {
        self.path.extension().is_some_and(|ending| ending == "rs")
    }

    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// Applies every rule to the checkout at `top`; prints what is wrong and fails if anything is.
pub(crate) fn run(top: &Path) -> Result<()> {
    let files = texts(top)?;
    let mut complaints: Vec<Complaint> = files.iter().flat_map(source::check).collect();
    complaints.extend(files.iter().flat_map(|file| links::check(top, file)));
    complaints.extend(wire::check(top)?);
    complaints.extend(crates::check(top)?);
    complaints.sort();
    for complaint in &complaints {
        println!("{complaint}");
    }
    if complaints.is_empty() {
        println!("{} files are in order", files.len());
        Ok(())
    } else {
        bail!("{} things to put right", complaints.len())
    }
}

/// What is tracked, or would be with `git add --all`. Binary files are left out.
fn texts(top: &Path) -> Result<Vec<Text>> {
    // A checkout that belongs to another user, as in containers, is a checkout all the same.
    let mut git = Command::new("git");
    git.args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let names = command::output(git.current_dir(top)).context("git has to list the project's files")?;
    let read = |name: &str| {
        let text = std::fs::read_to_string(top.join(name)).ok()?;
        let path = PathBuf::from(name);
        Some(Text { path, text })
    };
    Ok(names.split('\0').filter(|name| !name.is_empty()).filter_map(read).collect())
}
