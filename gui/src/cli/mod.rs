//! The command line: `landline SUBCOMMAND`, and the door to the window where there is none.
//!
//! Every command starts the engine on the profile, waits for what it needs, prints records or
//! text, and puts the engine away in order whatever happened.

mod account;
pub(crate) mod args;
mod client;
pub(crate) mod exit;
mod fetching;
mod get;
mod glob;
mod host;
pub(crate) mod interrupt;
mod log;
mod offers;
pub(crate) mod output;
pub(crate) mod progress;
mod record;
mod secrets;
mod send;
mod settings;
pub(crate) mod spool;
mod talk;
pub(crate) mod text;
mod verdict;
pub(crate) mod window;

use std::future::Future;

use clap::Parser;

use args::{Cli, Command, Global};
use client::{Cap, Client};
use exit::{Exit, Problem};
use interrupt::Interrupts;
use output::Out;

/// Reads the arguments, does what they say, and tells how it went.
pub(crate) fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misread(&error),
    };
    let out = Out::new(cli.global.json);
    log::start(cli.global.verbose);
    match dispatch(cli, out) {
        Ok(()) => Exit::Ok,
        Err(problem) => {
            out.problem(&problem);
            problem.exit
        }
    }
}

/// Help and versions are no errors; the rest is, and with `--json` it is one that scripts can read.
fn misread(error: &clap::Error) -> Exit {
    let json = std::env::args_os().any(|argument| argument == "--json");
    if json && error.use_stderr() {
        let text = error.to_string();
        let text = text.trim().trim_start_matches("error: ");
        Out::new(json).problem(&Problem::usage(text));
    } else {
        // Whoever closed the pipe has seen enough.
        let _ = error.print();
    }
    if error.use_stderr() { Exit::Usage } else { Exit::Ok }
}

fn dispatch(cli: Cli, out: Out) -> Result<(), Problem> {
    let Cli { global, command } = cli;
    match command {
        None => window::open(&global),
        Some(Command::Demo(demo)) => block_on(crate::demo::run(&global, &demo)),
        Some(Command::Host(host)) => block_on(host::run(&global, &host, out)),
        // Secrets are asked for before anything runs, so that Ctrl-C at a prompt is just that.
        Some(Command::SignUp(sign_up)) => {
            let request = account::sign_up(&sign_up, &mut *secrets::source())?;
            block_on(with_client(&global, out, Manner::default(), async move |client| {
                account::enter(client, request).await
            }))
        }
        Some(Command::SignIn(sign_in)) => {
            let request = account::sign_in(&sign_in, &mut *secrets::source())?;
            block_on(with_client(&global, out, Manner::default(), async move |client| {
                account::enter(client, request).await
            }))
        }
        Some(command) => block_on(one(&global, out, command)),
    }
}

/// The commands that need nothing but the engine.
async fn one(global: &Global, out: Out, command: Command) -> Result<(), Problem> {
    if global.until_stdin_closes && matches!(&command, Command::Send(send) if send.reads_stdin()) {
        return Err(Problem::usage("Standard input cannot both be sent and end the command."));
    }
    let manner = Manner { farewell: farewell(&command), cap: cap(&command) };
    with_client(global, out, manner, async move |client| match command {
        Command::SignOut => account::sign_out(client).await,
        Command::Whoami => account::whoami(client).await,
        Command::Invite => account::invite(client).await,
        Command::Peers => talk::peers(client).await,
        Command::Msg(msg) => talk::msg(client, msg).await,
        Command::History(history) => talk::history(client, &history).await,
        Command::Send(send) => send::run(client, &send).await,
        Command::Offers(list) => offers::list(client, &list).await,
        Command::Get(get) => get::run(client, &get).await,
        Command::Decline(choice) => offers::decline(client, &choice).await,
        Command::Cancel(choice) => offers::cancel(client, &choice).await,
        Command::Pause(choice) => offers::pause(client, &choice).await,
        Command::Resume(choice) => get::resume(client, &choice).await,
        Command::Uploads => settings::uploads(client),
        Command::Limits(limits) => settings::limits(client, &limits).await,
        Command::Forget(forget) => account::forget(client, &forget).await,
        Command::SignUp(_) | Command::SignIn(_) | Command::Host(_) | Command::Demo(_) => {
            unreachable!("dispatched before")
        }
    })
    .await
}

/// What Ctrl-C means where it is not simply an interruption.
fn farewell(command: &Command) -> Option<Problem> {
    let text = match command {
        Command::History(history) if history.follow => return Some(Problem::new(Exit::Ok, "")),
        Command::Send(_) => {
            "Stopped serving; the offers stay. They go on with `landline send --resume`, or when any other \
             landline of this profile runs."
        }
        Command::Get(_) | Command::Resume(_) => {
            "Stopped; what has arrived is kept, and the same command goes on from there."
        }
        _ => return None,
    };
    Some(Problem::new(Exit::Interrupted, text))
}

/// What is particular about a command's run.
#[derive(Clone, Debug, Default)]
struct Manner {
    /// What an interruption means, if not simply that.
    farewell: Option<Problem>,
    /// Limits for this run alone.
    cap: Cap,
}

fn cap(command: &Command) -> Cap {
    match command {
        Command::Send(send) => Cap { up: send.limit, down: None },
        Command::Get(get) => Cap { up: None, down: get.limit },
        _ => Cap::default(),
    }
}

/// Runs `body` with an engine on the profile. An interruption ends it early with its farewell; the
/// engine is closed in order either way, unless a second interruption cannot wait for that.
async fn with_client<F>(global: &Global, out: Out, manner: Manner, body: F) -> Result<(), Problem>
where
    F: AsyncFnOnce(&mut Client) -> Result<(), Problem>,
{
    let mut interrupts = Interrupts::listen(global.until_stdin_closes)?;
    let Manner { farewell, cap } = manner;
    let interrupted = || farewell.clone().unwrap_or_else(|| Problem::new(Exit::Interrupted, "Stopped."));
    let mut client = tokio::select! {
        client = Client::start(global, out, cap) => client?,
        () = interrupts.next() => return Err(interrupted()),
    };
    let result = tokio::select! {
        result = body(&mut client) => result,
        () = interrupts.next() => Err(interrupted()),
    };
    tokio::select! {
        () = client.close() => {}
        () = interrupts.next() => {}
    }
    result
}

/// One thread for everything that a command does, beside the blocking ones of the engine.
fn block_on<T>(future: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Problem::new(Exit::Failed, format!("No threads could be started: {error}.")))?;
    let result = runtime.block_on(future);
    // A blocking read or a large hash must not hold up the end.
    runtime.shutdown_background();
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ctrl_c_is_a_good_end_only_where_nothing_is_left_undone() {
        let farewell_of = |line: &str| {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            farewell(&cli.command.unwrap()).map(|problem| problem.exit)
        };
        assert_eq!(farewell_of("landline history bob --follow"), Some(Exit::Ok));
        assert_eq!(farewell_of("landline history bob"), None);
        assert_eq!(farewell_of("landline send a bob"), Some(Exit::Interrupted));
        assert_eq!(farewell_of("landline get a"), Some(Exit::Interrupted));
        assert_eq!(farewell_of("landline resume a"), Some(Exit::Interrupted));
    }
}
