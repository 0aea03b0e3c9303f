//! One download of a run, from its first byte to its last, through all that befalls it.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::case::{Case, Kill, Shape, Whom};
use super::endgame::{Troubles, most_twice};
use super::ledger::{Bringer, Ledger};
use super::source::Source;
use crate::campaign::{Campaign, Failure, Kind, Verdict};
use crate::content::{Extent, compare, write_file, write_folder};
use crate::process::Process;
use crate::random::Random;
use crate::transfer::log::{Answer, State, read};

/// How often it is looked at.
const LOOK: Duration = Duration::from_micros(500);
/// How long a kill waits for something to be on its way.
const AIM: Duration = Duration::from_millis(400);
/// The longest that a download may take beside moving its bytes.
const PATIENCE: Duration = Duration::from_mins(2);
/// Bytes a second that must be reached at least where nothing is slowed down.
const SLOWEST: u64 = 10_000_000;
/// What one kill may have fetched again from one source.
const AGAIN: u64 = 1 << 20;
const PIECE: u64 = 1 << 20;

/// What came of one download.
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    pub(super) size: u64,
    /// Bytes fetched again because of kills.
    pub(super) again: u64,
    /// For one kill and source.
    pub(super) most_again: u64,
    /// Bytes that came twice without any.
    pub(super) twice: u64,
    /// Some came compressed: nothing is known of what came again.
    pub(super) coded: bool,
    pub(super) torn: u64,
    /// For people.
    pub(super) line: String,
}

struct Download<'a> {
    campaign: &'a Campaign,
    folder: &'a Path,
    sent: PathBuf,
    into: PathBuf,
    shape: Shape,
    sources: Vec<Source<'a>>,
    kills: VecDeque<Kill>,
    root_at: Option<u64>,
    random: Random,
    ledger: Ledger,
    /// Lives that a kill ended.
    killed: Vec<Bringer>,
    attempt: usize,
    /// In this attempt: for each source, up to which answer each of its lives gave.
    lives: Vec<Vec<usize>>,
    aiming: Option<Instant>,
    deadline: Instant,
    early: bool,
    tally: Tally,
    failures: Vec<Failure>,
}

#[derive(Default)]
struct Tally {
    struck: u64,
    receiver: u64,
    source: u64,
    checked: u64,
    coded: bool,
    torn: u64,
}

/// Runs one, in a folder that does not exist yet.
pub(super) fn run(campaign: &Campaign, folder: &Path, case: Case) -> Result<Outcome> {
    let begun = Instant::now();
    let (number, limits) = (case.number, case.sources.clone());
    let mut download = Download::prepare(campaign, folder, case)?;
    download.fetch_all()?;
    download.check_end()?;
    Ok(download.outcome(number, &limits, begun.elapsed()))
}

impl<'a> Download<'a> {
    fn prepare(campaign: &'a Campaign, folder: &'a Path, case: Case) -> Result<Self> {
        let Case { shape, mut random, kills, root_at, .. } = case;
        let (into, sent) = (folder.join("into"), folder.join("what was sent"));
        std::fs::create_dir_all(&into)?;
        match shape {
            Shape::File { size, holes } => write_file(&sent, size, holes, &mut random)?,
            Shape::Folder { size } => write_folder(&sent, size, &mut random)?,
        }
        let (mut sources, mut author) = (Vec::new(), None);
        for (number, limit) in case.sources.iter().enumerate() {
            let own = folder.join(format!("source-{number}"));
            let (source, device) = Source::start(campaign, own, &sent, *limit, author)?;
            author = author.or(Some(device));
            sources.push(source);
        }
        let slow = case.sources.iter().flatten().min().map_or(0, |rate| shape.size() / rate);
        let time = PATIENCE + Duration::from_secs(slow + shape.size() / SLOWEST);
        Ok(Self {
            campaign,
            folder,
            sent,
            into,
            shape,
            lives: vec![Vec::new(); sources.len()],
            sources,
            kills: kills.into(),
            root_at,
            random,
            ledger: Ledger::default(),
            killed: Vec::new(),
            attempt: 0,
            aiming: None,
            deadline: Instant::now() + time,
            early: false,
            tally: Tally::default(),
            failures: Vec::new(),
        })
    }

