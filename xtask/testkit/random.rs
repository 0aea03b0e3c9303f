//! Chances that can be repeated: a small generator with a seed (xorshift64*, Marsaglia and Vigna).

/// The generator. Not for secrets.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The same seed gives the same numbers.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The numbers of one part of a run, whatever the other parts draw.
    pub(crate) fn of_part(seed: u64, part: u64) -> Self {
        let mut random = Self::new(seed.wrapping_add(part.wrapping_mul(0xbf58_476d_1ce4_e5b9)));
        // Seeds that are close to each other begin alike.
        for _ in 0..8 {
            random.next();
        }
        random
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let mixed = self.next() >> 32;
        usize::try_from(mixed).unwrap_or(0) % bound.max(1)
    }

    /// A number from `least` to `most`.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most.saturating_sub(least) + 1)
    }

    /// A number from `least` to `most`, each order of magnitude as likely as the others.
    pub(crate) fn log_uniform(&mut self, least: u64, most: u64) -> u64 {
        let (low, high) = ((least.max(1) as f64).ln(), (most.max(1) as f64).ln());
        let part = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        let drawn = (low + part * (high - low)).exp();
        // Within the bounds, so it is no loss.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let drawn = drawn as u64;
        drawn.clamp(least, most)
    }

    /// True this often in a hundred.
    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Fills a buffer with what does not compress.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let bytes = self.next().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
