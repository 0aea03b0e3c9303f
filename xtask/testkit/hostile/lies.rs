//! What a hostile source does to an answer: drawn from a catalogue of lies about HTTP itself (`wire`),
//! about content (`content`) and about lists (`lists`).

#![allow(
    clippy::unnecessary_wraps,
    clippy::needless_pass_by_value,
    reason = "all lies are made in one way, also those that always fit or change nothing of the answer"
)]

mod content;
mod lists;
mod wire;

pub(super) use wire::TRAP;

use super::answer::{Answer, Step};
use crate::random::Random;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// These bytes, the end not included, of a file or a folder.
    Content {
        start: u64,
        end: u64,
        is_folder: bool,
    },
    Tree,
    /// These bytes of it.
    Manifest {
        start: u64,
        end: u64,
    },
    Have,
    /// Nothing there is.
    Other,
}

/// A hostile answer.
#[derive(Debug)]
pub(super) struct Lie {
    pub(super) what: &'static str,
    pub(super) steps: Vec<Step>,
    /// It has its effect when so many of its bytes were read.
    pub(super) strikes_at: usize,
    /// When so many were read, the receiver knows that nobody says this by mistake.
    pub(super) proven_at: Option<usize>,
}

impl Asked {
    /// Content with the same length that begins elsewhere, if there is any.
    pub(super) fn elsewhere(self, size: u64, random: &mut Random) -> Option<(u64, u64)> {
        let Self::Content { start, end, .. } = self else { return None };
        let other = random.between(0, size.checked_sub(end - start)?);
        (other != start).then_some((other, other + end - start))
    }
}

/// Makes a lie out of an answer; `None` where this one does not fit.
type Make = fn(&Asked, Answer, &mut Random) -> Option<Lie>;

/// How often an answer is broken as HTTP, whatever it is about, in a hundred.
const WIRE: usize = 40;
/// Draws of a lie that fits before the one that always does.
const TRIES: usize = 8;

impl Lie {
    /// Bytes sent as they are, which turn bad here.
    fn sent(what: &'static str, raw: Vec<u8>, strikes_at: usize) -> Self {
        let strikes_at = strikes_at.min(raw.len());
        Self { what, steps: vec![Step::Send(raw)], strikes_at, proven_at: None }
    }

    /// A whole answer that is bad once it has been read to its end.
    fn whole(what: &'static str, answer: &Answer) -> Self {
        let raw = answer.raw();
        let len = raw.len();
        Self::sent(what, raw, len)
    }

    fn proven_at(self, proven_at: usize) -> Self {
        Self { proven_at: Some(proven_at), ..self }
    }

    /// It gives itself away as soon as it has struck.
    fn plain(self) -> Self {
        Self { proven_at: Some(self.strikes_at), ..self }
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

/// One that fits.
pub(super) fn draw(asked: &Asked, answer: &Answer, random: &mut Random) -> Lie {
    let own: &[Make] = match asked {
        Asked::Content { .. } if answer.status == 206 => content::ALL,
        Asked::Tree if answer.status == 200 => lists::TREE,
        Asked::Manifest { .. } if answer.status == 206 => lists::MANIFEST,
        Asked::Have if answer.status == 200 => lists::HAVE,
        _ => wire::ALL,
    };
    for _ in 0..TRIES {
        let from = if random.percent(WIRE) { wire::ALL } else { own };
        if let Some(lie) = from[random.below(from.len())](asked, answer.clone(), random) {
            return lie;
        }
    }
    wire::flip(answer, random)
}

/// The bytes of another range as those of the one asked for.
pub(super) fn swapped(asked: &Asked, mut answer: Answer, size: u64) -> Lie {
    if let Asked::Content { start, end, .. } = asked {
        answer.set("content-range", &format!("bytes {start}-{}/{size}", end - 1));
    }
    Lie::whole("bytes of another range", &answer)
}

/// Refuses, as if it had nothing of what it says it has.
pub(super) fn refuse(random: &mut Random) -> Lie {
    wire::refusal(random)
}

/// Sends the beginning of a piece, enough to be written down, and wrong; then goes.
pub(super) fn poison(asked: &Asked, answer: &Answer, random: &mut Random) -> Lie {
    content::poison(asked, answer.clone(), random).unwrap_or_else(|| wire::flip(answer, random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_it_all_and_every_lie_fits_something() {
        let mut body = vec![0; (1 << 20) + 5000];
        Random::new(1).fill(&mut body);
        let mut answer = Answer::new(206, body);
        answer.set("content-range", "bytes 0-1053575/4194304");
        let content = Asked::Content { start: 0, end: (1 << 20) + 5000, is_folder: false };
        let small = |status, body: &str| Answer::new(status, body);
        let cases = [
            (content, answer, content::ALL),
            (Asked::Tree, Answer::new(200, (0..96).collect::<Vec<u8>>()), lists::TREE),
            (
                Asked::Manifest { start: 0, end: 15 },
                {
                    let mut answer = small(206, "a list of files");
                    answer.set("content-range", "bytes 0-14/15");
                    answer
                },
                lists::MANIFEST,
            ),
            (Asked::Have, small(200, "{\"complete\":true}"), lists::HAVE),
        ];
        for (asked, answer, own) in cases {
            for (number, make) in own.iter().chain(wire::ALL).enumerate() {
                let mut random = Random::new(2);
                let made = (0..100).find_map(|_| make(&asked, answer.clone(), &mut random));
                assert!(made.is_some(), "{asked:?}: number {number} never fits");
            }
            for seed in 0..20 {
                let lie = || draw(&asked, &answer, &mut Random::new(seed));
                let (one, same) = (lie(), lie());
                assert_eq!((one.what, one.strikes_at), (same.what, same.strikes_at));
                assert!(one.proven_at.is_none_or(|at| at > 0), "{}", one.what);
            }
        }
    }
}
