//! Ten thousand small files, in memory: creating a file on disk costs more than sending it.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::Result;

use super::big::{Run, rounds, weigh};
use super::figures::{Row, Sample};
use super::landline::{Sharing, fetch, received};
use super::peers::{self, tell_command};
use super::{Ground, clear, content, measure};

/// What ratios go by.
pub(super) const YARDSTICK: &str = "rsync";

const COUNT: usize = 10_000;
const BYTES: usize = 16 * 1024;

/// Every subject in turn, round after round.
pub(super) fn measure(ground: &Ground) -> Result<Vec<Row>> {
    eprintln!("small-files: {COUNT} files of {BYTES} bytes, from memory to memory");
    let work = ground.memory.path();
    let source = work.join("files");
    let names = content::small_files(&source, COUNT, BYTES)?;
    let into = work.join("received");
    std::fs::create_dir_all(&into)?;
    let to = received(&into, &source);

    let sharing = Sharing::if_wanted(ground, &source, &into)?;
    let tls = peers::nginx(work, work, true)?;
    let rsync = peers::rsync(work, work)?;
    let list = work.join("list");
    std::fs::write(&list, curl_list(tls.port, &names)?)?;
    let curl = |parallel| tls.curl_list(true, &list, &into, parallel);
    let tar = || {
        let mut tar = Command::new("sh");
        tar.args(["-c", "tar -C \"$1\" -cf - files | tar -C \"$2\" -xf -", "sh"]).arg(work).arg(&into);
        tar
    };
    tell_command(&curl(false));
    tell_command(&curl(true));
    tell_command(&rsync.rsync_client("files", &into));
    tell_command(&tar());

    let subjects: Vec<(&'static str, Run<'_>)> = vec![
        ("landline", Box::new(|| fetch(ground, sharing.as_ref(), &into, &[]))),
        ("rsync", Box::new(|| weigh(&rsync, &mut rsync.rsync_client("files", &into)))),
        ("nginx-tls-curl", Box::new(|| weigh(&tls, &mut curl(false)))),
        ("nginx-tls-curl-16", Box::new(|| weigh(&tls, &mut curl(true)))),
        ("tar-pipe", Box::new(|| alone(&mut tar()))),
    ];
    let bytes = (COUNT * BYTES) as u64;
    let rows = rounds(ground, "small-files", bytes, subjects, || {
        content::same(&source, &to)?;
        clear(&to)
    });
    clear(&source)?;
    rows
}

/// A program that is both ends.
fn alone(command: &mut Command) -> Result<Sample> {
    let (cost, _) = measure::run(command)?;
    Ok(Sample {
        seconds: cost.seconds,
        bytes: 0,
        cpu_seconds: cost.cpu_seconds,
        peak_mib: (cost.peak_mib, cost.peak_mib),
        finish_seconds: None,
    })
}

fn curl_list(port: u16, names: &[String]) -> Result<String> {
    let mut list = String::from("create-dirs\n");
    for name in names {
        writeln!(list, "url = \"https://127.0.0.1:{port}/files/{name}\"\noutput = \"files/{name}\"")?;
    }
    Ok(list)
}