    /// Starts the receiver again and again, until it ends by itself.
    fn fetch_all(&mut self) -> Result<()> {
        loop {
            self.lives.iter_mut().for_each(Vec::clear);
            let mut receiver = Process::start(&mut self.receiver()?, &self.folder.join("stderr"))?;
            let goes_on = self.watch(&mut receiver)?;
            drop(receiver);
            self.book()?;
            if !goes_on {
                return Ok(());
            }
            self.attempt += 1;
        }
    }

    fn receiver(&self) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["transfer", "fetch", "--until-stdin-closes", "--key-dir"]);
        command.arg(self.folder.join("receiver")).arg("--log").arg(self.log());
        for (number, source) in self.sources.iter().enumerate() {
            command.arg(if number == 0 { "--offer" } else { "--also" }).arg(&source.offer);
        }
        if let Some(percent) = self.root_at {
            command.args(["--root-at-percent", &percent.to_string()]);
        }
        command.arg(&self.into);
        self.campaign.prepare(&mut command);
        Ok(command)
    }

    fn log(&self) -> PathBuf {
        self.folder.join(format!("log-{}", self.attempt))
    }

    /// Looks on until the receiver ends, by itself (`false`) or killed.
    fn watch(&mut self, receiver: &mut Process) -> Result<bool> {
        loop {
            self.campaign.stop.pause(LOOK)?;
            self.look_at_name()?;
            for source in &mut self.sources {
                source.return_if_due()?;
            }
            if let Some(status) = receiver.ended()? {
                if !status.success() {
                    self.fail(Kind::Stuck, &format!("the receiver gave up: {}", receiver.complaint()));
                }
                return Ok(false);
            }
            if Instant::now() > self.deadline {
                self.fail(Kind::Stuck, &format!("no end was reached: {}", receiver.complaint()));
                return Ok(false);
            }
            if let Some(kill) = self.due()? {
                if kill.whom == Whom::Receiver {
                    receiver.kill()?;
                    self.after_death(&kill)?;
                    return Ok(true);
                }
                self.kill_source(&kill)?;
            }
        }
    }

    /// The next kill, when it is time for it and, if possible, something is on its way from those it
    /// concerns.
    fn due(&mut self) -> Result<Option<Kill>> {
        let Some(kill) = self.kills.front_mut() else { return Ok(None) };
        let answers = read(&self.folder.join(format!("log-{}", self.attempt)))?;
        let came: u64 = answers.iter().map(|answer| answer.got).sum();
        if self.ledger.received + came < kill.at {
            return Ok(None);
        }
        // Whoever is down already cannot be killed: then it is another, or the receiver.
        if let Whom::Source(number) = kill.whom
            && !self.sources[number].is_alive()
        {
            let other = self.sources.iter().position(Source::is_alive);
            kill.whom = other.map_or(Whom::Receiver, Whom::Source);
        }
        let concerned = |answer: &Answer| {
            kill.whom == Whom::Receiver || kill.whom == Whom::Source(as_index(answer.source))
        };
        let strikes = answers.iter().any(|answer| answer.is_in_flight() && concerned(answer));
        let aiming = *self.aiming.get_or_insert_with(Instant::now);
        // Those for when everything is here do not wait.
        if !strikes && kill.at < self.shape.size() && aiming.elapsed() < AIM {
            return Ok(None);
        }
        self.aiming = None;
        self.tally.struck += u64::from(strikes);
        Ok(self.kills.pop_front())
    }

    fn kill_source(&mut self, kill: &Kill) -> Result<()> {
        let Whom::Source(number) = kill.whom else { return Ok(()) };
        self.tally.source += 1;
        // The last one comes back, whatever was drawn.
        let others = self.sources.iter().enumerate().filter(|(other, _)| *other != number);
        let is_last = others.filter(|(_, source)| source.is_alive() || source.returns.is_some()).count() == 0;
        let away = if is_last { Some(kill.away.unwrap_or_default()) } else { kill.away };
        self.sources[number].kill(away)?;
        let answers = read(&self.log())?.len();
        let life = self.lives[number].len();
        self.lives[number].push(answers);
        self.killed.push(Bringer { attempt: self.attempt, source: number as u64, life });
        Ok(())
    }

    /// What a dead receiver left: nothing under the final name but what was sent. Some of it may be torn.
    fn after_death(&mut self, kill: &Kill) -> Result<()> {
        self.tally.receiver += 1;
        for source in 0..self.sources.len() {
            let life = self.lives[source].len();
            self.killed.push(Bringer { attempt: self.attempt, source: source as u64, life });
        }
        self.look_at_name()?;
        if kill.torn {
            // Before the books are made: what is torn comes again through nobody's fault.
            self.tear()?;
        }
        if let Some(away) = kill.away {
            self.campaign.stop.pause(away)?;
        }
        Ok(())
    }

    /// Changes a byte of a piece that was on its way, if any of it reached the part.
    fn tear(&mut self) -> Result<()> {
        let Some(part) = self.part()? else { return Ok(()) };
        let answers = read(&self.log())?;
        let torn: Vec<_> = answers.iter().filter(|answer| answer.is_in_flight()).collect();
        let Some(answer) = torn.get(self.random.below(torn.len())) else { return Ok(()) };
        let reached = answer.start + answer.got;
        let piece = reached / PIECE * PIECE;
        let (sent, part) = (File::open(&self.sent)?, File::options().read(true).write(true).open(part)?);
        let (mut here, mut there) = ([0], [0]);
        for _ in 0..8 {
            // What came last may not be on disk yet.
            let at = self.random.between(piece, piece + (reached - piece) / 2);
            let is_read = sent.read_at(&mut here, at)? == 1 && part.read_at(&mut there, at)? == 1;
            if is_read && here == there && here != [0] {
                part.write_all_at(&[!here[0]], at)?;
                self.tally.torn += 1;
                self.book()?;
                self.ledger.excuse(piece..piece + PIECE);
                return Ok(());
            }
        }
        Ok(())
    }

    fn part(&self) -> Result<Option<PathBuf>> {
        let mut names = std::fs::read_dir(&self.into)?.filter_map(Result::ok).map(|entry| entry.path());
        Ok(names.find(|path| path.extension().is_some_and(|extension| extension == "part")))
    }

    /// Nothing else than what was sent may have its name, at any moment.
    fn look_at_name(&mut self) -> Result<()> {
        let arrived = self.into.join(self.sent.file_name().context("a name")?);
        if self.early || std::fs::symlink_metadata(&arrived).is_err() {
            return Ok(());
        }
        let (compared, differences) = compare(&self.sent, &arrived, Extent::SoFar)?;
        self.tally.checked += compared;
        // A folder fills up; a file is looked at once.
        self.early = arrived.is_file() || !differences.is_empty();
        for difference in differences {
            self.fail(Kind::Early, &format!("before its time: {difference}"));
        }
        Ok(())
    }

    /// Puts what came in this attempt into the ledger, once.
    fn book(&mut self) -> Result<()> {
        let log = self.log();
        let answers = read(&log)?;
        for (index, answer) in answers.iter().enumerate() {
            self.tally.coded |= answer.state == State::Coded;
            let lives = &self.lives[as_index(answer.source)];
            let life = lives.iter().filter(|until| **until <= index).count();
            let from = Bringer { attempt: self.attempt, source: answer.source, life };
            self.ledger.receive(answer.start..answer.start + answer.got, from);
        }
        if log.exists() {
            std::fs::remove_file(log)?;
        }
        Ok(())
    }

    fn check_end(&mut self) -> Result<()> {
        self.sources.clear();
        let name = self.sent.file_name().context("a name")?.to_owned();
        let (compared, differences) = compare(&self.sent, &self.into.join(&name), Extent::All)?;
        self.tally.checked += compared.max(1);
        let is_over = !self.failures.iter().any(|failure| failure.kind == Kind::Stuck);
        for difference in differences.into_iter().filter(|_| is_over) {
            self.fail(Kind::Content, &difference);
        }
        for entry in std::fs::read_dir(&self.into)?.filter(|_| is_over) {
            let left = entry?.file_name();
            if left != name {
                self.fail(Kind::Leftover, &format!("{} is left", left.display()));
            }
        }
        // Where zeros may be holes, a piece of nothing else needs nobody to bring it.
        let may_come_by_itself = matches!(self.shape, Shape::File { holes: true, .. });
        if is_over && !may_come_by_itself && !self.tally.coded && !self.ledger.covers(self.shape.size()) {
            self.fail(Kind::Content, "it was complete although not all of it had come");
        }
        self.check_again();
        Ok(())
    }

    fn check_again(&mut self) {
        let (again, twice) = self.again();
        if self.tally.coded {
            return;
        }
        let most = self.most_twice();
        if twice > most {
            let all = self.ledger.again();
            let ranges: Vec<_> = all
                .keys()
                .filter(|who| !self.killed.contains(who))
                .flat_map(|who| self.ledger.ranges_again(who))
                .collect();
            let what = format!("{twice} bytes came twice without a kill, of {most} at most: {ranges:?}");
            self.fail(Kind::Again, &what);
        }
        for (who, bytes) in again.into_iter().filter(|(_, bytes)| *bytes > AGAIN) {
            let Bringer { attempt, source, .. } = who;
            let ranges = self.ledger.ranges_again(&who);
            let what = format!(
                "{bytes} bytes of source {source} came again after the kill that ended start {attempt}: {ranges:?}"
            );
            self.fail(Kind::Again, &what);
        }
    }

    /// What came again: because of kills, by life; and without any.
    fn again(&self) -> (BTreeMap<Bringer, u64>, u64) {
        let all = self.ledger.again();
        let killed = all.iter().filter(|(who, _)| self.killed.contains(who));
        let killed: BTreeMap<_, _> = killed.map(|(who, bytes)| (*who, *bytes)).collect();
        let twice = all.values().sum::<u64>() - killed.values().sum::<u64>();
        (killed, twice)
    }

    /// All that came before the receiver died last is put down to that: the rest came since.
    fn most_twice(&self) -> u64 {
        let killed = self.lives.iter().map(Vec::len).sum();
        most_twice(self.shape.size(), self.lives.len(), Troubles { killed, torn: self.tally.torn })
    }

    fn fail(&mut self, kind: Kind, what: &str) {
        let path = self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let failure = kind.failure(format!("download {path}: {what}"));
        if !self.failures.iter().any(|known| known.what == failure.what) {
            self.failures.push(failure);
        }
    }

    fn outcome(self, number: u64, limits: &[Option<u64>], took: Duration) -> Outcome {
        let (again, twice) = self.again();
        let most_twice = self.most_twice();
        let (size, most_again) = (self.shape.size(), again.values().copied().max().unwrap_or(0));
        let again: u64 = again.values().sum();
        let what = match self.shape {
            Shape::File { holes: false, .. } => "file",
            Shape::File { holes: true, .. } => "file with holes",
            Shape::Folder { .. } => "folder",
        };
        let sealed = self.root_at.map_or_else(String::new, |percent| format!(", its root at {percent} %"));
        let Tally { struck, receiver, source, checked, coded, torn } = self.tally;
        let line = format!(
            "download {number}: {what} of {size} bytes{sealed}, {} sources, killed {receiver} + {source} times ({struck} \
             struck, {torn} torn), {again} bytes again (at most {most_again}), {twice} twice (of {most_twice} at most), {:.1} s{}",
            limits.len(),
            took.as_secs_f64(),
            if self.failures.is_empty() { "" } else { ": FAILED" }
        );
        let verdict = Verdict { injected: struck, checked, failures: self.failures };
        Outcome { verdict, size, again, most_again, twice, coded, torn, line }
    }
}

fn as_index(source: u64) -> usize {
    usize::try_from(source).unwrap_or(usize::MAX)
}
