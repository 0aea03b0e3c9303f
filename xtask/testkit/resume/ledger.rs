//! What came twice, and which kill made it so. Every byte of the content belongs to whoever brought it
//! last; when it comes again, it is put down to what ended that.

use std::collections::BTreeMap;
use std::ops::Range;

/// One life of a source within one life of the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bringer {
    /// Which start of the receiver.
    pub(super) attempt: usize,
    /// Which source.
    pub(super) source: u64,
    /// Which start of the source within this attempt.
    pub(super) life: usize,
}

/// Who brought which bytes last.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// By where it begins: where it ends, and who brought it. They do not overlap.
    spans: BTreeMap<u64, (u64, Bringer)>,
    /// What may come again, however often, and nobody is to blame.
    excused: Vec<Range<u64>>,
    /// What came again although it had come from there.
    again: BTreeMap<Bringer, Vec<Range<u64>>>,
    /// Bytes that came in all.
    pub(super) received: u64,
}

impl Ledger {
    /// Bytes came.
    pub(super) fn receive(&mut self, range: Range<u64>, from: Bringer) {
        self.received += range.end - range.start;
        for (who, common) in self.cut(&range) {
            let blamed = self.blamed(common);
            if !blamed.is_empty() {
                self.again.entry(who).or_default().extend(blamed);
            }
        }
        if !range.is_empty() {
            self.spans.insert(range.start, (range.end, from));
        }
    }

    /// A piece may come again from now on, at whatever attempt it turns out to be wrong.
    pub(super) fn excuse(&mut self, piece: Range<u64>) {
        self.excused.push(piece);
    }

    /// A range without what is excused.
    fn blamed(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let without = |ranges: Vec<Range<u64>>, excused: &Range<u64>| {
            let around = |range: Range<u64>| {
                let before = range.start..range.end.min(excused.start);
                [before, range.start.max(excused.end)..range.end]
            };
            ranges.into_iter().flat_map(around).filter(|range| !range.is_empty()).collect()
        };
        self.excused.iter().fold(vec![range], without)
    }

    /// Bytes that came again, by who had brought them.
    pub(super) fn again(&self) -> BTreeMap<Bringer, u64> {
        let sum = |ranges: &Vec<Range<u64>>| ranges.iter().map(|range| range.end - range.start).sum();
        self.again.iter().map(|(who, ranges)| (*who, sum(ranges))).collect()
    }

    /// What of somebody's came again.
    pub(super) fn ranges_again(&self, who: &Bringer) -> &[Range<u64>] {
        self.again.get(who).map_or(&[], Vec::as_slice)
    }

    /// Whether every byte before this one has come.
    pub(super) fn covers(&self, size: u64) -> bool {
        let mut at = 0;
        for (start, (end, _)) in &self.spans {
            if *start > at {
                break;
            }
            at = *end;
        }
        at >= size
    }

    /// Takes a range out, and tells who had brought how much of it.
    fn cut(&mut self, range: &Range<u64>) -> Vec<(Bringer, Range<u64>)> {
        let first = self.spans.range(..range.start).next_back().map_or(range.start, |(start, _)| *start);
        let touched: Vec<_> =
            self.spans.range(first..range.end).map(|(s, (e, who))| (*s, *e, *who)).collect();
        let mut cut = Vec::new();
        for (start, end, who) in touched {
            let common = start.max(range.start)..end.min(range.end);
            if common.is_empty() {
                continue;
            }
            self.spans.remove(&start);
            if start < common.start {
                self.spans.insert(start, (common.start, who));
            }
            if common.end < end {
                self.spans.insert(common.end, (end, who));
            }
            cut.push((who, common));
        }
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(attempt: usize, source: u64) -> Bringer {
        Bringer { attempt, source, life: 0 }
    }

    #[test]
    fn what_comes_again_is_put_down_to_who_brought_it_last() {
        let mut ledger = Ledger::default();
        ledger.receive(0..100, who(0, 0));
        ledger.receive(200..300, who(0, 1));
        assert!(ledger.again().is_empty());
        ledger.receive(90..210, who(1, 0));
        assert_eq!(ledger.again(), BTreeMap::from([(who(0, 0), 10), (who(0, 1), 10)]));
        ledger.receive(80..100, who(2, 0));
        assert_eq!(ledger.again(), BTreeMap::from([(who(0, 0), 20), (who(0, 1), 10), (who(1, 0), 10)]));
        assert_eq!(ledger.received, 340);
        assert!(ledger.covers(300) && !ledger.covers(301));
    }

    #[test]
    fn what_is_excused_comes_for_free() {
        let mut ledger = Ledger::default();
        ledger.receive(0..100, who(0, 0));
        ledger.excuse(40..60);
        ledger.receive(30..70, who(1, 0));
        assert_eq!(ledger.again(), BTreeMap::from([(who(0, 0), 20)]));
        assert_eq!(ledger.ranges_again(&who(0, 0)), [30..40, 60..70]);
        ledger.receive(50..55, who(2, 0));
        assert_eq!(ledger.again(), BTreeMap::from([(who(0, 0), 20)]));
        assert!(ledger.covers(100) && !ledger.covers(101));
    }
}
