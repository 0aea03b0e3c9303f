//! `host`: a coordinator in this process, without a window.

use std::io;
use std::path::PathBuf;

use landline_coordinator::config::{Config, Registration};
use landline_coordinator::{Coordinator, StartError, reachable_at};

use super::args::{self, Global};
use super::exit::{Exit, Problem, sentence};
use super::interrupt::Interrupts;
use super::output::Out;
use super::record::{Hosting, Record};
use super::text;

/// Runs until it is told to stop.
pub(crate) async fn run(global: &Global, args: &args::Host, out: Out) -> Result<(), Problem> {
    let mut interrupts = Interrupts::listen(global.until_stdin_closes)?;
    let coordinator = Coordinator::start(config(args)?).await?;
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

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Locked(_) => Self::new(Exit::Locked, sentence(&error.to_string())),
            StartError::Listen { address, error } if error.kind() == io::ErrorKind::AddrInUse => {
                let text =
                    format!("Another program listens on {address}: stop it, or choose a place with --at.");
                Self::new(Exit::Failed, text)
            }
            error => Self::new(Exit::Failed, sentence(&error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_coordinator_on_the_same_data_or_port_is_told_why_not() {
        let data = tempfile::tempdir().unwrap();
        let first =
            args::Host { data: Some(data.path().join("one")), at: ([127, 0, 0, 1], 0).into(), open: false };
        let running = Coordinator::start(config(&first).unwrap()).await.unwrap();
        let same_data = Coordinator::start(config(&first).unwrap()).await.err().map(Problem::from).unwrap();
        assert_eq!(same_data.exit, Exit::Locked);
        let same_port =
            args::Host { data: Some(data.path().join("two")), at: running.address(), open: false };
        let same_port =
            Coordinator::start(config(&same_port).unwrap()).await.err().map(Problem::from).unwrap();
        assert!(same_port.text.contains("--at"), "{same_port}");
        running.shutdown().await;
    }
}
