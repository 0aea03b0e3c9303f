//! Real programs on a LAN of namespaces: one sends to all, members die, leave and lose their links, and
//! everybody who stays has it in the end, while the sender sends little more than one copy.

mod member;
mod plan;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::campaign::{Campaign, Failure, Kind, Verdict};
use crate::command;
use crate::content::{Extent, compare, write_file};
use crate::lan::Lan;
use member::{Member, SENDER, coordinator};
use plan::{Fault, Plan, What, When};

/// How often everybody is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// The longest until everybody is online.
const GATHERING: Duration = Duration::from_mins(1);
/// The longest that a round may take beside moving bytes.
const PATIENCE: Duration = Duration::from_mins(1);
/// So many times as long as one link alone needs, it may take to move them.
const TIMES: f64 = 15.0;

/// One round under way.
struct Round<'a> {
    campaign: &'a Campaign,
    lan: &'a Lan,
    members: Vec<Member<'a>>,
    faults: Vec<Fault>,
    /// Links that are down, and until when.
    down: Vec<(usize, Instant)>,
    /// Bytes that had left the sender before it sent anything.
    before: u64,
    bytes: u64,
    struck: u64,
}

/// Runs so many rounds.
pub(crate) fn run(campaign: &Campaign) -> Result<Verdict> {
    let mut all = Verdict::default();
    for number in 0..campaign.count as u64 {
        let plan = Plan::draw(campaign.seed, number, campaign.count);
        let Verdict { injected, checked, failures } = round(campaign, number, plan)?;
        all.injected += injected;
        all.checked += checked;
        all.failures.extend(failures);
    }
    Ok(all)
}

fn round(campaign: &Campaign, number: u64, mut plan: Plan) -> Result<Verdict> {
    let begun = Instant::now();
    let work = tempfile::tempdir()?;
    let file = work.path().join("what was sent");
    write_file(&file, plan.bytes, false, &mut plan.random)?;
    let lan = Lan::new(1 + plan.downloaders, plan.megabits)?;
    let _coordinator = coordinator(campaign, &lan, work.path())?;
    let members = (0..=plan.downloaders).map(|number| Member::join(campaign, &lan, work.path(), number));
    let most_copies = plan.most_copies();
    let mut round = Round {
        campaign,
        lan: &lan,
        members: members.collect::<Result<_>>()?,
        faults: plan.faults,
        down: Vec::new(),
        before: 0,
        bytes: plan.bytes,
        struck: 0,
    };
    round.gather()?;
    round.before = lan.sent(SENDER)?;
    round.members[SENDER].send(&file)?;
    let (sent_at, link) = (Instant::now(), plan.bytes as f64 * 8e-6 / f64::from(plan.megabits));
    let mut failures = round.watch(PATIENCE + Duration::from_secs_f64(link * TIMES))?;
    let (took, copies) = (sent_at.elapsed().as_secs_f64(), round.copies()?);
    if copies > most_copies {
        let what = format!("the sender sent {copies:.2} copies, more than {most_copies:.1}");
        failures.push(Kind::Uploads.failure(what));
    }
    let (checked, differences) = round.compare(&file)?;
    failures.extend(differences);
    println!(
        "round {number}: {} MiB to {} members over {} Mbit/s: {took:.1} s ({:.2} times one link), {copies:.2} \
         copies sent, {} faults struck, {:.0} s in all{}",
        plan.bytes >> 20,
        plan.downloaders,
        plan.megabits,
        took / link,
        round.struck,
        begun.elapsed().as_secs_f64(),
        if failures.is_empty() { "" } else { ": FAILED" }
    );
    for failure in &mut failures {
        failure.what = format!("round {number}: {}", failure.what);
        println!("    {failure}");
    }
    Ok(Verdict { injected: round.struck, checked, failures })
}

