//! Standard output and standard error, for people or for scripts.
//!
//! Results go to standard output, everything else to standard error. With `--json` both carry one
//! object per line. Names and texts of others reach a terminal only escaped.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use landline_protocol::name::printable;
use serde::Serialize;

use super::exit::{Exit, Problem};
use super::record::Record;

/// Where a command writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Out {
    /// One JSON object per line instead of text.
    pub(crate) json: bool,
    /// Standard output carries a file: results go to standard error too.
    pub(crate) data: bool,
}

/// What goes to standard error as JSON.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Aside<'a> {
    /// The command failed: the last line.
    Error { code: Exit, exit: u8, message: &'a str },
    /// Something worth knowing that is no failure.
    Note { message: &'a str },
}

impl Out {
    /// To standard output, and the rest to standard error.
    pub(crate) fn new(json: bool) -> Self {
        Self { json, data: false }
    }

    /// Leaves standard output to a file's bytes.
    pub(crate) fn beside_data(self) -> Self {
        Self { data: true, ..self }
    }

    /// Prints one result: the record, or its text.
    pub(crate) fn record(self, record: &Record, text: &str) -> Result<(), Problem> {
        let shown = if self.json { json_line(record) } else { text.to_owned() };
        if !self.data {
            return line(&shown);
        }
        // A closed standard error is nobody's problem.
        let _ = writeln!(io::stderr().lock(), "{shown}");
        Ok(())
    }

    /// Prints many results: a record on each line, or one text for all.
    pub(crate) fn records(
        self,
        records: impl IntoIterator<Item = Record>,
        text: impl FnOnce() -> String,
    ) -> Result<(), Problem> {
        if !self.json {
            return line(&text());
        }
        records.into_iter().try_for_each(|record| line(&json_line(&record)))
    }

    /// Says something on standard error that is no failure.
    pub(crate) fn note(self, message: &str) {
        self.aside(message, &Aside::Note { message });
    }

    /// Says on standard error why the command failed.
    pub(crate) fn problem(self, problem: &Problem) {
        if !problem.text.is_empty() {
            let Problem { exit, text } = problem;
            let error = Aside::Error { code: *exit, exit: exit.number(), message: text };
            self.aside(&format!("landline: {text}"), &error);
        }
    }

    /// A closed standard error is nobody's problem.
    fn aside(self, text: &str, aside: &Aside<'_>) {
        let line = if self.json { json_line(aside) } else { text.to_owned() };
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// Whether bars may be drawn: a person looks at standard error.
    pub(crate) fn draws(self) -> bool {
        !self.json && io::stderr().is_terminal()
    }
}

/// A line on standard output, if there is anything in it.
fn line(text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Ok(());
    }
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    Ok(stdout.flush()?)
}

/// One line of JSON that is safe on a terminal too: what would move a cursor or turn the text
/// around is written as `\uXXXX`.
fn json_line(value: &impl Serialize) -> String {
    // Records are made of strings, numbers and lists of them: this cannot fail.
    let line = serde_json::to_string(value).unwrap_or_default();
    if printable(&line) == line { line } else { escaped(&line) }
}

fn escaped(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 16);
    for c in line.chars() {
        let mut buffer = [0; 4];
        let text: &str = c.encode_utf8(&mut buffer);
        if printable(text) == text {
            out.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_every_character_and_moves_no_cursor() {
        let hostile = "a\u{1b}[2J\u{9b}31m\u{202e}gpj\u{e0041}\n\"😀";
        let line = json_line(&hostile);
        assert_eq!(printable(&line), line);
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), hostile);
        assert!(line.contains('😀'));
    }
}
