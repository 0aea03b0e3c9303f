//! One large file: to disk, to memory, and what many sources, resuming and verification cost.

use std::path::Path;

use anyhow::Result;

use super::figures::{Row, Sample};
use super::landline::{Sharing, fetch};
use super::peers::{self, Peer, tell_command};
use super::{Ground, clear, content, measure, settle};

/// What ratios go by.
pub(super) const YARDSTICK: &str = "nginx-tls-curl";

/// To a file on disk.
pub(super) fn to_disk(ground: &Ground) -> Result<Vec<Row>> {
    all(ground, "big-file-to-disk", ground.disk.path())
}

/// To a file in memory.
pub(super) fn to_memory(ground: &Ground) -> Result<Vec<Row>> {
    all(ground, "big-file-to-memory", ground.memory.path())
}

pub(super) type Run<'a> = Box<dyn Fn() -> Result<Sample> + 'a>;

/// Every subject in turn, round after round, so that a slow minute of the machine hits all alike.
fn all(ground: &Ground, case: &'static str, place: &Path) -> Result<Vec<Row>> {
    eprintln!("{case}: one file of {} MiB from memory", ground.mib);
    let source = ground.memory.path().join("source");
    let file = content::big_file(&source, ground.mib)?;
    let into = place.join("received");
    std::fs::create_dir_all(&into)?;
    let bytes = ground.mib << 20;

    let sharing = Sharing::if_wanted(ground, &file, &into)?;
    let tls = peers::nginx(ground.memory.path(), &source, true)?;
    let plain = peers::nginx(ground.memory.path(), &source, false)?;
    let python = peers::python(&source)?;
    let rsync = peers::rsync(ground.memory.path(), &source)?;
    let iperf = peers::iperf()?;
    let to = into.join("big.bin");
    tell_command(&tls.curl(true, "big.bin", &to));
    tell_command(&plain.curl(false, "big.bin", &to));
    tell_command(&python.curl(false, "big.bin", &to));
    tell_command(&rsync.rsync_client("big.bin", &to));
    tell_command(&iperf.iperf_client(bytes));

    let subjects: Vec<(&'static str, Run<'_>)> = vec![
        ("landline", Box::new(|| fetch(ground, sharing.as_ref(), &into, &[]))),
        (YARDSTICK, Box::new(|| weigh(&tls, &mut tls.curl(true, "big.bin", &to)))),
        ("nginx-curl", Box::new(|| weigh(&plain, &mut plain.curl(false, "big.bin", &to)))),
        ("python-http-curl", Box::new(|| weigh(&python, &mut python.curl(false, "big.bin", &to)))),
        ("rsync", Box::new(|| weigh(&rsync, &mut rsync.rsync_client("big.bin", &to)))),
        ("iperf3", Box::new(|| weigh(&iperf, &mut iperf.iperf_client(bytes)))),
    ];
    let rows = rounds(ground, case, bytes, subjects, || {
        let arrived = to.exists();
        if arrived {
            content::same(&file, &to)?;
        }
        clear(&to)?;
        settle()
    });
    clear(&source)?;
    rows
}

pub(super) fn rounds(
    ground: &Ground,
    case: &'static str,
    bytes: u64,
    subjects: Vec<(&'static str, Run<'_>)>,
    between: impl Fn() -> Result<()>,
) -> Result<Vec<Row>> {
    let mut rows: Vec<(Row, Run<'_>)> = subjects
        .into_iter()
        .filter(|(subject, _)| ground.wants(subject))
        .map(|(subject, run)| (Row { case, subject, samples: Vec::new() }, run))
        .collect();
    let _warm = content::Warmth::of(ground.memory.path(), bytes)?;
    for round in 1..=ground.runs {
        // Each begins a round in its turn: what the run before leaves behind favours nobody.
        let first = (round - 1) % rows.len().max(1);
        let (before, after) = rows.split_at_mut(first);
        for (row, run) in after.iter_mut().chain(before) {
            let mut sample = run()?;
            if sample.bytes == 0 {
                sample.bytes = bytes;
            }
            eprintln!("    round {round}: {} {:.3} s", row.subject, sample.seconds);
            row.samples.push(sample);
            between()?;
        }
    }
    Ok(rows.into_iter().map(|(row, _)| row).collect())
}

/// Runs a client and weighs it together with its server.
pub(super) fn weigh(peer: &Peer, client: &mut std::process::Command) -> Result<Sample> {
    let before = peer.server.cpu()?;
    let (cost, _) = measure::run(client)?;
    Ok(Sample {
        seconds: cost.seconds,
        bytes: 0,
        cpu_seconds: cost.cpu_seconds + peer.server.cpu()? - before,
        peak_mib: (peer.server.peak_mib(), cost.peak_mib),
        finish_seconds: None,
    })
}
