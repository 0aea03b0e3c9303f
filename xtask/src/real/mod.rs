//! Real processes on a network of their own: a coordinator, alice and bob, as people run them.
//!
//! Bytes are counted by the kernel's packet filter, memory is read from `/proc`, files are compared
//! by `cmp`: nothing here believes what the programs say about themselves, save for their exit
//! codes and sentences.

mod faults;
mod firewall;
mod folders;
mod interrupted;
mod large;
mod namespace;
mod process;
mod refusals;
mod several;
mod streams;
mod transfer;
mod world;

use std::path::Path;

use anyhow::{Result, bail};

pub(crate) use namespace::{forbidden, missing_tools};
pub(crate) use process::{Ended, Process};
use world::World;
pub(crate) use world::{random_file, same};

use crate::step::{Outcome, Step};

/// Every scenario.
pub(crate) fn steps() -> Vec<Step> {
    vec![
        scenario("three files", transfer::three_files),
        scenario("mixed folder", folders::mixed_folder),
        scenario("picked files", folders::picked_files),
        scenario("stream", streams::stream),
        scenario("limits", streams::limits),
        scenario("pause", streams::pause),
        scenario("sender leaves", several::sender_leaves),
        scenario("several recipients", several::several_recipients),
        scenario("names taken", several::conflicts),
        scenario("sparse file", large::sparse_file),
        office("many files", |top| large::many_files(&World::in_memory(top)?)),
        office("one-way firewall", firewall::one_way),
        office("address changes", firewall::address_changes),
        scenario("receiver killed", interrupted::receiver_killed),
        scenario("sender killed", interrupted::sender_killed),
        scenario("coordinator stopped", interrupted::coordinator_stopped),
        scenario("wrong password", refusals::wrong_password),
        scenario("coordinator key changed", refusals::coordinator_key_changed),
        scenario("peer key changed", refusals::peer_key_changed),
        scenario("profile in use", refusals::profile_in_use),
        scenario("no display", refusals::no_display),
        scenario("disk full", faults::disk_full),
        scenario("file vanishes", faults::file_vanishes),
        scenario("file changes", faults::file_changes),
    ]
}

/// A scenario gets a world of its own, where the system allows making one.
fn scenario(name: &str, work: fn(&World) -> Result<String>) -> Step {
    office(name, move |top| work(&World::new(top)?))
}

/// A scenario that builds its own network.
fn office(name: &str, work: impl Fn(&Path) -> Result<String> + 'static) -> Step {
    Step::new(format!("real: {name}"), move |top: &Path| {
        match namespace::missing_tools() {
            Some(why) if crate::setup::strict() => bail!(why),
            Some(why) => return Ok(Outcome::Skipped(why)),
            None => {}
        }
        match namespace::forbidden() {
            Some(why) => Ok(Outcome::Skipped(why.to_owned())),
            None => Ok(Outcome::Passed(work(top)?)),
        }
    })
}
