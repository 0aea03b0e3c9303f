//! The conversation log as both ends keep it, as pure state: where the reader is, and how an
//! author's envelopes hang together.

use crate::ids::{Digest, Seq};

/// What to do with a message that arrived at some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is the next one: keep it and move on.
    Next,
    /// It is known already.
    Known,
    /// Something between is missing: pull after the cursor.
    Gap,
}

/// How far a reader has come in one conversation, without gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor(pub Seq);

impl Cursor {
    /// Judges a message by its place.
    pub fn judge(self, seq: Seq) -> Step {
        match seq.0.cmp(&self.0.next().0) {
            std::cmp::Ordering::Less => Step::Known,
            std::cmp::Ordering::Equal => Step::Next,
            std::cmp::Ordering::Greater => Step::Gap,
        }
    }
}

/// Where a device stands in its own chain in one conversation: what its next envelope carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChainTip {
    /// `n` of its newest envelope; 0 before the first.
    pub n: u64,
    /// BLAKE3 of that envelope's bytes.
    pub digest: Option<Digest>,
    /// The greatest lamport counter seen in the conversation, from anyone.
    pub lamport: u64,
}

impl ChainTip {
    /// `n`, `prev` and `lamport` for the next envelope.
    pub fn next(&self) -> (u64, Option<Digest>, u64) {
        (self.n + 1, self.digest, self.lamport + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever order and however often messages arrive, a reader who keeps only `Next` has
        /// each once, in order, and is told of every gap.
        #[test]
        fn a_cursor_never_skips_or_repeats(arrivals in prop::collection::vec(1u64..20, 0..200)) {
            let mut cursor = Cursor::default();
            let mut kept = Vec::new();
            for seq in arrivals {
                match cursor.judge(Seq(seq)) {
                    Step::Next => { kept.push(seq); cursor = Cursor(Seq(seq)); }
                    Step::Known => prop_assert!(kept.contains(&seq)),
                    Step::Gap => prop_assert!(seq > cursor.0.0 + 1),
                }
            }
            let expected: Vec<u64> = (1..=kept.len() as u64).collect();
            prop_assert_eq!(kept, expected);
        }
    }
}
