//! A LAN in network namespaces: a switch in the middle, and machines behind links of a given rate.

use std::ffi::OsStr;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command;

/// The address of the hub, where the coordinator or tracker runs. Its own link is not limited.
pub(crate) const HUB: &str = "10.77.0.1";

/// What the namespaces are called, before the process that made them.
const PREFIX: &str = "landline-lan";

/// The namespaces; they go when dropped, with everything in them.
pub(crate) struct Lan {
    prefix: String,
    machines: usize,
}

impl Lan {
    /// So many machines, each with a link of so many megabits a second in either direction.
    pub(crate) fn new(machines: usize, megabits: u32) -> Result<Self> {
        sweep();
        let lan = Self { prefix: format!("{PREFIX}{}", std::process::id()), machines };
        lan.build(megabits).map(|()| lan).context("a LAN of namespaces needs root, ip and tc")
    }

    fn build(&self, megabits: u32) -> Result<()> {
        let hub = self.hub_name();
        ip(&["netns", "add", &hub])?;
        ip(&["-n", &hub, "link", "set", "lo", "up"])?;
        ip(&["-n", &hub, "link", "add", "br0", "type", "bridge"])?;
        ip(&["-n", &hub, "address", "add", &format!("{HUB}/24"), "dev", "br0"])?;
        ip(&["-n", &hub, "link", "set", "br0", "up"])?;
        (0..self.machines).try_for_each(|number| self.plug_in(&hub, number, megabits))
    }

    fn plug_in(&self, hub: &str, number: usize, megabits: u32) -> Result<()> {
        let (machine, port) = (self.name(number), format!("port{number}"));
        ip(&["netns", "add", &machine])?;
        ip(&["-n", hub, "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &machine])?;
        ip(&["-n", hub, "link", "set", &port, "master", "br0", "up"])?;
        ip(&["-n", &machine, "link", "set", "lo", "up"])?;
        ip(&["-n", &machine, "address", "add", &format!("{}/24", Self::address(number)), "dev", "eth0"])?;
        ip(&["-n", &machine, "link", "set", "eth0", "up"])?;
        limit(hub, &port, megabits)?;
        limit(&machine, "eth0", megabits)
    }

    /// Where a machine is reached.
    pub(crate) fn address(number: usize) -> String {
        format!("10.77.0.{}", 10 + number)
    }

    /// A program that will run on a machine. `ip` becomes that program, so that the process is its.
    pub(crate) fn on(&self, number: usize, program: impl AsRef<OsStr>) -> Command {
        inside(&self.name(number), program)
    }

    /// A program that will run at the hub.
    pub(crate) fn at_hub(&self, program: impl AsRef<OsStr>) -> Command {
        inside(&self.hub_name(), program)
    }

    /// Bytes that a machine has sent, headers included.
    pub(crate) fn sent(&self, number: usize) -> Result<u64> {
        let mut show = Command::new("ip");
        show.args(["-n", &self.name(number), "-j", "-s", "link", "show", "eth0"]);
        let links: Value = serde_json::from_str(&command::output(&mut show)?)?;
        links[0]["stats64"]["tx"]["bytes"].as_u64().context("no counter")
    }

    fn name(&self, number: usize) -> String {
        format!("{}-{number}", self.prefix)
    }

    fn hub_name(&self) -> String {
        format!("{}-hub", self.prefix)
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        let machines = (0..self.machines).map(|number| self.name(number));
        for name in machines.chain([self.hub_name()]) {
            let _ = ip(&["netns", "del", &name]);
        }
    }
}

/// Removes what a run left that was itself killed.
fn sweep() {
    let Ok(folder) = std::fs::read_dir("/run/netns") else { return };
    for name in folder.filter_map(|entry| entry.ok()?.file_name().into_string().ok()) {
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('-'));
        let is_left = owner.is_some_and(|(pid, _)| {
            pid.parse::<u32>().is_ok() && !std::path::Path::new("/proc").join(pid).exists()
        });
        if is_left {
            let _ = ip(&["netns", "del", &name]);
        }
    }
}

fn inside(namespace: &str, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).arg(program);
    command
}

/// A token bucket on what leaves by a device, as `tc` is told; a queue of at most 50 ms, as a switch has.
pub(crate) fn link(megabits: u32) -> String {
    format!("tbf rate {megabits}mbit burst 128kb latency 50ms")
}

fn limit(namespace: &str, device: &str, megabits: u32) -> Result<()> {
    let mut tc = Command::new("tc");
    tc.args(["-n", namespace, "qdisc", "replace", "dev", device, "root"]);
    tc.args(link(megabits).split(' '));
    command::output(&mut tc).map(drop)
}

fn ip(arguments: &[&str]) -> Result<()> {
    command::output(Command::new("ip").args(arguments)).map(drop)
}
