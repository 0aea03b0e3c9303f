//! A coordinator and people around it, in a temporary folder and a network of their own.

use std::cell::RefCell;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::namespace::Namespace;
use super::process::{Ended, Process};
use crate::command::{self, program};

/// Where the coordinator of every world listens.
pub(crate) const COORDINATOR: &str = "127.0.0.1:4810";
/// Its port.
pub(super) const COORDINATOR_PORT: u16 = 4810;

/// One scenario's surroundings. Dropping it ends every process and removes every file.
pub(crate) struct World {
    coordinator: RefCell<Option<Process>>,
    landline: PathBuf,
    pub(super) net: Namespace,
    folder: TempDir,
}

/// Somebody with a profile, a download folder and a port for files.
pub(crate) struct Person<'world> {
    world: &'world World,
    name: String,
    /// Where this person's file server listens.
    pub(crate) port: u16,
}

impl World {
    /// An empty one; nobody runs yet.
    pub(super) fn new(top: &Path) -> Result<Self> {
        Self::within(top, tempfile::tempdir()?)
    }

    /// One whose files are in memory, for very many of them.
    pub(super) fn in_memory(top: &Path) -> Result<Self> {
        Self::within(top, tempfile::tempdir_in("/dev/shm")?)
    }

    fn within(top: &Path, folder: TempDir) -> Result<Self> {
        let (coordinator, landline) = (RefCell::new(None), program(top, "landline"));
        Ok(Self { coordinator, landline, net: Namespace::new()?, folder })
    }

    /// A path in the world's own folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program, away from the tester's own desktop and home.
    pub(crate) fn landline(&self) -> Command {
        let mut command = self.net.command(&self.landline);
        command.env("HOME", self.folder.path()).env("TMPDIR", self.folder.path());
        command.env("DBUS_SESSION_BUS_ADDRESS", "disabled:").env("LANDLINE_SECRETS", "file");
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("RUST_BACKTRACE");
        command
    }

    /// Starts a coordinator with its data in the folder of that name, open to everyone, and waits
    /// until it listens.
    pub(crate) fn coordinator(&self, data: &str) -> Result<()> {
        let mut command = self.landline();
        command.args(["host", "--json", "--open", "--at", COORDINATOR, "--data"]).arg(self.path(data));
        let mut process = Process::start("the coordinator", &mut command, "")?;
        process.until_record("hosting", |record| record["address"].as_str().map(str::to_owned))?;
        *self.coordinator.borrow_mut() = Some(process);
        Ok(())
    }

    /// Ends the coordinator at once.
    pub(crate) fn kill_coordinator(&self) -> Result<()> {
        let mut process = self.coordinator.take().context("no coordinator runs")?;
        process.kill()
    }

    /// Asks the coordinator to end, and waits until it has.
    pub(crate) fn stop_coordinator(&self) -> Result<()> {
        let process = self.coordinator.take().context("no coordinator runs")?;
        process.terminate()?;
        process.wait().map(drop)
    }

    /// A new person with an account.
    pub(crate) fn person(&self, name: &str, port: u16) -> Result<Person<'_>> {
        let person = Person { world: self, name: name.to_owned(), port };
        person.run_with(&["sign-up", COORDINATOR, name], &person.password())?.expect(0)?;
        Ok(person)
    }

    /// A file of so many random bytes.
    pub(crate) fn file(&self, name: &str, size: u64) -> Result<PathBuf> {
        random_file(&self.path(name), size)
    }
}

impl Person<'_> {
    /// What this person types at a password prompt.
    pub(crate) fn password(&self) -> String {
        format!("{} has a long password\n", self.name)
    }

    /// Where accepted files go.
    pub(crate) fn downloads(&self) -> PathBuf {
        self.world.path(&format!("{} downloads", self.name))
    }

    /// The command line, on this person's profile.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.landline();
        command.arg("--json").arg("--profile").arg(self.world.path(&self.name));
        command.arg("--downloads").arg(self.downloads());
        command.arg("--listen").arg(format!("127.0.0.1:{}", self.port));
        command.args(arguments);
        command
    }

    /// Starts a subcommand.
    pub(crate) fn start(&self, arguments: &[&str]) -> Result<Process> {
        let name = format!("{}'s `{}`", self.name, arguments.join(" "));
        Process::start(&name, &mut self.command(arguments), "")
    }

    /// Runs a subcommand to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Ended> {
        self.start(arguments)?.wait()
    }

    /// The same, with something to read.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Result<Ended> {
        let name = format!("{}'s `{}`", self.name, arguments.join(" "));
        Process::start(&name, &mut self.command(arguments), input)?.wait()
    }

    /// Offers files to someone, and waits until all are offered and hashed.
    pub(crate) fn offer(&self, files: &[&Path], to: &str) -> Result<Process> {
        let mut arguments = vec!["send"];
        arguments.extend(files.iter().filter_map(|path| path.to_str()));
        arguments.extend(["--to", to]);
        let mut process = self.start(&arguments)?;
        for file in files {
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
            process
                .until_record("offer", |offer| (offer["name"].as_str() == name.as_deref()).then_some(()))?;
        }
        Ok(process)
    }

    /// Fails unless the file arrived byte for byte.
    pub(crate) fn has(&self, original: &Path) -> Result<()> {
        let name = original.file_name().context("a file has a name")?;
        same(original, &self.downloads().join(name))
    }
}

/// Writes so many random bytes.
pub(crate) fn random_file(path: &Path, size: u64) -> Result<PathBuf> {
    let mut random = File::open("/dev/urandom")?.take(size);
    std::io::copy(&mut random, &mut File::create(path)?)?;
    Ok(path.to_owned())
}

/// Fails unless two files are the same, by `cmp`.
pub(crate) fn same(one: &Path, other: &Path) -> Result<()> {
    ensure!(other.exists(), "{} is not there", other.display());
    command::output(Command::new("cmp").arg(one).arg(other)).map(drop)
}
