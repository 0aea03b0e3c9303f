//! One round: how many there are, behind what links, and what befalls whom when. Drawn before it begins,
//! so that a seed says it all.

use std::time::Duration;

use crate::random::Random;

const MIB: u64 = 1 << 20;
/// Rounds up to which a run is small: one that is part of every test.
const SMALL_RUN: usize = 1;
/// What is sent at most, in copies of the content, when nothing happens to anybody.
const COPIES: f64 = 1.3;
/// What each of those who are killed or leave may cost beyond that: what they took with them, and what
/// they lack when the others are done.
const COPIES_EACH_DEATH: f64 = 0.3;
/// The same of a link that is down for a while.
const COPIES_EACH_OUTAGE: f64 = 0.2;

/// A round.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) downloaders: usize,
    /// Of each link, each way.
    pub(super) megabits: u32,
    /// Of the file.
    pub(super) bytes: u64,
    pub(super) faults: Vec<Fault>,
    /// For what is drawn on the way.
    pub(super) random: Random,
}

/// What befalls a member, the sender among them as number 0, once.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) member: usize,
    pub(super) when: When,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Once this member has so many bytes.
    Has(u64),
    /// Once so many bytes have left the sender.
    Sent(u64),
    /// Once somebody has all of it.
    SomebodyIsDone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// kill -9, and started again after a while.
    Killed(Duration),
    /// kill -9 for good.
    Leaves,
    /// The link is down for a while.
    Unplugged(Duration),
}

impl Plan {
    /// The round with this number, of a run of so many.
    pub(super) fn draw(seed: u64, number: u64, count: usize) -> Self {
        let mut random = Random::of_part(seed, number);
        if count <= SMALL_RUN {
            let (downloaders, megabits, bytes) = (3, 50, 20 * MIB);
            let victim = 1 + random.below(2);
            let faults =
                vec![fault(&mut random, bytes, victim, true), fault(&mut random, bytes, 3 - victim, false)];
            return Self { downloaders, megabits, bytes, faults, random };
        }
        let downloaders = 3 + random.below(4);
        let (megabits, bytes) = (100, random.between(80, 128) * MIB);
        let faults = match number % 3 {
            0 => links(&mut random, bytes, downloaders),
            1 => kills(&mut random, bytes, downloaders),
            _ => departures(&mut random, bytes, downloaders),
        };
        Self { downloaders, megabits, bytes, faults, random }
    }

    /// How much the sender may send, in copies of the content.
    pub(super) fn most_copies(&self) -> f64 {
        let each = self.faults.iter().map(|fault| match fault.what {
            What::Killed(_) | What::Leaves => COPIES_EACH_DEATH,
            What::Unplugged(_) => COPIES_EACH_OUTAGE,
        });
        COPIES + each.sum::<f64>()
    }
}

/// Only links fail.
fn links(random: &mut Random, bytes: u64, downloaders: usize) -> Vec<Fault> {
    let mut members = drawn_members(random, downloaders);
    members.truncate(1 + random.below(3));
    members.into_iter().map(|member| fault(random, bytes, member, false)).collect()
}

/// Members die and come back, the sender too.
fn kills(random: &mut Random, bytes: u64, downloaders: usize) -> Vec<Fault> {
    let mut members = drawn_members(random, downloaders);
    members.truncate(2);
    let mut faults: Vec<_> = members.into_iter().map(|member| fault(random, bytes, member, true)).collect();
    let when = When::Sent(random.between(bytes / 4, bytes));
    faults.push(Fault { member: 0, when, what: What::Killed(moment(random)) });
    faults
}

/// One leaves in the middle, and the sender once somebody has it; a link fails too.
fn departures(random: &mut Random, bytes: u64, downloaders: usize) -> Vec<Fault> {
    let members = drawn_members(random, downloaders);
    let mut leaver = fault(random, bytes, members[0], true);
    leaver.what = What::Leaves;
    let sender = Fault { member: 0, when: When::SomebodyIsDone, what: What::Leaves };
    vec![leaver, fault(random, bytes, members[1], false), sender]
}

fn fault(random: &mut Random, bytes: u64, member: usize, is_death: bool) -> Fault {
    let when = When::Has(random.between(bytes / 20, bytes * 3 / 5));
    let moment = moment(random);
    Fault { member, when, what: if is_death { What::Killed(moment) } else { What::Unplugged(moment) } }
}

fn moment(random: &mut Random) -> Duration {
    Duration::from_millis(random.log_uniform(300, 4_000))
}

/// All downloaders, in random order.
fn drawn_members(random: &mut Random, downloaders: usize) -> Vec<usize> {
    let mut members: Vec<usize> = (1..=downloaders).collect();
    for index in (1..members.len()).rev() {
        members.swap(index, random.below(index + 1));
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_fault_is_drawn_and_nobody_is_left_without_a_source() {
        let rounds: Vec<Plan> = (0..30).map(|number| Plan::draw(7, number, 30)).collect();
        let faults = || rounds.iter().flat_map(|round| &round.faults);
        assert!(faults().any(|fault| fault.member == 0 && matches!(fault.what, What::Killed(_))));
        assert!(faults().any(|fault| matches!(fault.what, What::Unplugged(_))));
        assert!(faults().any(|fault| fault.member > 0 && fault.what == What::Leaves));
        let leaves_early = |fault: &Fault| fault.what == What::Leaves && fault.when != When::SomebodyIsDone;
        assert!(!faults().any(|fault| fault.member == 0 && leaves_early(fault)));
        assert!(rounds.iter().all(|round| round.most_copies() < 3.0), "what nobody passes on costs more");
    }
}
