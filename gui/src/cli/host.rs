//! `host`: a coordinator in this process, without a window.

use std::path::PathBuf;

use landline_coordinator::Coordinator;
use landline_coordinator::config::{Config, Registration};

use super::args::{self, Global};
use super::exit::{Exit, Problem};
use super::interrupt::Interrupts;
use super::output::Out;
use super::record::Record;

/// Runs until it is told to stop.
pub(crate) async fn run(global: &Global, args: &args::Host, out: Out) -> Result<(), Problem> {
    let mut interrupts = Interrupts::listen(global.until_stdin_closes)?;
    let coordinator = Coordinator::start(config(args)?)
        .await
        .map_err(|error| Problem::new(Exit::Failed, format!("The coordinator did not start: {error}.")))?;
    announce(&coordinator, out)?;
    interrupts.next().await;
    tokio::select! {
        () = coordinator.shutdown() => {}
        () = interrupts.next() => {}
    }
    Ok(())
}

fn config(args: &args::Host) -> Result<Config, Problem> {
    let mut config = Config::new(data_dir(args)?);
    config.listen = args.at;
    config.registration = if args.open { Registration::Open } else { Registration::Invite };
    Ok(config)
}

fn data_dir(args: &args::Host) -> Result<PathBuf, Problem> {
    args.data.clone().or_else(Config::default_data_dir).ok_or_else(|| {
        Problem::usage("This system names no home directory to keep the coordinator's data in: choose one with --data DIR.")
    })
}

/// Everything that people need in order to join.
fn announce(coordinator: &Coordinator, out: Out) -> Result<(), Problem> {
    let address = coordinator.address().to_string();
    let key = coordinator.device();
    let invite = coordinator.first_invite().map(|link| link.to_string());
    let first = invite.as_ref().map(|link| {
        format!(
            "\nThe first person joins with this invite and becomes the admin:\n  {link}\n\
             Paste it into the window, or into `landline sign-up --invite NAME`."
        )
    });
    let fingerprint = key.fingerprint();
    let text = format!(
        "Hosting at {address}\nIts key is {fingerprint}{}\nCtrl-C stops it.",
        first.unwrap_or_default()
    );
    out.record(&Record::Hosting { address, key: key.to_string(), fingerprint, invite }, &text)
}
