//! Whatever sources say and do, a plan asks for what is missing, once, and comes to an end: every step
//! is judged by a plain model.

use std::collections::BTreeMap;
use std::sync::Arc;

use landline_protocol::limits::PIECE_BYTES as MIB;
use proptest::prelude::*;

use super::{Has, Plan, SourceId, Task};
use crate::layout::Layout;

fn map(flags: &[bool]) -> Vec<u8> {
    let byte = |eight: &[bool]| (0..eight.len()).fold(0, |all, bit| all | u8::from(eight[bit]) << bit);
    flags.chunks(8).map(byte).collect()
}

/// What a plan was told, and what is under way: plainly, to judge it by.
struct Model {
    plan: Plan,
    layout: Arc<Layout>,
    wanted: Vec<bool>,
    here: Vec<Option<bool>>,
    in_doubt: Vec<bool>,
    /// What each source has, and gave to others.
    sources: BTreeMap<SourceId, (Vec<bool>, Vec<bool>)>,
    /// What each source brings, and how many pieces of it were brought or failed.
    tasks: Vec<(SourceId, Task, usize)>,
}

/// What may happen. Numbers choose among what there is.
#[derive(Clone, Debug)]
enum Step {
    Join(u32),
    Has(u32, Vec<bool>, Vec<bool>),
    HasAll(u32, Vec<bool>),
    Leave(u32),
    Take(u32, u64),
    Bring(usize, usize, bool),
    End(usize),
    Settle(usize, bool),
    Want(Vec<bool>),
    Doubt(usize),
    Judge(usize, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let source = || 0u32..5;
    let flags = || prop::collection::vec(any::<bool>(), 0..60);
    prop_oneof![
        2 => source().prop_map(Step::Join),
        4 => (source(), flags(), flags()).prop_map(|(who, has, given)| Step::Has(who, has, given)),
        2 => (source(), flags()).prop_map(|(who, given)| Step::HasAll(who, given)),
        1 => source().prop_map(Step::Leave),
        12 => (source(), 0..8 * MIB).prop_map(|(who, most)| Step::Take(who, most)),
        6 => (any::<usize>(), 1usize..6, any::<bool>()).prop_map(|(task, count, proven)| Step::Bring(task, count, proven)),
        3 => any::<usize>().prop_map(Step::End),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(piece, right)| Step::Settle(piece, right)),
        1 => prop::collection::vec(any::<bool>(), 0..9).prop_map(Step::Want),
        4 => any::<usize>().prop_map(Step::Doubt),
        3 => (any::<usize>(), any::<bool>()).prop_map(|(piece, is_there)| Step::Judge(piece, is_there)),
    ]
}

fn sizes() -> impl Strategy<Value = Vec<u64>> {
    prop_oneof![
        (0..40 * MIB).prop_map(|size| vec![size]),
        prop::collection::vec(prop_oneof![Just(0), 1..2_000u64, 0..4 * MIB], 0..9),
    ]
}

impl Model {
    fn new(sizes: Vec<u64>, seed: u64) -> Self {
        let layout = Arc::new(Layout::of(sizes));
        let pieces = layout.pieces();
        Self {
            plan: Plan::new(Arc::clone(&layout), seed),
            layout,
            wanted: vec![true; pieces],
            here: vec![None; pieces],
            in_doubt: vec![false; pieces],
            sources: BTreeMap::new(),
            tasks: Vec::new(),
        }
    }

    fn pieces(&self) -> usize {
        self.here.len()
    }

    fn fit(&self, mut flags: Vec<bool>) -> Vec<bool> {
        flags.resize(self.pieces(), false);
        flags
    }

    fn under_way(&self, piece: usize) -> Vec<SourceId> {
        let tasks = self.tasks.iter().filter(|(_, task, _)| task.run.range().contains(&piece));
        tasks.map(|(source, ..)| *source).collect()
    }

    fn is_free(&self, piece: usize) -> bool {
        let is_missing = self.here[piece].is_none() && !self.in_doubt[piece];
        self.wanted[piece] && is_missing && self.under_way(piece).is_empty()
    }

    fn holders(&self, piece: usize) -> usize {
        self.sources.values().filter(|(has, _)| has[piece]).count()
    }

