//! What may stand on the command line.
//!
//! Nothing here takes a secret: arguments are visible to every process of the machine and stay in
//! the shell's history. Passwords and invites are prompted for, or read from standard input.

mod transfers;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use super::exit;
#[cfg(test)]
pub(crate) use transfers::OnConflict;
pub(crate) use transfers::{Choice, Get, Limit, Limits, Offers, Send, Wanted};

/// Chat and file sharing for people on one network.
///
/// Without a subcommand the window opens. Every subcommand does one thing without a window, with
/// the same profile: what the window knows, they know.
#[derive(Debug, Parser)]
#[command(name = "landline", version, after_long_help = exit::help(), propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What every subcommand and the window understand.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options everywhere")]
pub(crate) struct Global {
    /// Where this person's key, history and settings are kept; one process at a time uses it
    #[arg(long, global = true, value_name = "DIR", env = "LANDLINE_PROFILE")]
    pub(crate) profile: Option<PathBuf>,
    /// Where accepted files go
    #[arg(long, global = true, value_name = "DIR", env = "LANDLINE_DOWNLOADS")]
    pub(crate) downloads: Option<PathBuf>,
    /// Where this machine serves the files it offers; a fixed port makes a firewall rule easy
    #[arg(long, global = true, value_name = "ADDRESS:PORT", env = "LANDLINE_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// One JSON object per line on standard output, errors and notes so on standard error
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say more on standard error; twice for more still
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// How long to wait for the coordinator before giving up
    #[arg(long, global = true, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) timeout: Duration,
    /// Where the sign-in is kept
    #[arg(long, global = true, hide = true, value_name = "WHERE", env = "LANDLINE_SECRETS")]
    pub(crate) secrets: Option<SecretsPlace>,
    /// End when standard input does: for programs that start this one and may die themselves
    #[arg(long, global = true, hide = true)]
    pub(crate) until_stdin_closes: bool,
    /// Where the window opens, in points from the top left of the screen
    #[arg(long, hide = true, value_name = "X,Y", value_parser = pair, allow_hyphen_values = true)]
    pub(crate) window_position: Option<[f32; 2]>,
    /// How large the window opens, in points
    #[arg(long, hide = true, value_name = "WIDTH,HEIGHT", value_parser = pair)]
    pub(crate) window_size: Option<[f32; 2]>,
}

/// Where the engine keeps the sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SecretsPlace {
    /// The desktop's keyring, where there is one.
    Keyring,
    /// A file in the profile that only its owner may read.
    File,
}

/// The subcommands.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an account at a coordinator and sign in
    ///
    /// The password is prompted for; where standard input is not a terminal it is read from
    /// there, one line each: the invite link first (with --invite), then the password.
    SignUp(SignUp),
    /// Sign in to an account that exists
    ///
    /// Secrets are read as with sign-up: the invite link first (with --invite), then the password.
    SignIn(SignIn),
    /// Forget the sign-in on this machine; history and keys stay
    SignOut,
    /// Who is signed in here, and where
    Whoami,
    /// Who there is, online and offline
    #[command(visible_alias = "lap")]
    Peers,
    /// Say something to someone, or to everybody
    Msg(Msg),
    /// What was said
    History(History),
    /// Offer files and folders, and serve them until everyone concerned has answered
    ///
    /// `-` is standard input: a stream has no size, so it is first written to the profile (`spool/`,
    /// readable by you alone), offered when it ends, and removed when everyone has answered or it is
    /// withdrawn. `tar c . | landline send - --to bob --name work.tar`
    ///
    /// Ctrl-C only stops serving: the offers stay, and go on with `landline send --resume`, or
    /// whenever any other landline of this profile runs.
    Send(Send),
    /// What was offered, to whom, and how it stands
    Offers(Offers),
    /// Accept offers and fetch them
    ///
    /// Ctrl-C keeps what has arrived: the same command goes on from there. Every piece is verified
    /// before it counts, and nothing is overwritten unless --on-conflict replace says so; even then
    /// what was there is kept beside it.
    Get(Get),
    /// Say no to an offer
    Decline(Choice),
    /// Give up a download, or withdraw one's own offer
    Cancel(Choice),
    /// Stop a download and keep what has arrived; it stays so until `resume` or `get`
    Pause(Choice),
    /// Go on with a paused download, and stay until it is there
    Resume(Choice),
    /// Who took what from this computer, the newest first
    Uploads,
    /// Show slots and limits, or set them for good
    Limits(Limits),
    /// Make an invite link for one person (admins only)
    Invite,
    /// Forget the key of a coordinator that was set up anew; the next contact there is a first one
    Forget(Forget),
    /// Run a coordinator in this process, without a window
    Host(Host),
    /// Show the whole of it: a coordinator and two people on this machine, a file between them
    Demo(Demo),
}

#[derive(Clone, Debug, Args)]
#[command(
    override_usage = "landline sign-up [OPTIONS] ADDRESS NAME\n       landline sign-up [OPTIONS] --invite [NAME]"
)]
pub(crate) struct SignUp {
    /// HOST:PORT of the coordinator (an invite link has it), and the name you want
    #[arg(value_name = "ADDRESS NAME", num_args = 0..=2)]
    pub(crate) words: Vec<String>,
    /// Join with an invite link, which is prompted for or read from standard input
    #[arg(long)]
    pub(crate) invite: bool,
}

