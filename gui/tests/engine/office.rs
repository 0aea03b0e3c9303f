//! A coordinator in this process that can be stopped, started and set back.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};

use landline_coordinator::{Clock, Config, Coordinator, Registration};
use landline_peer::api::Target;
use landline_protocol::DeviceId;

use crate::person::{Machine, Person};

/// Where coordinators listen: an address each, so that nothing takes a port while one is stopped.
static NEXT_HOST: AtomicU8 = AtomicU8::new(1);

pub(crate) struct Office {
    pub(crate) data: PathBuf,
    pub(crate) clock: Clock,
    pub(crate) address: SocketAddr,
    pub(crate) running: Option<Coordinator>,
    _home: tempfile::TempDir,
}

impl Office {
    pub(crate) async fn open() -> Self {
        Self::with_clock(Clock::system()).await
    }

    pub(crate) async fn with_clock(clock: Clock) -> Self {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        Self::set_up(home, data, clock).await
    }

    /// With its data in a directory of somebody else.
    pub(crate) async fn in_directory(data: PathBuf) -> Self {
        Self::set_up(tempfile::tempdir().unwrap(), data, Clock::system()).await
    }

    async fn set_up(home: tempfile::TempDir, data: PathBuf, clock: Clock) -> Self {
        let host = Ipv4Addr::new(127, 77, 0, NEXT_HOST.fetch_add(1, Ordering::Relaxed));
        let address = SocketAddr::from((host, 0));
        let mut office = Self { data, clock, address, running: None, _home: home };
        office.start().await;
        office
    }

    /// Starts where it was before, on whatever is in its data directory.
    pub(crate) async fn start(&mut self) {
        let mut config = Config::new(&self.data);
        config.listen = self.address;
        config.registration = Registration::Open;
        let coordinator = Coordinator::start_with_clock(config, self.clock.clone()).await.unwrap();
        self.address = coordinator.address();
        self.running = Some(coordinator);
    }

    pub(crate) async fn stop(&mut self) {
        self.running.take().expect("it runs").shutdown().await;
    }

    pub(crate) fn device(&self) -> DeviceId {
        self.running.as_ref().expect("it runs").device()
    }

    /// As a person types it.
    pub(crate) fn target(&self) -> Target {
        Target::Address(self.address.to_string())
    }

    /// Somebody new, signed up and connected.
    pub(crate) async fn person(&self, name: &str) -> Person {
        self.person_on(name, Machine::default()).await
    }

    pub(crate) async fn person_on(&self, name: &str, machine: Machine) -> Person {
        let mut person = Person::start(name, machine).await;
        person.sign_up(self.target()).await.unwrap();
        person.is_connected().await;
        person
    }

    /// Another machine of somebody who is here already.
    pub(crate) async fn other_machine_of(&self, person: &Person) -> Person {
        let mut other = Person::start(person.name.as_str(), Machine::default()).await;
        other.sign_in(self.target()).await.unwrap();
        other.is_connected().await;
        other
    }
}

/// Copies a data directory, private as it is.
pub(crate) fn copy_directory(from: &Path, to: &Path) {
    landline_trust::private_file::private_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
