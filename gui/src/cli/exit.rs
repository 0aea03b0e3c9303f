//! How a command ended: the process's exit code, and the sentence that goes with it.

use std::fmt::Write as _;
use std::io;

use landline_peer::api::{Failure, FailureKind};
use serde::Serialize;

/// Exit codes. Scripts may rely on them: a number, once given, keeps its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub(crate) enum Exit {
    /// It is done.
    Ok = 0,
    /// It failed in a way that has no code of its own.
    Failed = 1,
    /// The request makes no sense as it is.
    Usage = 2,
    /// Nobody is signed in on this profile.
    SignedOut = 3,
    /// The coordinator or the sender does not answer.
    Unreachable = 4,
    /// Wrong name or password, a used invite, a revoked session, or not allowed.
    Refused = 5,
    /// A key is not the one that is pinned.
    KeyChanged = 6,
    /// No such person, offer or file.
    NotFound = 7,
    /// Another process uses the profile.
    Locked = 8,
    /// The other side declined or gave up.
    Declined = 9,
    /// The file changed at its source, or what arrived is not what was offered.
    NotAsOffered = 10,
    /// This machine's disk is full or fails.
    Disk = 11,
    /// A limit on rate or size.
    Limited = 12,
    /// The name is taken, and there was nobody to ask what to do.
    NameTaken = 13,
    /// Stopped by Ctrl-C or a signal before it was done.
    Interrupted = 130,
}

impl Exit {
    /// Every code, in order.
    pub(crate) const ALL: [Self; 15] = [
        Self::Ok,
        Self::Failed,
        Self::Usage,
        Self::SignedOut,
        Self::Unreachable,
        Self::Refused,
        Self::KeyChanged,
        Self::NotFound,
        Self::Locked,
        Self::Declined,
        Self::NotAsOffered,
        Self::Disk,
        Self::Limited,
        Self::NameTaken,
        Self::Interrupted,
    ];

    /// The number.
    pub(crate) const fn number(self) -> u8 {
        self as u8
    }

    /// What it means, for the help.
    const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "done",
            Self::Failed => "failed in another way",
            Self::Usage => "the request makes no sense as it is",
            Self::SignedOut => "nobody is signed in on this profile",
            Self::Unreachable => "the coordinator or the sender does not answer",
            Self::Refused => "wrong name or password, used invite, revoked session, or not allowed",
            Self::KeyChanged => "a key is not the one that is pinned",
            Self::NotFound => "no such person, offer or file",
            Self::Locked => "another process uses the profile",
            Self::Declined => "the other side declined or gave up",
            Self::NotAsOffered => "the file changed at its source, or arrived damaged",
            Self::Disk => "this machine's disk is full or fails",
            Self::Limited => "a limit on rate or size",
            Self::NameTaken => "the name is taken, and nobody could be asked what to do",
            Self::Interrupted => "stopped before it was done",
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

impl From<FailureKind> for Exit {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Invalid => Self::Usage,
            FailureKind::Unauthorized => Self::Refused,
            FailureKind::Unreachable => Self::Unreachable,
            FailureKind::KeyChanged => Self::KeyChanged,
            FailureKind::NotFound => Self::NotFound,
            FailureKind::SourceChanged | FailureKind::Corrupt => Self::NotAsOffered,
            FailureKind::DiskFull | FailureKind::Io => Self::Disk,
            FailureKind::Limited => Self::Limited,
            FailureKind::NameTaken => Self::NameTaken,
            FailureKind::SignedOut => Self::SignedOut,
            FailureKind::Internal => Self::Failed,
        }
    }
}

/// The exit codes, as `landline --help` ends.
pub(crate) fn help() -> String {
    let mut text = String::from("Exit codes (with --json, `code` in the error on standard error):\n");
    for exit in Exit::ALL {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {:>3}  {:15} {}", exit.number(), code(exit), exit.meaning());
    }
    text.push_str(RECORDS);
    text.push_str("\nStart with `landline demo`, or `landline host` on one machine and `landline sign-up` on the others.");
    text
}

/// What scripts meet.
const RECORDS: &str = "
Records with --json, told apart by `type`; fields are added, never renamed:
  me          whoami, sign-up, sign-in         signed_out  sign-out
  person      peers                            message     history, msg
  offer       offers, send, decline, cancel,   progress    get, resume, send
              pause
  received    get: in place, verified          delivered   send: someone has it, verified
  entry       get --list: a file of a folder   upload      uploads
  limits      limits                           invite      invite
  hosting     host
  demo        demo: the figures                error, note on standard error
";

fn code(exit: Exit) -> String {
    serde_json::to_value(exit).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Why a command did not do what was asked: what happened and what to do, in a sentence or two.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Problem {
    /// What decides.
    pub(crate) exit: Exit,
    /// What people read. Empty: there is nothing to say.
    pub(crate) text: String,
}

impl Problem {
    /// Makes one.
    pub(crate) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into() }
    }

    /// The request makes no sense.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::new(Exit::Usage, text)
    }

    /// The engine's task ended although nobody asked it to.
    pub(crate) fn engine_gone() -> Self {
        Self::new(Exit::Failed, "The engine stopped unexpectedly; run the command again with -v to see why.")
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::new(failure.kind.into(), sentence(&failure.text))
    }
}

/// Errors of standard input and output. Whoever closed the pipe has seen enough: no word about it.
impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Exit::Ok, ""),
            _ => Self::new(Exit::Disk, format!("Reading or writing failed: {error}.")),
        }
    }
}

/// Errors are phrases; people read sentences.
pub(crate) fn sentence(phrase: &str) -> String {
    let mut letters = phrase.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    let end = if phrase.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{end}", first.collect::<String>(), letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_failure_has_its_code() {
        let expected = [
            (FailureKind::Invalid, 2),
            (FailureKind::Unauthorized, 5),
            (FailureKind::Unreachable, 4),
            (FailureKind::KeyChanged, 6),
            (FailureKind::NotFound, 7),
            (FailureKind::SourceChanged, 10),
            (FailureKind::Corrupt, 10),
            (FailureKind::DiskFull, 11),
            (FailureKind::Io, 11),
            (FailureKind::Limited, 12),
            (FailureKind::NameTaken, 13),
            (FailureKind::SignedOut, 3),
            (FailureKind::Internal, 1),
        ];
        for (kind, number) in expected {
            let problem = Problem::from(Failure::new(kind, "because"));
            assert_eq!((problem.exit.number(), problem.text.as_str()), (number, "Because."), "{kind:?}");
        }
    }

    #[test]
    fn the_help_lists_every_code_once() {
        let help = help();
        for exit in Exit::ALL {
            let line = format!("\n  {:>3}  {} ", exit.number(), code(exit));
            assert_eq!(help.matches(&line).count(), 1, "{exit:?} in\n{help}");
        }
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let problem = Problem::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((problem.exit, problem.text.is_empty()), (Exit::Ok, true));
    }
}