#[derive(Clone, Debug, Args)]
#[command(
    override_usage = "landline sign-in [OPTIONS] ADDRESS NAME\n       landline sign-in [OPTIONS] --invite NAME"
)]
pub(crate) struct SignIn {
    /// HOST:PORT of the coordinator (an invite link has it), and your name there
    #[arg(value_name = "ADDRESS NAME", num_args = 1..=2)]
    pub(crate) words: Vec<String>,
    /// Take the coordinator's address and key from an invite link, prompted for or read from
    /// standard input
    #[arg(long)]
    pub(crate) invite: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Msg {
    /// A person's name, or `lobby` for everybody (`@lobby` for a person of that name)
    pub(crate) who: String,
    /// The text; `-` or nothing reads it from standard input
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) text: Vec<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct History {
    /// A person's name, or `lobby`
    pub(crate) who: String,
    /// The newest so many messages
    #[arg(short = 'n', long, default_value_t = 50, value_name = "N")]
    pub(crate) limit: usize,
    /// Stay, and print what comes
    #[arg(short, long)]
    pub(crate) follow: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Forget {
    /// HOST:PORT of the coordinator
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: String,
}

/// The settings of `landline-coordinator`, in the same file and environment.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Host {
    /// Where it listens; port 0 takes any free one [default: 0.0.0.0:4810]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) at: Option<SocketAddr>,
    /// Where it keeps its key and database [default: as landline-coordinator]
    #[arg(long, value_name = "DIR", env = "LANDLINE_COORDINATOR_DATA_DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Let anybody make an account, without an invite
    #[arg(long)]
    pub(crate) open: bool,
    /// A TOML file with settings [default: coordinator.toml in the data directory, if it is there]
    #[arg(long, value_name = "FILE", env = "LANDLINE_COORDINATOR_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Seconds between two pings [default: 5]
    #[arg(long, value_name = "SECONDS", env = "LANDLINE_COORDINATOR_HEARTBEAT")]
    pub(crate) heartbeat: Option<u64>,
    /// Seconds of silence after which a client is taken for gone [default: 15]
    #[arg(long, value_name = "SECONDS", env = "LANDLINE_COORDINATOR_TIMEOUT")]
    pub(crate) heartbeat_timeout: Option<u64>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Demo {
    /// Without windows, even where there is a display
    #[arg(long)]
    pub(crate) headless: bool,
    /// How large the file is, in MiB
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=65_536))]
    pub(crate) size: Option<u64>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "expected a positive number of seconds".to_owned())
}

fn pair(text: &str) -> Result<[f32; 2], String> {
    let wrong = || "expected two numbers with a comma between".to_owned();
    let (one, other) = text.split_once(',').ok_or_else(wrong)?;
    match (one.trim().parse(), other.trim().parse()) {
        (Ok(one), Ok(other)) => Ok([one, other]),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Cli {
        Cli::try_parse_from(line.split_whitespace()).unwrap()
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_subcommand_means_the_window() {
        let cli = parse("landline --profile p --window-position -5,40 --window-size 760,700");
        assert!(cli.command.is_none());
        assert_eq!(cli.global.window_position, Some([-5.0, 40.0]));
        assert_eq!(cli.global.timeout, Duration::from_secs(30));
    }

    #[test]
    fn global_options_stand_before_or_after_the_subcommand() {
        for line in ["landline --json --profile p peers", "landline lap --json --profile p"] {
            let cli = parse(line);
            assert!(cli.global.json, "{line}");
            assert_eq!(cli.global.profile, Some("p".into()), "{line}");
            assert!(matches!(cli.command, Some(Command::Peers)), "{line}");
        }
    }

    #[test]
    fn a_message_may_look_like_an_option() {
        let Some(Command::Msg(msg)) = parse("landline msg bob see --json is nice").command else {
            panic!("not a message");
        };
        assert_eq!(msg.text, ["see", "--json", "is", "nice"]);
    }

    #[test]
    fn no_option_takes_a_secret() {
        let mut commands = vec![Cli::command()];
        while let Some(command) = commands.pop() {
            for argument in command.get_arguments().filter(|one| one.get_action().takes_values()) {
                let name = argument.get_id().as_str();
                assert!(
                    !["password", "token", "invite", "code"].contains(&name),
                    "{} {name}",
                    command.get_name()
                );
            }
            commands.extend(command.get_subcommands().cloned());
        }
    }

    #[test]
    fn contradictions_are_refused() {
        for line in [
            "landline send",
            "landline send --resume a bob",
            "landline get x --all",
            "landline get x -o - --into d",
            "landline get x --limit fast",
            "landline send a --to bob --resume",
            "landline limits --up 3 --downloads-at-once 0",
            "landline peers --timeout -1",
        ] {
            assert!(Cli::try_parse_from(line.split_whitespace()).is_err(), "{line}");
        }
    }
}
