//! How fast it went in the last minute, for the plot.

use std::collections::VecDeque;

/// Seconds that are remembered.
pub(crate) const SPAN: f64 = 60.0;
/// Seconds between two samples at least.
const STEP: f64 = 0.25;
/// After so many seconds without news nothing moved.
const SILENCE: f64 = 1.5;

/// One moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    /// In the context's seconds.
    pub(crate) at: f64,
    /// Bytes a second inwards.
    pub(crate) down: u64,
    /// Bytes a second outwards.
    pub(crate) up: u64,
}

/// The last minute.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rates {
    samples: VecDeque<Sample>,
}

impl Rates {
    /// Takes note of the rates at a moment. An idle window is not painted, so what lies between is
    /// filled in.
    pub(crate) fn note(&mut self, at: f64, down: u64, up: u64) {
        let quiet = down == 0 && up == 0;
        match self.samples.back_mut() {
            None if quiet => return,
            Some(last) if last.down == 0 && last.up == 0 && quiet => return,
            Some(last) if at - last.at < STEP => (last.down, last.up) = (down, up),
            Some(last) if at - last.at > SILENCE => {
                let begun = last.at + STEP;
                self.samples.push_back(Sample { at: begun, down: 0, up: 0 });
                self.samples.push_back(Sample { at: at - STEP, down: 0, up: 0 });
                self.samples.push_back(Sample { at, down, up });
            }
            _ => self.samples.push_back(Sample { at, down, up }),
        }
        while self.samples.front().is_some_and(|first| at - first.at > SPAN) {
            self.samples.pop_front();
        }
    }

    /// The samples, the oldest first.
    pub(crate) fn samples(&self) -> impl ExactSizeIterator<Item = &Sample> {
        self.samples.iter()
    }

    /// The highest rate among them.
    pub(crate) fn most(&self) -> u64 {
        self.samples.iter().map(|sample| sample.down.max(sample.up)).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_remembered_and_silence_is_filled_in() {
        let mut rates = Rates::default();
        rates.note(0.0, 0, 0);
        assert_eq!(rates.samples().len(), 0, "nothing has moved yet");
        rates.note(1.0, 10, 0);
        rates.note(1.1, 20, 5);
        assert_eq!(rates.samples().len(), 1, "close samples are one");
        rates.note(10.0, 30, 0);
        let down: Vec<u64> = rates.samples().map(|sample| sample.down).collect();
        assert_eq!(down, [20, 0, 0, 30]);
        rates.note(65.0, 1, 0);
        assert!(rates.samples().all(|sample| sample.at >= 5.0), "what is older is gone");
        assert_eq!(rates.most(), 30);
    }
}