    fn act(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Join(who) => self.join(SourceId(who)),
            Step::Has(who, has, given) => self.has(SourceId(who), Some(has), given),
            Step::HasAll(who, given) => self.has(SourceId(who), None, given),
            Step::Leave(who) => self.leave(SourceId(who)),
            Step::Take(who, most) => return self.take(SourceId(who), most).map(|_| ()),
            Step::Bring(task, count, proven) => self.bring(task, count, proven),
            Step::End(task) => self.end(task),
            Step::Settle(piece, right) => self.settle(piece, right),
            Step::Want(files) => self.want(&files),
            Step::Doubt(piece) => self.doubt(piece),
            Step::Judge(piece, is_there) => self.judge(piece, is_there),
        }
        Ok(())
    }

    fn join(&mut self, who: SourceId) {
        self.plan.join(who);
        let none = self.fit(Vec::new());
        self.sources.entry(who).or_insert((none.clone(), none));
    }

    fn has(&mut self, who: SourceId, has: Option<Vec<bool>>, given: Vec<bool>) {
        let said = has.as_ref().map_or(Has::All, |has| Has::Map(map(has)));
        self.plan.has(who, said, Some(&map(&given)));
        let has = has.map_or(vec![true; self.pieces()], |has| self.fit(has));
        let given = self.fit(given);
        self.sources.entry(who).and_modify(|source| *source = (has, given));
    }

    fn leave(&mut self, who: SourceId) {
        self.plan.leave(who);
        self.sources.remove(&who);
        self.tasks.retain(|(source, ..)| *source != who);
    }

    /// The next pieces of a task come, or all that is left of it when they are fewer.
    fn bring(&mut self, task: usize, count: usize, proven: bool) {
        let Some(at) = task.checked_rem(self.tasks.len()) else { return };
        for _ in 0..count {
            let (_, task, brought) = &mut self.tasks[at];
            let piece = task.run.first + *brought;
            if !task.run.range().contains(&piece) {
                return self.end(at);
            }
            *brought += 1;
            if proven {
                self.plan.verified(piece);
                self.here[piece] = Some(true);
            } else {
                self.plan.provisional(piece);
                self.here[piece].get_or_insert(false);
            }
        }
    }

    fn end(&mut self, task: usize) {
        if let Some(at) = task.checked_rem(self.tasks.len()) {
            let (source, task, _) = self.tasks.remove(at);
            self.plan.end(source, task);
        }
    }

    /// The root is known: a provisional piece is right, or not.
    fn settle(&mut self, piece: usize, right: bool) {
        let Some(piece) = piece.checked_rem(self.pieces()) else { return };
        if right && self.here[piece].is_some() {
            self.plan.verified(piece);
            self.here[piece] = Some(true);
        } else if !right {
            self.plan.refuted(piece);
            self.here[piece] = None;
        }
    }

    /// A piece may be there from earlier; one that is, or is on its way, is not in doubt.
    fn doubt(&mut self, piece: usize) {
        let Some(piece) = piece.checked_rem(self.pieces()) else { return };
        self.plan.doubt(piece);
        self.in_doubt[piece] |= self.here[piece].is_none() && self.under_way(piece).is_empty();
    }

    fn judge(&mut self, piece: usize, is_there: bool) {
        let Some(piece) = piece.checked_rem(self.pieces()) else { return };
        if !std::mem::take(&mut self.in_doubt[piece]) {
            self.plan.not_there(piece); // changes nothing
        } else if is_there {
            self.plan.verified(piece);
            self.here[piece] = Some(true);
        } else {
            self.plan.not_there(piece);
        }
    }

    fn want(&mut self, files: &[bool]) {
        self.plan.want_only(files);
        let wanted = |piece| files.get(self.layout.piece(piece).unwrap().file).copied().unwrap_or(false);
        self.wanted = (0..self.pieces()).map(wanted).collect();
    }

    fn take(&mut self, who: SourceId, most: u64) -> Result<bool, TestCaseError> {
        let said_free = self.plan.has_free(who);
        let task = self.plan.take(who, most);
        let Some((has, given)) = self.sources.get(&who) else {
            prop_assert!(task.is_none());
            return Ok(false);
        };
        let free: Vec<usize> =
            (0..self.pieces()).filter(|piece| has[*piece] && self.is_free(*piece)).collect();
        prop_assert_eq!(said_free, !free.is_empty());
        if let Some(task) = task {
            self.right_size(task, most)?;
            if task.duplicate {
                self.right_duplicate(who, task, &free)?;
            } else {
                self.right_choice(task, &free, given)?;
            }
            self.tasks.push((who, task, 0));
        } else {
            prop_assert!(free.is_empty(), "something free was not given");
            prop_assert!(self.can_be_had() || !(0..self.pieces()).any(|piece| self.may_double(who, piece)));
        }
        Ok(task.is_some())
    }

    fn right_size(&self, task: Task, most: u64) -> Result<(), TestCaseError> {
        prop_assert!(task.run.count > 0 && task.run.range().end <= self.pieces());
        prop_assert!(task.run.count == 1 || self.layout.bytes(task.run) <= most);
        Ok(())
    }

    fn right_choice(&self, task: Task, free: &[usize], given: &[bool]) -> Result<(), TestCaseError> {
        prop_assert!(task.run.range().all(|piece| free.contains(&piece)), "{task:?} of {free:?}");
        let alike = free.iter().all(|piece| given[*piece] == given[free[0]]);
        if self.sources.len() == 1 && alike {
            prop_assert_eq!(task.run.first, free[0]);
            return Ok(());
        }
        let rank = |piece: usize| (given[piece], self.holders(piece));
        let best = free.iter().map(|piece| rank(*piece)).min();
        prop_assert!(task.run.range().all(|piece| Some(rank(piece)) == best));
        Ok(())
    }

    fn right_duplicate(&self, who: SourceId, task: Task, free: &[usize]) -> Result<(), TestCaseError> {
        prop_assert!(free.is_empty() && !self.can_be_had());
        prop_assert!(task.run.range().all(|piece| self.may_double(who, piece)));
        Ok(())
    }

    /// Whether any source has anything that nobody brings.
    fn can_be_had(&self) -> bool {
        (0..self.pieces()).any(|piece| self.is_free(piece) && self.holders(piece) > 0)
    }

    /// Whether somebody else, and only one, was asked for a missing piece that this source has.
    fn may_double(&self, who: SourceId, piece: usize) -> bool {
        let missing = self.wanted[piece] && self.here[piece].is_none() && self.sources[&who].0[piece];
        missing && matches!(self.under_way(piece)[..], [other] if other != who)
    }

    /// What the plan says of itself is so.
    fn agrees(&self) -> Result<(), TestCaseError> {
        let bytes = |which: &dyn Fn(usize) -> bool| -> u64 {
            let pieces = (0..self.pieces()).filter(|piece| self.wanted[*piece] && which(*piece));
            pieces.map(|piece| self.layout.len_of(piece) as u64).sum()
        };
        let missing = |piece: usize| self.wanted[piece] && self.here[piece].is_none();
        let plan = &self.plan;
        prop_assert_eq!(plan.wanted_bytes(), bytes(&|_| true));
        prop_assert_eq!(plan.here_bytes(), bytes(&|piece| self.here[piece].is_some()));
        prop_assert_eq!(plan.verified_bytes(), bytes(&|piece| self.here[piece] == Some(true)));
        prop_assert_eq!(plan.missing(), (0..self.pieces()).filter(|piece| missing(*piece)).count());
        let in_doubt = (0..self.pieces()).filter(|piece| self.wanted[*piece] && self.in_doubt[*piece]);
        prop_assert_eq!(plan.in_doubt(), in_doubt.count());
        prop_assert_eq!(plan.free(), (0..self.pieces()).filter(|piece| self.is_free(*piece)).count());
        let proven: Vec<bool> = self.here.iter().map(|here| *here == Some(true)).collect();
        prop_assert_eq!(plan.bitmap(), map(&proven));
        prop_assert_eq!(
            plan.is_complete(),
            (0..self.pieces()).all(|piece| !self.wanted[piece] || proven[piece])
        );
        prop_assert_eq!(plan.is_here_all(), plan.missing() == 0);
        prop_assert_eq!(plan.sources(), self.sources.values().filter(|(has, _)| has.contains(&true)).count());
        Ok(())
    }

    /// From here on every source keeps its word, and together they have everything.
    fn finish(&mut self) -> Result<(), TestCaseError> {
        for piece in 0..self.pieces() {
            self.settle(piece, self.here[piece] == Some(true));
            self.judge(piece, piece % 3 == 0);
        }
        let (evens, odds) = (0..self.pieces()).map(|piece| (piece % 2 == 0, piece % 2 == 1)).unzip();
        for (who, has) in [(SourceId(8), evens), (SourceId(9), odds)] {
            self.join(who);
            self.has(who, Some(has), vec![true; self.pieces()]);
        }
        // Every task brings at least one piece, and each piece is asked of two at most.
        let (sources, mut asked) = (self.sources.keys().copied().collect::<Vec<_>>(), 0);
        while !self.plan.is_complete() {
            for who in &sources {
                asked += usize::from(self.take(*who, 3 * MIB)?);
            }
            prop_assert!(!self.tasks.is_empty(), "nobody is asked for anything, and something is missing");
            prop_assert!(asked <= 2 * self.pieces(), "asked {asked} times for {} pieces", self.pieces());
            self.bring(asked, usize::MAX, true);
            self.agrees()?;
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn it_asks_for_what_is_missing_once_and_comes_to_an_end(
        sizes in sizes(),
        seed: u64,
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut model = Model::new(sizes, seed);
        for step in steps {
            model.act(step)?;
            model.agrees()?;
        }
        model.finish()?;
        prop_assert!(model.plan.is_complete());
    }
}