impl Round<'_> {
    /// Everybody waits for the offer before it comes.
    fn gather(&mut self) -> Result<()> {
        for member in &mut self.members[1..] {
            member.get()?;
        }
        let deadline = Instant::now() + GATHERING;
        while self.members[SENDER].others_online()? + 1 < self.members.len() {
            if Instant::now() > deadline {
                anyhow::bail!("the members do not come online");
            }
            self.campaign.stop.pause(LOOK)?;
        }
        Ok(())
    }

    /// Looks on, and lets befall everybody what is due, until all who stay have it.
    fn watch(&mut self, time: Duration) -> Result<Vec<Failure>> {
        let deadline = Instant::now() + time;
        loop {
            self.campaign.stop.pause(LOOK)?;
            self.members.iter_mut().try_for_each(Member::look)?;
            self.plug_in()?;
            self.strike()?;
            let failed: Vec<_> = self.members.iter().filter_map(|member| member.failed.clone()).collect();
            if !failed.is_empty() {
                return Ok(failed.into_iter().map(|what| Kind::Stuck.failure(what)).collect());
            }
            if self.staying().all(|member| member.is_done) {
                return Ok(Vec::new());
            }
            if Instant::now() > deadline {
                return Ok(vec![self.stuck()]);
            }
        }
    }

    fn staying(&self) -> impl Iterator<Item = &Member<'_>> {
        self.members[1..].iter().filter(|member| !member.is_gone)
    }

    fn stuck(&self) -> Failure {
        let missing = self.staying().filter(|member| !member.is_done);
        let missing: Vec<_> = missing.map(|one| format!("{} has {} bytes", one.name(), one.has)).collect();
        Kind::Stuck.failure(format!("not everybody has it in time: {}", missing.join(", ")))
    }

    /// Bytes that left the sender.
    fn sent(&self) -> Result<u64> {
        Ok(self.lan.sent(SENDER)?.saturating_sub(self.before))
    }

    fn copies(&self) -> Result<f64> {
        Ok(self.sent()? as f64 / self.bytes as f64)
    }

    fn strike(&mut self) -> Result<()> {
        let sent = if self.faults.iter().any(|fault| matches!(fault.when, When::Sent(_))) {
            self.sent()?
        } else {
            0
        };
        let somebody_is_done = self.staying().any(|member| member.is_done);
        let is_due = |fault: &Fault| match fault.when {
            When::Has(bytes) => self.members[fault.member].has >= bytes,
            When::Sent(bytes) => sent >= bytes,
            When::SomebodyIsDone => somebody_is_done,
        };
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.faults).into_iter().partition(is_due);
        self.faults = later;
        due.into_iter().try_for_each(|fault| self.befall(&fault))
    }

    fn befall(&mut self, fault: &Fault) -> Result<()> {
        let others_work = self.staying().any(Member::is_at_work);
        let member = &mut self.members[fault.member];
        let strikes = member.is_at_work() && others_work;
        println!(
            "    {} with {} bytes: {:?}{}",
            member.name(),
            member.has,
            fault.what,
            if strikes { "" } else { ", idle" }
        );
        self.struck += u64::from(strikes);
        match fault.what {
            What::Killed(away) => member.kill(Some(away)),
            What::Leaves => member.kill(None),
            What::Unplugged(time) => {
                self.down.push((fault.member, Instant::now() + time));
                self.link(fault.member, "down")
            }
        }
    }

    /// Links that were down for long enough come back.
    fn plug_in(&mut self) -> Result<()> {
        let now = Instant::now();
        let (over, still): (Vec<_>, Vec<_>) = self.down.iter().copied().partition(|(_, until)| *until <= now);
        self.down = still;
        over.into_iter().try_for_each(|(member, _)| self.link(member, "up"))
    }

    fn link(&self, member: usize, to: &str) -> Result<()> {
        let mut ip: Command = self.lan.on(member, "ip");
        command::output(ip.args(["link", "set", "eth0", to])).map(drop)
    }

    /// What everybody has who stayed, and nothing beside it.
    fn compare(&self, file: &Path) -> Result<(u64, Vec<Failure>)> {
        let (mut checked, mut failures) = (0, Vec::new());
        for member in self.staying().filter(|member| member.is_done) {
            let arrived = member.folder().join(file.file_name().unwrap_or_default());
            let (compared, differences) = compare(file, &arrived, Extent::All)?;
            checked += compared;
            failures.extend(differences.into_iter().map(|what| Kind::Content.failure(what)));
            if std::fs::read_dir(member.folder())?.count() > 1 {
                failures.push(
                    Kind::Leftover.failure(format!("something is left where {} has it", member.name())),
                );
            }
        }
        Ok((checked, failures))
    }
}
