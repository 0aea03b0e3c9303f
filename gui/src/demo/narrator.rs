//! What the demo tells on standard output: prose for people, one summary for scripts.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::ProgressBar;

use crate::cli::{progress, text};

/// The one who tells the story.
#[derive(Clone, Copy, Debug)]
pub(super) struct Narrator {
    /// Say nothing but the summary.
    pub(super) json: bool,
}

impl Narrator {
    /// A line or several.
    pub(super) fn say(self, text: &str) -> anyhow::Result<()> {
        if !self.json {
            print(text)?;
        }
        Ok(())
    }

    /// A numbered step that is done, with the time it took.
    pub(super) fn step(self, number: u32, text: &str, took: Duration) -> anyhow::Result<()> {
        self.say(&format!("{number:>2}. {text}  ({})", text::duration(took)))
    }

    /// The one line that scripts get.
    pub(super) fn json(self, line: &str) -> anyhow::Result<()> {
        if self.json {
            print(line)?;
        }
        Ok(())
    }

    /// Something to watch while bytes move.
    pub(super) fn progress(self, name: &str, size: u64) -> Watched {
        let draw = !self.json && io::stderr().is_terminal();
        let bar = draw.then(|| progress::bar(name));
        if let Some(bar) = &bar {
            bar.set_length(size);
        }
        Watched { bar, size, quarter: 0, narrator: self }
    }
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// A bar on a terminal; a line at each quarter elsewhere.
pub(super) struct Watched {
    bar: Option<ProgressBar>,
    size: u64,
    quarter: u64,
    narrator: Narrator,
}

impl Watched {
    /// So far.
    pub(super) fn at(&mut self, bytes: u64, rate: Option<u64>) -> anyhow::Result<()> {
        let rate = rate.map(|rate| format!(", {}/s", crate::units::size(rate))).unwrap_or_default();
        let so_far = format!("{} of {}{rate}", crate::units::size(bytes), crate::units::size(self.size));
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
            bar.set_message(so_far);
            return Ok(());
        }
        let quarter = bytes.saturating_mul(4) / self.size.max(1);
        if quarter > self.quarter && quarter < 4 {
            self.quarter = quarter;
            self.narrator.say(&format!("      {so_far}"))?;
        }
        Ok(())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
