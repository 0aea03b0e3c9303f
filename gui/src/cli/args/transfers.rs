//! What may stand behind `send`, `get` and their like.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use landline_peer::api::Conflict;

use super::seconds;
use crate::units::parse_rate;

#[derive(Clone, Debug, Args)]
#[command(
    override_usage = "landline send [OPTIONS] PATH... WHO\n       landline send [OPTIONS] PATH... --to WHO [--to WHO]...\n       ... | landline send [OPTIONS] - --to WHO --name NAME\n       landline send [OPTIONS] --resume"
)]
pub(crate) struct Send {
    /// Files and folders, `-` for standard input, and at the end the person (or `lobby`) unless --to
    /// names them
    #[arg(value_name = "PATH... WHO", required_unless_present = "resume")]
    pub(crate) words: Vec<PathBuf>,
    /// A person's name, or `lobby`; several times for several
    #[arg(long, value_name = "WHO")]
    pub(crate) to: Vec<String>,
    /// What standard input is called when it is offered [default: stdin]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// No more bytes a second than this, while this command runs: 500K, 2M
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(crate) limit: Option<u64>,
    /// Serve what was offered before and not everyone has answered
    #[arg(long, conflicts_with_all = ["words", "to", "name"])]
    pub(crate) resume: bool,
}

impl Send {
    /// Whether standard input is among the paths.
    pub(crate) fn reads_stdin(&self) -> bool {
        self.words.iter().any(|word| word.as_os_str() == "-")
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Offers {
    /// Those that have ended too
    #[arg(short, long)]
    pub(crate) all: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Get {
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    /// Another folder than the usual one
    #[arg(long, value_name = "DIR")]
    pub(crate) into: Option<PathBuf>,
    /// Another name than the offered one
    #[arg(long = "as", value_name = "NAME", conflicts_with = "all")]
    pub(crate) rename: Option<String>,
    /// The whole path to save it at; `-` is standard output: the file is fetched, verified, and then
    /// written there
    #[arg(short, long, value_name = "PATH", conflicts_with_all = ["into", "rename", "all"])]
    pub(crate) output: Option<PathBuf>,
    /// The same as `-o -`
    #[arg(long, conflicts_with_all = ["into", "rename", "all", "output"])]
    pub(crate) to_stdout: bool,
    /// What to do when the name is taken [default: as `landline limits` says]
    #[arg(long, value_name = "WAY")]
    pub(crate) on_conflict: Option<OnConflict>,
    /// Of a folder, only what this matches, for example '*.pdf' or 'photos/**'; several times for
    /// several. `*` stays within one name, `**` does not; a pattern without `/` is looked for at any
    /// depth, and a folder that matches is taken whole
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Vec<String>,
    /// Only list what is in the folder
    #[arg(long, conflicts_with_all = ["into", "rename", "output", "to_stdout", "on_conflict"])]
    pub(crate) list: bool,
    /// No more bytes a second than this, while this command runs: 500K, 2M
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(crate) limit: Option<u64>,
    /// Give up when nothing has arrived for so long; what has arrived is kept
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) give_up: Option<Duration>,
}

/// Which offers `get` is about.
#[derive(Clone, Debug, Args)]
pub(crate) struct Wanted {
    /// The offers: ids, the ends of them as `offers` shows them, or names of files and folders; needless
    /// when there is only one
    #[arg(value_name = "OFFER|NAME", conflicts_with = "all")]
    pub(crate) what: Vec<String>,
    /// Only offers of this person
    #[arg(long, value_name = "USER")]
    pub(crate) from: Option<String>,
    /// Wait until there is such an offer
    #[arg(long)]
    pub(crate) wait: bool,
    /// Every offer that is not answered yet
    #[arg(long)]
    pub(crate) all: bool,
}

/// What to do about a taken name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnConflict {
    /// Save it under another name
    Rename,
    /// Keep what is there; of a folder, fetch what it lacks
    Skip,
    /// Put it in its place; what was there is kept beside it
    Replace,
    /// Ask on the terminal; without one, fail
    Ask,
}

impl From<OnConflict> for Conflict {
    fn from(way: OnConflict) -> Self {
        match way {
            OnConflict::Rename => Self::Rename,
            OnConflict::Skip => Self::Skip,
            OnConflict::Replace => Self::Replace,
            OnConflict::Ask => Self::Ask,
        }
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Choice {
    /// The offer: its id, the end of it as `offers` shows it, or the name of the file or folder
    #[arg(value_name = "OFFER|NAME")]
    pub(crate) what: String,
    /// Only offers of this person
    #[arg(long, value_name = "USER")]
    pub(crate) from: Option<String>,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Limits {
    /// Bytes a second outwards: 500K, 2M, or none
    #[arg(long, value_name = "RATE|none", value_parser = limit)]
    pub(crate) up: Option<Limit>,
    /// Bytes a second inwards
    #[arg(long, value_name = "RATE|none", value_parser = limit)]
    pub(crate) down: Option<Limit>,
    /// --up and --down are about this person alone
    #[arg(long = "for", value_name = "USER")]
    pub(crate) person: Option<String>,
    /// Downloads at once; the others wait
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) downloads_at_once: Option<u32>,
    /// People served at once; the others wait and are told how many come before them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) served_at_once: Option<u32>,
    /// What to do when a name is taken, unless `get` says otherwise
    #[arg(long, value_name = "WAY")]
    pub(crate) on_conflict: Option<OnConflict>,
}

/// A limit that is set: so much, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit(pub(crate) Option<u64>);

fn limit(text: &str) -> Result<Limit, &'static str> {
    if text == "none" { Ok(Limit(None)) } else { parse_rate(text).map(|rate| Limit(Some(rate))) }
}
