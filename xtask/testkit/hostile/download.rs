//! One download with hostile sources: done, watched while it lasts, and looked at afterwards.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use landline_protocol::peer_routes::Door;
use landline_protocol::{DeviceId, FileName};
use landline_transfer::fetch::{Source, SourceState};
use landline_transfer::{Conflict, Destination, Fetched, Progress};
use landline_trust::device::DeviceKey;
use tokio::time::timeout;

use super::World;
use super::attempt::{Attempt, End};
use super::case::{Author, Case, Opening};
use super::server::Act;
use super::spy::Spy;
use super::watch::{Seen, Watch};
use crate::campaign::{Failure, Kind};
use crate::random::Random;

/// Longer than any download takes of which there is an honest source.
const PATIENCE: Duration = Duration::from_mins(1);
/// Longer than it takes until a liar is dropped once everything it said was read.
const JUDGEMENT: Duration = Duration::from_secs(5);
/// What lies beside the folder, and in it; nobody touches it.
const PRECIOUS: &[u8] = b"precious";
const NAME: &str = "fetched";

/// What came of it.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) struck: Vec<&'static str>,
    pub(super) checked: u64,
    pub(super) failures: Vec<Failure>,
    /// Liars that were alone, gave themselves away and were dropped.
    pub(super) named: u64,
    /// Pieces that others got meanwhile.
    pub(super) passed_on: u64,
    /// It was completed while nobody honest was there.
    pub(super) is_alone: bool,
}

/// A download under way.
struct Download<'a> {
    world: &'a World,
    case: Case,
    key: Arc<DeviceKey>,
    act: Arc<Act>,
    /// Has the folder that it goes into, and things beside it.
    outer: PathBuf,
    token: String,
    spy: Option<Spy>,
    outcome: Outcome,
}

/// Does it.
pub(super) async fn run(world: &World, case: Case, key: Arc<DeviceKey>) -> Result<Outcome> {
    let outer = world.work.join(case.number.to_string());
    fs::create_dir_all(outer.join("into"))?;
    fs::create_dir(outer.join("beside"))?;
    fs::write(outer.join("precious"), PRECIOUS)?;
    fs::write(outer.join("beside/precious"), PRECIOUS)?;
    if case.taken {
        fs::write(outer.join("into").join(NAME), PRECIOUS)?;
    }
    let act = Arc::new(Act::new(case.seed, Arc::clone(&case.offered), case.moods.clone()));
    let token = format!("d{}", case.number);
    world.stage.enter(&token, Arc::clone(&act));
    let watch = Watch::begin(&outer.join("into"), Arc::clone(&case.offered))?;
    let random = Random::of_part(case.seed, u64::MAX);
    let spy = case.spied_on.then(|| Spy::send(Arc::clone(&case.offered), random));
    let mut download = Download { world, case, key, act, outer, token, spy, outcome: Outcome::default() };
    let placed = download.go().await?;
    download.debrief().await?;
    world.stage.leave(&download.token);
    let seen = watch.end().await?;
    download.look(placed.as_ref(), seen)?;
    fs::remove_dir_all(&download.outer)?;
    Ok(download.finish())
}

