//! One bit for each piece.

const WORD: usize = u64::BITS as usize;

/// A set of pieces, as a map of bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bits {
    /// The lowest bit first; those beyond the end are never set.
    words: Vec<u64>,
    len: usize,
}

impl Bits {
    pub(super) fn none(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(WORD)], len }
    }

    pub(super) fn all(len: usize) -> Self {
        Self { words: vec![u64::MAX; len.div_ceil(WORD)], len }.trimmed()
    }

    /// From bytes with the lowest bit first. What is missing at the end is not set; what is too much
    /// is left out.
    pub(super) fn from_bytes(bytes: &[u8], len: usize) -> Self {
        let mut bits = Self::none(len);
        for (word, eight) in bits.words.iter_mut().zip(bytes.chunks(8)) {
            let mut whole = [0; 8];
            whole[..eight.len()].copy_from_slice(eight);
            *word = u64::from_le_bytes(whole);
        }
        bits.trimmed()
    }

    /// As bytes with the lowest bit first, as few as hold all.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let bytes = self.words.iter().flat_map(|word| word.to_le_bytes());
        bytes.take(self.len.div_ceil(8)).collect()
    }

    pub(super) fn get(&self, piece: usize) -> bool {
        self.words.get(piece / WORD).is_some_and(|word| word >> (piece % WORD) & 1 == 1)
    }

    pub(super) fn set(&mut self, piece: usize, on: bool) {
        let bit = 1 << (piece % WORD);
        if let Some(word) = self.words.get_mut(piece / WORD).filter(|_| piece < self.len) {
            if on { *word |= bit } else { *word &= !bit }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// How many words [`differing`](Self::differing) can be asked for.
    pub(super) fn words(&self) -> usize {
        self.words.len()
    }

    /// The pieces of one word that are in exactly one of both.
    pub(super) fn differing(&self, other: &Self, word: usize) -> impl Iterator<Item = usize> + use<> {
        let at = |bits: &Self| bits.words.get(word).copied().unwrap_or(0);
        let mut left = at(self) ^ at(other);
        std::iter::from_fn(move || {
            let bit = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (bit < WORD).then_some(word * WORD + bit)
        })
    }

    /// The first piece from `from` on that is in both.
    pub(super) fn first_common(&self, other: &Self, from: usize) -> Option<usize> {
        let begin = from / WORD;
        let pairs = self.words.iter().zip(&other.words).enumerate().skip(begin);
        for (at, (one, two)) in pairs {
            let before = if at == begin { (1 << (from % WORD)) - 1 } else { 0 };
            let both = one & two & !before;
            if both != 0 {
                return Some(at * WORD + both.trailing_zeros() as usize);
            }
        }
        None
    }

    fn trimmed(mut self) -> Self {
        let over = self.len % WORD;
        if let Some(last) = self.words.last_mut().filter(|_| over != 0) {
            *last &= (1 << over) - 1;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(flags: &[bool]) -> Bits {
        let mut bits = Bits::none(flags.len());
        for (at, on) in flags.iter().enumerate() {
            bits.set(at, *on);
        }
        bits
    }

    #[test]
    fn what_lies_beyond_the_end_is_never_there() {
        let mut bits = Bits::from_bytes(&[0xff; 20], 67);
        assert_eq!(bits, Bits::all(67));
        bits.set(67, true);
        assert_eq!((bits.get(66), bits.get(67), bits.get(9_999)), (true, false, false));
        assert_eq!(bits.to_bytes(), [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0b111]);
        assert_eq!(Bits::from_bytes(&[1], 67), of(&[&[true][..], &[false; 66]].concat()));
        assert!(Bits::all(0).is_empty() && Bits::all(0).to_bytes().is_empty());
    }

    proptest! {
        #[test]
        fn it_is_a_set(pairs in prop::collection::vec(any::<(bool, bool)>(), 0..300), from in 0usize..320) {
            let (one, two): (Vec<bool>, Vec<bool>) = pairs.into_iter().unzip();
            let (a, b) = (of(&one), of(&two));
            prop_assert_eq!(&Bits::from_bytes(&a.to_bytes(), one.len()), &a);
            let common = (from..one.len()).find(|&i| one[i] && two[i]);
            prop_assert_eq!(a.first_common(&b, from), common);
            let differing: Vec<usize> = (0..a.words()).flat_map(|word| a.differing(&b, word)).collect();
            let expected: Vec<usize> = (0..one.len()).filter(|&i| one[i] != two[i]).collect();
            prop_assert_eq!(differing, expected);
        }
    }
}
