//! `host`: a coordinator in this process, without a window.

use std::path::PathBuf;

use landline_coordinator::config::{Config, Registration};
use landline_coordinator::{Coordinator, reachable_at};

use super::args::{self, Global};
use super::exit::{Exit, Problem};
use super::interrupt::Interrupts;
use super::output::Out;
use super::record::{Hosting, Record};
use super::text;

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
    let addresses: Vec<String> =
        reachable_at(coordinator.address()).iter().map(ToString::to_string).collect();
    let key = coordinator.device();
    let hosting = Hosting {
        address: addresses.first().cloned().unwrap_or_else(|| coordinator.address().to_string()),
        addresses,
        key: key.to_string(),
        fingerprint: key.fingerprint(),
        invite: coordinator.first_invite().map(|link| link.to_string()),
    };
    let text = text::hosting(&hosting);
    out.record(&Record::Hosting(hosting), &text)
}
