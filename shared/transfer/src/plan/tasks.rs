//! What is under way, and from whom.

use super::source::SourceId;
use crate::layout::Run;

/// A run that somebody undertook to bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// The pieces.
    pub run: Run,
    /// Somebody slower is bringing them too: the first to do so counts.
    pub duplicate: bool,
    /// Tells two tasks of the same source over the same run apart.
    number: u64,
}

/// A task that has not ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) source: SourceId,
    pub(super) task: Task,
    /// The first piece of it that is not here: they come in order.
    pub(super) next: usize,
}

impl Open {
    pub(super) fn end(&self) -> usize {
        self.task.run.range().end
    }
}

/// The tasks that have not ended: one or two for each source.
#[derive(Clone, Debug, Default)]
pub(super) struct Tasks {
    open: Vec<Open>,
    begun: u64,
}

impl Tasks {
    pub(super) fn begin(&mut self, source: SourceId, run: Run, duplicate: bool) -> Task {
        self.begun += 1;
        let task = Task { run, duplicate, number: self.begun };
        self.open.push(Open { source, task, next: run.first });
        task
    }

    /// Whether it was open.
    pub(super) fn end(&mut self, source: SourceId, task: Task) -> bool {
        let found = self.open.iter().position(|open| open.source == source && open.task == task);
        found.map(|at| self.open.swap_remove(at)).is_some()
    }

    pub(super) fn of(&self, source: SourceId) -> Vec<Task> {
        self.open.iter().filter(|open| open.source == source).map(|open| open.task).collect()
    }

    /// Whether this task has not ended, and the piece is one of it.
    pub(super) fn is_open(&self, source: SourceId, task: Task, piece: usize) -> bool {
        let is_it = |open: &Open| open.source == source && open.task == task;
        task.run.range().contains(&piece) && self.open.iter().any(is_it)
    }

    /// A piece that was here is not any more. Tells how many undertook to bring it; some of them may
    /// have done so, and will not again.
    pub(super) fn lost(&mut self, piece: usize) -> usize {
        let bringing = self.open.iter_mut().filter(|open| open.task.run.range().contains(&piece));
        bringing.map(|open| open.next = open.next.min(piece)).count()
    }

    /// Brings [`Open::next`] up to date.
    pub(super) fn advance(&mut self, is_here: impl Fn(usize) -> bool) {
        for open in &mut self.open {
            open.next = (open.next..open.end()).find(|piece| !is_here(*piece)).unwrap_or(open.end());
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Open> {
        self.open.iter()
    }
}
