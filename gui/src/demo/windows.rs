//! The demo with windows: two of them side by side, signed in, with a file offered between them.

use std::time::{Duration, Instant};

use super::cast::{Cast, Person, ensure_identical};
use super::children::{Running, Stage};
use super::content::{self, Prop};
use super::headless::{FILES, hand_over, offer};
use super::narrator::Narrator;
use super::summary::{Fetched, Summary};

/// Windows that both fail so soon have never been seen.
const STILLBORN: Duration = Duration::from_secs(10);
/// Where the windows stand and how large they are, in points.
const SIZE: &str = "--window-size=680,680";
const PLACES: [&str; 2] = ["--window-position=0,32", "--window-position=684,32"];

/// From the first process to the summary, which comes when both windows are closed.
pub(super) async fn play(stage: &Stage, mebibytes: Option<u64>, narrator: Narrator) -> anyhow::Result<()> {
    let begin = Instant::now();
    narrator.say(&format!(
        "Two windows will open, alice on the left and bob on the right, with a coordinator between them.\n\
         Everything they keep is in {}, and goes away at the end. (`landline demo --headless` shows it without \
         windows.)\n",
        stage.folder().display()
    ))?;
    let cast = Cast::assemble(stage, narrator).await?;
    cast.talk(narrator).await?;
    let props = content::make(cast.alice.folder().join(FILES), mebibytes).await?;
    leave_offers(&cast.alice, &props, narrator).await?;

    let started = Instant::now();
    let alice = open(&cast.alice, PLACES[0]).await?;
    let bob = open(&cast.bob, PLACES[1]).await?;
    narrator.step(6, "Two windows are opened", started.elapsed())?;
    narrator.say("      In bob's window: accept a file in the conversation with alice. Write something. Drop a file on\n      \
                  a person. The demo ends when both windows are closed.")?;
    let files = match tokio::join!(alice.finish(), bob.finish()) {
        (Ok(_), Ok(_)) => compare(&cast.bob, props, narrator).await?,
        (Err(why), Err(_)) if started.elapsed() < STILLBORN => without(&cast, &props, &why, narrator).await?,
        (alice, bob) => {
            return Err(alice.and(bob).err().unwrap_or_else(|| anyhow::anyhow!("A window failed.")));
        }
    };
    let (inward, outward) = cast.disband().await;
    let summary = Summary { took: begin.elapsed(), files, inward, outward };
    narrator.json(&summary.json())?;
    narrator.say(&summary.text())
}

/// Offers of which nothing is fetched yet: alice's window goes on serving them.
async fn leave_offers(alice: &Person<'_>, props: &[Prop], narrator: Narrator) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut sending = offer(alice, props, "bob").await?;
    for _ in props {
        sending.expect("offer").await?;
    }
    sending.stop().await;
    narrator.step(5, "alice offers two files to bob", started.elapsed())
}

/// There is a display in name only: the file changes hands all the same.
async fn without(
    cast: &Cast<'_>,
    props: &[Prop],
    why: &anyhow::Error,
    narrator: Narrator,
) -> anyhow::Result<Vec<Fetched>> {
    let why = why.to_string();
    let why = why.split(". ").next().unwrap_or_default();
    narrator.say(&format!("      They did not open, so it goes on without them. ({why})"))?;
    let sending = cast.alice.start(&["send", "--resume"], "").await?;
    hand_over(cast, props, sending, 7, narrator).await
}

async fn open(person: &Person<'_>, place: &str) -> anyhow::Result<Running> {
    person.start(&[place, SIZE], "").await
}

/// What bob accepted, against what alice has.
async fn compare(bob: &Person<'_>, props: Vec<Prop>, narrator: Narrator) -> anyhow::Result<Vec<Fetched>> {
    let mut files = Vec::new();
    for prop in props {
        let path = bob.downloads().join(prop.name);
        if !path.exists() {
            narrator.say(&format!("      bob did not fetch {}", prop.name))?;
            continue;
        }
        let same = content::identical(prop.path, path.clone()).await?;
        ensure_identical(same, prop.name)?;
        narrator.say(&format!("      bob's {} is identical to alice's, byte for byte", prop.name))?;
        files.push(Fetched { name: prop.name.to_owned(), size: prop.size, took: None, path });
    }
    Ok(files)
}