impl Download<'_> {
    /// Plays the opening, and then the honest source finishes. Returns what is in place.
    async fn go(&mut self) -> Result<Option<Fetched>> {
        let (patience, is_same, are_all) = match self.case.opening {
            Opening::Together => return self.complete(self.begin(self.all(), self.case.late_root)?).await,
            Opening::JoinedAfter(patience) => (patience, true, true),
            Opening::ResumedAfter(patience, are_all) => (patience, false, are_all),
            Opening::Never(patience) => (patience, false, false),
        };
        let mut attempt = self.begin(self.hostile(), self.case.late_root)?;
        let mut end = attempt.wait(patience).await;
        end = self.judge(&mut attempt, end).await;
        self.outcome.struck = self.struck();
        if let Some(Ok(fetched)) = end {
            self.outcome.is_alone = true;
            return Ok(Some(fetched));
        }
        if let (None, true) = (&end, is_same) {
            attempt.sources.send_replace(self.all());
            attempt.root.send_replace(Some(self.case.offered.root));
            // It may end in this very moment, for lack of anybody else.
            let honest = self.world.honest.0;
            if attempt.progress.wait_for(|progress| progress.sources.contains_key(&honest)).await.is_ok() {
                return self.complete(attempt).await;
            }
        }
        drop(attempt);
        if matches!(self.case.opening, Opening::Never(_)) {
            return Ok(None);
        }
        let sources = if are_all { self.all() } else { [self.honest()].into() };
        self.complete(self.begin(sources, false)?).await
    }

    /// With an honest source there, it must come to a good end.
    async fn complete(&mut self, mut attempt: Attempt) -> Result<Option<Fetched>> {
        attempt.root.send_replace(Some(self.case.offered.root));
        let end = attempt.wait(PATIENCE).await;
        self.outcome.struck = self.struck();
        self.outcome.checked += 1;
        let progress = attempt.progress.borrow().clone();
        let honest = progress.sources.get(&self.world.honest.0).map(|source| &source.state);
        if let Some(SourceState::Dropped(why)) = honest {
            self.fail(Kind::Liar, format!("the honest source was dropped: {why}"));
        }
        match end {
            Some(Ok(fetched)) => return Ok(Some(fetched)),
            Some(Err(error)) => {
                self.fail(Kind::Stuck, format!("it failed with an honest source there: {error}"));
            }
            None => self.fail(Kind::Stuck, format!("it did not end: {:?}", brief(&progress))),
        }
        Ok(None)
    }

    /// Where one source alone was there and everything was read that shows what it is, it is dropped.
    async fn judge(&mut self, attempt: &mut Attempt, end: End) -> End {
        if self.case.moods.len() != 1 || self.case.late_root {
            return end;
        }
        let Some((_, what)) = self.act.ledger.proven().first().copied() else { return end };
        let liar = self.world.hostile[0].device;
        let is_dropped = |progress: &Progress| {
            let source = progress.sources.get(&liar);
            source.is_some_and(|source| matches!(source.state, SourceState::Dropped(_)))
        };
        self.outcome.checked += 1;
        // A fetch that has ended says nothing more, and what it said last is what counts.
        let _ = timeout(JUDGEMENT, attempt.progress.wait_for(&is_dropped)).await.is_ok();
        self.outcome.named += 1;
        if !is_dropped(&attempt.progress.borrow()) {
            let state = brief(&attempt.progress.borrow());
            self.fail(Kind::Liar, format!("the source that sent {what} was not dropped: {state:?}"));
        }
        match end {
            None => attempt.wait(Duration::from_millis(1)).await,
            ended => ended,
        }
    }

    /// Nothing wrong was passed on.
    async fn debrief(&mut self) -> Result<()> {
        if let Some(spy) = self.spy.take() {
            let found = spy.report().await?;
            self.outcome.checked += found.right;
            self.outcome.passed_on += found.right;
            for wrong in found.wrong {
                self.fail(Kind::Content, wrong);
            }
        }
        Ok(())
    }

    /// What must hold afterwards, whatever happened.
    fn look(&mut self, fetched: Option<&Fetched>, mut seen: Seen) -> Result<()> {
        seen.appeared.sort();
        self.outcome.checked += 3 + seen.appeared.len() as u64;
        for failure in seen.failures {
            self.fail(failure.kind, failure.what);
        }
        let mut names = names(&self.outer.join("into"))?;
        if self.case.taken {
            names.retain(|name| name != NAME);
            if fs::read(self.outer.join("into").join(NAME)).ok().as_deref() != Some(PRECIOUS) {
                self.fail(Kind::Outside, "a file that had the name was touched");
            }
        }
        let (parts, others): (Vec<_>, Vec<_>) =
            names.into_iter().partition(|name| name.starts_with(".landline-"));
        self.outcome.checked += others.len() as u64;
        for name in &others {
            for difference in self.case.offered.compare(&self.outer.join("into").join(name)) {
                self.fail(Kind::Content, difference);
            }
        }
        if seen.appeared != others {
            self.fail(Kind::Early, format!("{:?} appeared, not {others:?}", seen.appeared));
        }
        // A fetch that is stopped while it gives the name does so to its end.
        let may_be_more = usize::from(!matches!(self.case.opening, Opening::Together));
        if others.len() > usize::from(fetched.is_some()) + may_be_more {
            self.fail(Kind::Outside, format!("there is {others:?}"));
        }
        if let Some(fetched) = fetched {
            let name = fetched.placed.path.file_name().map(|name| name.to_string_lossy().into_owned());
            if name.is_none_or(|name| !others.contains(&name)) {
                self.fail(
                    Kind::Outside,
                    format!("there is {others:?} and not {}", fetched.placed.path.display()),
                );
            }
            if fetched.root != self.case.offered.root {
                self.fail(Kind::Content, "it was completed with another root");
            }
            if !parts.is_empty() {
                self.fail(Kind::Leftover, format!("left over: {parts:?}"));
            }
        }
        self.beside()
    }

    /// Beside the folder, everything is as it was.
    fn beside(&mut self) -> Result<()> {
        let is_intact = |name: &str| fs::read(self.outer.join(name)).ok().as_deref() == Some(PRECIOUS);
        let is_all = names(&self.outer)? == ["beside", "into", "precious"]
            && names(&self.outer.join("beside"))? == ["precious"];
        if !is_all || !is_intact("precious") || !is_intact("beside/precious") {
            self.fail(Kind::Outside, "something beside the folder was touched");
        }
        Ok(())
    }

    fn fail(&mut self, kind: Kind, what: impl Into<String>) {
        let Case { number, offered, author, opening, moods, late_root, .. } = &self.case;
        let lies: Vec<_> = self.act.ledger.struck().iter().map(|shot| (shot.source, shot.what)).collect();
        let what = format!(
            "download {number} of {:?} ({author:?} author, {opening:?}, {moods:?}, late root {late_root}): {}. \
             Heard: {lies:?}",
            offered.what,
            what.into()
        );
        self.outcome.failures.push(kind.failure(what));
    }

    fn finish(self) -> Outcome {
        self.outcome
    }

    fn struck(&self) -> Vec<&'static str> {
        self.act.ledger.struck().iter().map(|shot| shot.what).collect()
    }

    fn begin(&self, sources: Arc<[Source]>, is_late: bool) -> Result<Attempt> {
        let to = Destination {
            folder: self.outer.join("into"),
            name: FileName::parse(NAME).context("no name")?,
            conflict: Conflict::Rename,
        };
        let pass_on = self.spy.as_ref().map(|spy| spy.shares.clone());
        Ok(Attempt::begin(&self.act, &self.key, &self.token, to, sources, is_late, pass_on))
    }

    fn all(&self) -> Arc<[Source]> {
        let mut all = self.hostile().to_vec();
        all.push(self.honest());
        all.into()
    }

    fn hostile(&self) -> Arc<[Source]> {
        let hostile = self.world.hostile.iter().zip(&self.case.moods).enumerate();
        let source = |(number, (hostile, _)): (usize, (&super::server::Hostile, _))| {
            let is_author = number == 0 && self.case.author == Author::Hostile;
            self.source(("mallory", hostile.device, hostile.address), is_author)
        };
        hostile.map(source).collect()
    }

    fn honest(&self) -> Source {
        let (device, address) = self.world.honest;
        self.source(("alice", device, address), self.case.author == Author::Honest)
    }

    fn source(&self, (user, device, address): (&str, DeviceId, SocketAddr), is_author: bool) -> Source {
        let offered = &self.case.offered;
        let door = if is_author { Door::Share(offered.share) } else { Door::Held(offered.offer.key()) };
        let user = user.parse().unwrap_or_else(|_| unreachable!("a name"));
        Source { user, device, addresses: vec![address], door }
    }
}

fn names(folder: &std::path::Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = entries.collect::<std::io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// What matters of a progress.
fn brief(progress: &Progress) -> String {
    let states: Vec<_> = progress.sources.values().map(|source| (&source.user, &source.state)).collect();
    format!("{:?}, {} of {} proven, {states:?}", progress.phase, progress.verified, progress.wanted)
}
