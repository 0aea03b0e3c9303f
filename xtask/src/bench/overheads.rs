//! Landline alone in other circumstances than the best: two sources, half of it here already, nothing
//! verified. Where both ends share the processors, everything that is done costs time; over a link, only
//! what cannot be done meanwhile.

use anyhow::Result;

use super::big::{Run, rounds};
use super::figures::{Row, Sample};
use super::landline::{End, Sharing, received};
use super::{Ground, clear, content};
use crate::lan::{Lan, link};

/// The links that most people have.
const MEGABITS: u32 = 1000;
/// What goes over them, at most: nine seconds of it.
const LINK_MIB: u64 = 1024;

pub(super) fn measure(ground: &Ground) -> Result<[Vec<Row>; 2]> {
    eprintln!("overheads: one file of {} MiB, from memory to memory", ground.mib);
    let here = ground.end();
    let unlimited = case(ground, "overheads", ground.mib, [here; 3])?;
    let mib = ground.mib.min(LINK_MIB);
    eprintln!(
        "overheads-on-links: {mib} MiB, three machines, {MEGABITS} Mbit/s each way: {}",
        link(MEGABITS)
    );
    let lan = Lan::new(3, MEGABITS)?;
    let on_lan = [0, 1, 2].map(|number| End { machine: Some((&lan, number)), ..here });
    Ok([unlimited, case(ground, "overheads-on-links", mib, on_lan)?])
}

/// Two sources and a receiver.
fn case(ground: &Ground, name: &'static str, mib: u64, [one, two, to]: [End<'_>; 3]) -> Result<Vec<Row>> {
    let source = ground.memory.path().join("source");
    let file = content::big_file(&source, mib)?;
    let into = ground.memory.path().join("received");
    std::fs::create_dir_all(&into)?;
    let (one, two) = (Sharing::start(one, &file)?, Sharing::start(two, &file)?);
    let (also, half) = (["--also", &two.offer], ["--stop-at-percent", "50"]);
    for extra in [&[][..], &also, &half, &["--unverified"]] {
        one.tell_fetch(to, &into, extra);
    }
    let subjects: Vec<(&'static str, Run<'_>)> = vec![
        ("landline", Box::new(|| one.fetch(to, &into, &[]))),
        (
            "landline-two-sources",
            Box::new(|| {
                let before = two.cpu()?;
                let sample = one.fetch(to, &into, &also)?;
                Ok(Sample { cpu_seconds: sample.cpu_seconds + two.cpu()? - before, ..sample })
            }),
        ),
        (
            "landline-resumed",
            Box::new(|| {
                // Half of it first, or a little more: then only the rest is timed, and counted.
                one.fetch(to, &into, &half)?;
                one.fetch_rest(to, &into)
            }),
        ),
        ("landline-unverified", Box::new(|| one.fetch(to, &into, &["--unverified"]))),
    ];
    let there = received(&into, &file);
    let rows = rounds(ground, name, mib << 20, subjects, || clear(&there));
    clear(&source)?;
    rows
}
