//! Pieces that nobody has undertaken to bring, in order of how rare they are.

use super::bits::Bits;

/// Stands for a piece that is not free.
const NOWHERE: u32 = u32::MAX;

/// The free pieces, by how many sources have them. Every change costs the same however many pieces
/// there are; ten bytes a piece.
#[derive(Clone, Debug)]
pub(super) struct Stock {
    /// How many sources have each piece, free or not.
    holders: Vec<u8>,
    /// Where each free piece stands in its bucket.
    at: Vec<u32>,
    /// The free pieces that so many sources have, in random order.
    buckets: Vec<Vec<u32>>,
    free: Bits,
    dice: Dice,
}

impl Stock {
    /// Of so many pieces, none of them free. `seed` decides between equals.
    pub(super) fn new(pieces: usize, seed: u64) -> Self {
        let buckets = vec![Vec::new()];
        let free = Bits::none(pieces);
        Self { holders: vec![0; pieces], at: vec![NOWHERE; pieces], buckets, free, dice: Dice(seed) }
    }

    pub(super) fn is_free(&self, piece: usize) -> bool {
        self.free.get(piece)
    }

    /// How many sources have it.
    pub(super) fn holders(&self, piece: usize) -> usize {
        usize::from(self.holders[piece])
    }

    /// Free pieces that no source has.
    pub(super) fn unobtainable(&self) -> usize {
        self.buckets[0].len()
    }

    pub(super) fn put_in(&mut self, piece: usize) {
        self.free.set(piece, true);
        let bucket = self.holders(piece);
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, Vec::new());
        }
        let bucket = &mut self.buckets[bucket];
        let last = bucket.len();
        bucket.push(index32(piece));
        self.at[piece] = index32(last);
        // Somewhere, not at the end: so the bucket stays in random order.
        let other = self.dice.below(bucket.len());
        bucket.swap(last, other);
        self.at[bucket[last] as usize] = index32(last);
        self.at[bucket[other] as usize] = index32(other);
    }

    pub(super) fn take_out(&mut self, piece: usize) {
        self.free.set(piece, false);
        let bucket = self.holders(piece);
        let bucket = &mut self.buckets[bucket];
        let at = std::mem::replace(&mut self.at[piece], NOWHERE);
        bucket.swap_remove(at as usize);
        if let Some(moved) = bucket.get(at as usize) {
            self.at[*moved as usize] = at;
        }
    }

    /// One source more, or one less, has a piece.
    pub(super) fn held_by_one(&mut self, more: bool, piece: usize) {
        let free = self.is_free(piece);
        if free {
            self.take_out(piece);
        }
        let holders = &mut self.holders[piece];
        *holders = if more { holders.saturating_add(1) } else { holders.saturating_sub(1) };
        if free {
            self.put_in(piece);
        }
    }

    /// The first free piece from `from` on that is among these.
    pub(super) fn first_of(&self, among: &Bits, from: usize) -> Option<usize> {
        self.free.first_common(among, from)
    }

    /// Any of the free pieces that so many sources have and that will do.
    pub(super) fn draw(&mut self, holders: usize, will_do: impl Fn(usize) -> bool) -> Option<usize> {
        let bucket = self.buckets.get(holders)?;
        let (before, after) = bucket.split_at(self.dice.below(bucket.len()));
        after.iter().chain(before).map(|piece| *piece as usize).find(|piece| will_do(*piece))
    }
}

fn index32(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(NOWHERE)
}

/// Splitmix64 (Steele, Lea and Flood, 2014): small, and the same everywhere for the same seed.
#[derive(Clone, Debug)]
struct Dice(u64);

impl Dice {
    /// A number below `end`; 0 when there is none.
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let scaled = u128::from(mixed ^ (mixed >> 31)) * end as u128;
        usize::try_from(scaled >> 64).unwrap_or(0)
    }
}
