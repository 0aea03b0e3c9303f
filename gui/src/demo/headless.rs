//! The demo without windows: everything by the subcommands, as a script would.

use std::time::Instant;

use anyhow::Context;

use super::cast::{Cast, Person, ensure_identical};
use super::children::{Running, Stage};
use super::content::{self, Prop};
use super::narrator::Narrator;
use super::summary::{Fetched, Summary};

/// Where alice has what she shares, beneath her folder.
pub(super) const FILES: &str = "files";

/// From the first process to the summary.
pub(super) async fn play(stage: &Stage, mebibytes: Option<u64>, narrator: Narrator) -> anyhow::Result<()> {
    let begin = Instant::now();
    narrator.say(&format!(
        "A coordinator and two people, alice and bob: processes of their own that share nothing but the wire.\n\
         Everything they keep is in {}, and goes away at the end.\n",
        stage.folder().display()
    ))?;
    let cast = Cast::assemble(stage, narrator).await?;
    cast.talk(narrator).await?;
    let props = content::make(cast.alice.folder().join(FILES), mebibytes).await?;
    let files = share(&cast, &props, narrator).await?;
    let (inward, outward) = cast.disband().await;
    let summary = Summary { took: begin.elapsed(), files, inward, outward };
    narrator.json(&summary.json())?;
    narrator.say(&summary.text())
}

/// alice offers, bob fetches, both copies are compared: steps 5 to 7.
async fn share(cast: &Cast<'_>, props: &[Prop], narrator: Narrator) -> anyhow::Result<Vec<Fetched>> {
    let started = Instant::now();
    let mut sending = offer(&cast.alice, props, "bob").await?;
    for _ in props {
        sending.expect("offer").await?;
    }
    narrator.step(5, "alice offers two files to bob, and serves them herself", started.elapsed())?;
    for prop in props {
        narrator.say(&format!("      {} ({})", prop.name, crate::units::size(prop.size)))?;
    }
    hand_over(cast, props, sending, 6, narrator).await
}

/// bob fetches what `sending` serves, and both copies are compared: two steps, from `step` on.
pub(super) async fn hand_over(
    cast: &Cast<'_>,
    props: &[Prop],
    sending: Running,
    step: u32,
    narrator: Narrator,
) -> anyhow::Result<Vec<Fetched>> {
    let started = Instant::now();
    let mut files = Vec::with_capacity(props.len());
    for prop in props {
        files.push(fetch(&cast.bob, prop, narrator).await?);
    }
    sending.finish().await?;
    narrator.step(
        step,
        "bob accepts and fetches them from alice's process, verified piece by piece",
        started.elapsed(),
    )?;

    let started = Instant::now();
    for (prop, file) in props.iter().zip(&files) {
        let same = content::identical(prop.path.clone(), file.path.clone()).await?;
        ensure_identical(same, prop.name)?;
    }
    narrator.step(step + 1, "Both copies are compared: identical, byte for byte", started.elapsed())?;
    Ok(files)
}

/// Starts offering; the process stays until everything is fetched.
pub(super) async fn offer(from: &Person<'_>, props: &[Prop], to: &str) -> anyhow::Result<Running> {
    let paths: Vec<String> =
        props.iter().map(|prop| format!("{}/{FILES}/{}", from.name, prop.name)).collect();
    let mut arguments = vec!["send"];
    arguments.extend(paths.iter().map(String::as_str));
    arguments.extend(["--to", to]);
    from.start(&arguments, "").await
}

async fn fetch(by: &Person<'_>, prop: &Prop, narrator: Narrator) -> anyhow::Result<Fetched> {
    let mut getting = by.start(&["get", prop.name, "--from", "alice", "--wait"], "").await?;
    let mut shown = narrator.progress(prop.name, prop.size);
    let mut accepted: Option<Instant> = None;
    let mut received = None;
    while let Some(record) = getting.next().await? {
        match record["type"].as_str() {
            Some("progress") => {
                accepted.get_or_insert_with(Instant::now);
                shown.at(record["bytes"].as_u64().unwrap_or(0), record["rate"].as_u64())?;
            }
            Some("received") => received = Some(accepted.map(|since| since.elapsed())),
            _ => {}
        }
    }
    drop(shown);
    getting.finish().await?;
    let took = received.context("bob's program ended without the file.")?;
    let path = by.downloads().join(prop.name);
    Ok(Fetched { name: prop.name.to_owned(), size: prop.size, took, path })
}
