//! `host`: a coordinator in this process, without a window.

use std::io;

use landline_coordinator::settings::{Flags, SettingsError, resolve};
use landline_coordinator::{Config, Coordinator, Registration, StartError, reachable_at};

use super::args::{self, Global};
use super::exit::{Exit, Problem, sentence};
use super::interrupt::Interrupts;
use super::output::Out;
use super::record::{Hosting, Record};
use super::text;

/// Runs until it is told to stop.
pub(crate) async fn run(global: &Global, args: &args::Host, out: Out) -> Result<(), Problem> {
    let mut interrupts = Interrupts::listen(global.until_stdin_closes)?;
    let mut config = config(args)?;
    config.fit_descriptors();
    let coordinator = Coordinator::start(config).await?;
    announce(&coordinator, out)?;
    interrupts.next().await;
    tokio::select! {
        () = coordinator.shutdown() => {}
        () = interrupts.next() => {}
    }
    Ok(())
}

fn config(args: &args::Host) -> Result<Config, Problem> {
    let flags = Flags {
        config: args.config.clone(),
        listen: args.at.map(|at| at.ip()),
        port: args.at.map(|at| at.port()),
        data_dir: args.data.clone(),
        registration: args.open.then_some(Registration::Open),
        heartbeat: args.heartbeat,
        timeout: args.heartbeat_timeout,
    };
    resolve(&flags).map_err(|error| match error {
        SettingsError::NoDataDir => Problem::usage(
            "This system names no home directory to keep the coordinator's data in: choose one with --data DIR.",
        ),
        error => Problem::usage(sentence(&error.to_string())),
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
    use std::net::SocketAddr;
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;

    fn host(data: PathBuf, at: SocketAddr) -> args::Host {
        args::Host { data: Some(data), at: Some(at), ..args::Host::default() }
    }

    async fn refused(args: &args::Host) -> Problem {
        let started = Coordinator::start(config(args).unwrap()).await;
        started.err().map(Problem::from).unwrap()
    }

    #[tokio::test]
    async fn a_second_coordinator_on_the_same_data_or_port_is_told_why_not() {
        let data = tempfile::tempdir().unwrap();
        let first = host(data.path().join("one"), ([127, 0, 0, 1], 0).into());
        let running = Coordinator::start(config(&first).unwrap()).await.unwrap();
        assert_eq!(refused(&first).await.exit, Exit::Locked);
        let same_port = refused(&host(data.path().join("two"), running.address())).await;
        assert!(same_port.text.contains("--at"), "{same_port}");
        running.shutdown().await;
    }

    #[test]
    fn settings_come_from_the_coordinators_file_and_arguments_go_first() {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("coordinator.toml"), "heartbeat = 2\ntimeout = 3\nport = 4000\n")
            .unwrap();
        let at: SocketAddr = ([127, 0, 0, 1], 5000).into();
        let config_of = |args: &args::Host| config(args).unwrap();
        let found = config_of(&host(data.path().into(), at));
        assert_eq!((found.listen, found.heartbeat), (at, Duration::from_secs(2)));
        let unasked = args::Host { data: Some(data.path().into()), ..args::Host::default() };
        assert_eq!(config_of(&unasked).listen.port(), 4000);
        let wrong = args::Host { heartbeat: Some(9), ..unasked };
        assert_eq!(config(&wrong).unwrap_err().exit, Exit::Usage);
    }
}
