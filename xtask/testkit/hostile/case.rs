//! One download of a run: what is fetched, from whom, and who comes when. Drawn before it begins.

use std::sync::Arc;
use std::time::Duration;

use super::offers::Offered;
use super::server::Mood;
use crate::random::Random;

/// Hostile sources there are.
pub(super) const HOSTILE: usize = 4;
/// How many of all downloads are of something vile, in a hundred.
const VILE: usize = 8;

/// A download.
pub(super) struct Case {
    pub(super) number: u64,
    /// For what the hostile sources draw.
    pub(super) seed: u64,
    pub(super) offered: Arc<Offered>,
    /// Of each of the hostile sources that take part.
    pub(super) moods: Vec<Mood>,
    pub(super) author: Author,
    pub(super) opening: Opening,
    /// The root of a file comes only when everybody is there.
    pub(super) late_root: bool,
    /// Somebody fetches what it has so far; a file, then.
    pub(super) spied_on: bool,
    /// There is a file with the name already.
    pub(super) taken: bool,
}

/// Who made the offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Author {
    Honest,
    /// The first of the hostile ones.
    Hostile,
}

/// Who is there when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// All from the beginning.
    Together,
    /// The honest one comes after so long, to the same download.
    JoinedAfter(Duration),
    /// The download is stopped after so long; then another goes on with what is left of it, from all or
    /// from the honest one alone.
    ResumedAfter(Duration, bool),
    /// There is none that is honest.
    Never(Duration),
}

impl Case {
    /// The download with this number.
    pub(super) fn draw(seed: u64, number: u64, offers: &[Offered]) -> Self {
        let mut random = Random::of_part(seed, number + 1);
        let offered = offers[random.below(offers.len())].clone();
        let patience = Duration::from_millis(random.between(100, 900));
        let vile = random.percent(VILE).then(|| {
            let vile = offers.iter().filter_map(|offer| offer.vile(&mut random)).collect::<Vec<_>>();
            vile.into_iter().nth(usize::try_from(number).unwrap_or(0) % 3)
        });
        let case = Self {
            number,
            seed: random.between(0, u64::MAX - 1),
            moods: moods(&mut random),
            author: if random.percent(50) || !offered.is_held { Author::Honest } else { Author::Hostile },
            opening: opening(&mut random, patience),
            late_root: random.percent(15),
            spied_on: offered.summary.is_none() && random.percent(40),
            taken: random.percent(15),
            offered: Arc::new(offered),
        };
        match vile.flatten() {
            None => Self { late_root: case.late_root && case.offered.summary.is_none(), ..case },
            Some(vile) => Self {
                offered: Arc::new(vile),
                moods: vec![Mood::Serves],
                author: Author::Hostile,
                opening: Opening::Never(Duration::from_millis(1_500)),
                late_root: false,
                spied_on: false,
                ..case
            },
        }
    }
}

fn moods(random: &mut Random) -> Vec<Mood> {
    // One alone is the one case in which it is plain who did what.
    let count = if random.percent(40) { 1 } else { 2 + random.below(HOSTILE - 1) };
    let mut mood = || match random.below(100) {
        0..45 => Mood::Lies(90),
        45..70 => Mood::Lies(50),
        70..80 => Mood::Refuses,
        80..90 => Mood::Poisons,
        _ => Mood::Repeats,
    };
    (0..count).map(|_| mood()).collect()
}

fn opening(random: &mut Random, patience: Duration) -> Opening {
    match random.below(100) {
        0..25 => Opening::Together,
        25..65 => Opening::JoinedAfter(patience),
        65..90 => Opening::ResumedAfter(patience, random.percent(50)),
        _ => Opening::Never(patience),
    }
}
