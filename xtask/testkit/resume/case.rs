//! One download of a run: what is fetched, from how many, and what befalls whom when. Drawn before it
//! begins, so that a seed says it all.

use std::time::Duration;

use crate::random::Random;

const MIB: u64 = 1 << 20;
/// Where pieces and steps begin and end.
const EDGES: [u64; 5] = [0, 1, MIB - 1, MIB, MIB + 1];
/// The usual largest size, in bytes.
const USUAL: u64 = 200_000_000;
/// The largest, in bytes.
const LARGEST: u64 = 2_000_000_000;
/// From so many kills on a run has the largest size too.
const LONG_RUN: usize = 100;
/// Which download of a long run has the largest size.
const LARGE_ONE: u64 = 7;
/// The largest in short runs, which are part of every test.
const SHORT_RUN_USUAL: u64 = 40_000_000;

/// A download.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) number: u64,
    pub(super) shape: Shape,
    /// Bytes a second of each source; `None` is no limit. The author comes first.
    pub(super) sources: Vec<Option<u64>>,
    /// In the order in which they strike.
    pub(super) kills: Vec<Kill>,
    /// The root is known only once so many percent are here, as with an offer that is hashed still.
    pub(super) root_at: Option<u64>,
    /// For what is drawn on the way.
    pub(super) random: Random,
}

/// What is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One file of so many bytes, with holes where it is zeros or without.
    File { size: u64, holes: bool },
    /// A folder with so many bytes in it.
    Folder { size: u64 },
}

/// kill -9.
#[derive(Debug)]
pub(super) struct Kill {
    /// Once so many bytes have come in all.
    pub(super) at: u64,
    pub(super) whom: Whom,
    /// How long until it is back; `None` for a source that stays away.
    pub(super) away: Option<Duration>,
    /// What was written last is torn, as by a power cut.
    pub(super) torn: bool,
}

/// Which side is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    Receiver,
    Source(usize),
}

impl Shape {
    pub(super) fn size(self) -> u64 {
        match self {
            Self::File { size, .. } | Self::Folder { size } => size,
        }
    }
}

impl Case {
    /// The download with this number, of a run of so many kills.
    pub(super) fn draw(seed: u64, number: u64, count: usize) -> Self {
        let mut random = Random::of_part(seed, number);
        let shape = shape(&mut random, number, count >= LONG_RUN);
        let sources = sources(&mut random, shape.size());
        let kills = kills(&mut random, shape.size(), sources.len());
        let root_at = random.percent(30).then(|| root_at(&mut random));
        Self { number, shape, sources, kills, root_at, random }
    }
}

fn shape(random: &mut Random, number: u64, is_long: bool) -> Shape {
    if is_long && number == LARGE_ONE {
        return Shape::File { size: LARGEST, holes: false };
    }
    let usual = if is_long { USUAL } else { SHORT_RUN_USUAL };
    match random.below(100) {
        0..10 => Shape::File { size: EDGES[random.below(EDGES.len())], holes: false },
        10..25 => Shape::Folder { size: random.log_uniform(100_000, usual / 2) },
        25..30 if is_long => Shape::File { size: random.log_uniform(USUAL, LARGEST / 2), holes: false },
        draw => Shape::File { size: random.log_uniform(1_000, usual), holes: draw > 85 },
    }
}

/// Small downloads are slowed down, so that there is a middle in which to strike.
fn sources(random: &mut Random, size: u64) -> Vec<Option<u64>> {
    let count = 1 + random.below(4);
    let seconds = match size {
        0..10_000_000 => Some(0.4),
        10_000_000..USUAL if random.percent(60) => Some(1.5),
        _ => None,
    };
    let mut draw = || {
        let rate = size as f64 / seconds? / count as f64;
        // One may be ten times as slow as another.
        let rate = rate * (random.log_uniform(30, 300) as f64 / 100.0);
        // A rate is a rough thing.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Some((rate as u64).max(1_000))
    };
    (0..count).map(|_| draw()).collect()
}

/// Midway, or when everything is here.
fn root_at(random: &mut Random) -> u64 {
    if random.percent(40) { 100 } else { random.between(1, 99) }
}

fn kills(random: &mut Random, size: u64, sources: usize) -> Vec<Kill> {
    let mut kills: Vec<Kill> = (0..3 + random.below(4)).map(|_| kill(random, size, sources)).collect();
    kills.sort_by_key(|kill| kill.at);
    kills
}

fn kill(random: &mut Random, size: u64, sources: usize) -> Kill {
    let is_receiver = random.percent(50);
    let whom = if is_receiver { Whom::Receiver } else { Whom::Source(random.below(sources)) };
    let stays_away = !is_receiver && sources > 1 && random.percent(15);
    let away = Duration::from_millis(random.log_uniform(1, 700));
    // Some come when all is here, and strike nothing that moves: what is done then must be safe too.
    let at = if random.percent(5) { size } else { random.between(0, size.saturating_sub(1)) };
    Kill { at, whom, away: (!stays_away).then_some(away), torn: is_receiver && random.percent(60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_it_all_and_everything_is_drawn() {
        let draw = |seed| (0..300).map(move |number| Case::draw(seed, number, 200));
        for (one, same) in draw(5).zip(draw(5)) {
            assert_eq!(
                (one.shape, &one.sources, one.kills.len(), one.root_at),
                (same.shape, &same.sources, same.kills.len(), same.root_at)
            );
        }
        let all: Vec<Case> = draw(6).collect();
        for edge in EDGES.into_iter().chain([LARGEST]) {
            assert!(all.iter().any(|case| case.shape == Shape::File { size: edge, holes: false }), "{edge}");
        }
        assert!(all.iter().any(|case| matches!(case.shape, Shape::Folder { .. })));
        assert!((1..=4).all(|count| all.iter().any(|case| case.sources.len() == count)));
        for late in [None, Some(100)] {
            assert!(all.iter().any(|case| case.root_at == late), "{late:?}");
        }
        assert!(all.iter().any(|case| case.root_at.is_some_and(|percent| percent < 100)));
        let kills = || all.iter().flat_map(|case| &case.kills);
        assert!(kills().any(|kill| kill.torn) && kills().any(|kill| kill.away.is_none()));
    }
}
