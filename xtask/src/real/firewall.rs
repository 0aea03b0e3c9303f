//! Machines that can be dialled from one side only, and machines whose address changes.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use tempfile::TempDir;

use super::process::{Ended, Process};
use super::world::{random_file, same};
use crate::command::{self, program};
use crate::lan::{HUB, Lan};

/// Fast enough to be no matter.
const MEGABITS: u32 = 2_000;
const ALICE: usize = 0;
const BOB: usize = 1;

/// Two people on machines of their own, and a coordinator between them.
struct Office {
    landline: std::path::PathBuf,
    lan: Lan,
    folder: TempDir,
    _coordinator: Process,
}

impl Office {
    fn open(top: &Path) -> Result<Self> {
        let (lan, folder) = (Lan::new(2, MEGABITS)?, tempfile::tempdir()?);
        let landline = program(top, "landline");
        let mut host = private(lan.at_hub(&landline), folder.path());
        host.args(["host", "--json", "--open", "--at", &format!("{HUB}:4810"), "--data"]);
        let mut coordinator = Process::start("the coordinator", host.arg(folder.path().join("data")), "")?;
        coordinator.until_record("hosting", |record| record["address"].as_str().map(str::to_owned))?;
        let office = Self { landline, lan, folder, _coordinator: coordinator };
        for (machine, name) in [(ALICE, "alice"), (BOB, "bob")] {
            let mut sign_up = office.command(machine, &["sign-up", &format!("{HUB}:4810"), name]);
            Process::start(name, &mut sign_up, "a long password\n")?.wait()?.expect(0)?;
        }
        Ok(office)
    }

    /// The command line on somebody's machine, listening at every address it has.
    fn command(&self, machine: usize, arguments: &[&str]) -> Command {
        let mut command = private(self.lan.on(machine, &self.landline), self.folder.path());
        command.arg("--json").arg("--profile").arg(self.folder.path().join(machine.to_string()));
        command.arg("--downloads").arg(self.downloads(machine)).args(["--listen", "0.0.0.0:5000"]);
        command.args(arguments);
        command
    }

    fn downloads(&self, machine: usize) -> std::path::PathBuf {
        self.folder.path().join(format!("downloads {machine}"))
    }

    fn start(&self, machine: usize, arguments: &[&str]) -> Result<Process> {
        Process::start(&arguments.join(" "), &mut self.command(machine, arguments), "")
    }

    /// Alice offers a file to bob, and is ready to serve it.
    fn offer(&self, file: &Path) -> Result<Process> {
        let mut sending = self.start(ALICE, &["send", &file.to_string_lossy(), "--to", "bob"])?;
        sending.until_record("offer", |_| Some(()))?;
        Ok(sending)
    }

    fn get(&self) -> Result<Ended> {
        self.start(BOB, &["get", "--wait", "--give-up", "60"])?.wait()?.expect(0)
    }

    fn network(&self, machine: usize, program: &str, words: &str) -> Result<()> {
        command::output(self.lan.on(machine, program).args(words.split(' '))).map(drop)
    }
}

/// Away from the tester's own desktop and home.
fn private(mut command: Command, home: &Path) -> Command {
    command.env("HOME", home).env("LANDLINE_SECRETS", "file").env("DBUS_SESSION_BUS_ADDRESS", "disabled:");
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    command
}

/// Nobody can dial alice, whose firewall says nothing: she dials bob instead.
pub(super) fn one_way(top: &Path) -> Result<String> {
    let office = Office::open(top)?;
    for words in [
        "add table inet wall",
        "add chain inet wall in { type filter hook input priority 0 ; }",
        "add rule inet wall in iifname eth0 ct state new tcp flags syn counter drop",
    ] {
        office.network(ALICE, "nft", words)?;
    }
    let file = random_file(&office.folder.path().join("large.bin"), 64 << 20)?;
    let _sending = office.offer(&file)?;
    office.get()?;
    same(&file, &office.downloads(BOB).join("large.bin"))?;
    let rules = command::output(office.lan.on(ALICE, "nft").args(["list", "ruleset"]))?;
    let dropped = rules.split("packets ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or("0");
    ensure!(dropped != "0", "nothing met the firewall: this shows nothing");
    Ok(format!("64 MiB came although {dropped} attempts to dial were dropped"))
}

/// Alice's address changes in the middle, as when a cable is replaced by wireless.
pub(super) fn address_changes(top: &Path) -> Result<String> {
    let office = Office::open(top)?;
    let file = random_file(&office.folder.path().join("large.bin"), 256 << 20)?;
    let _sending = office.offer(&file)?;
    let mut getting = office.start(BOB, &["get", "--wait", "--give-up", "60", "--limit", "20M"])?;
    let before =
        getting.until_record("progress", |one| one["bytes"].as_u64().filter(|&bytes| bytes > 32 << 20))?;
    let old = Lan::address(ALICE);
    office.network(ALICE, "ip", &format!("address del {old}/24 dev eth0"))?;
    office.network(ALICE, "ip", "address add 10.77.0.99/24 dev eth0")?;
    getting.wait()?.expect(0)?;
    same(&file, &office.downloads(BOB).join("large.bin"))?;
    Ok(format!("moved after {} of 256 MiB, and went on", before >> 20))
}
